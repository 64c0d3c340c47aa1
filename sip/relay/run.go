package relay

import (
	"context"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// tickEvery is how often Run looks for what is due.
const tickEvery = 50 * time.Millisecond

// Run calls Tick every 50 ms, and at once after Wake, until ctx is done. Only
// relays with a Repair, or with a Resolver that returns [Pending], need it. out
// is Run's alone, best from [transport.Endpoint.Outbox].
func (r *Relay) Run(ctx context.Context, out *transport.Outbox) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-r.wake:
		}
		r.Tick(r.now(), out)
		out.Flush()
	}
}

// Wake has Run try again what waits for the Resolver. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Tick puts into out what is due at now: messages that are to be sent again, and
// requests whose next hop is known by now or won't be. now is by the same clock
// as [transport.Packet.At].
func (r *Relay) Tick(now time.Time, out *transport.Outbox) {
	r.retry(now, out)
	if r.repair != nil {
		r.repair.Due(now, out.Buffer, func(flow transport.Flow, msg []byte) {
			_ = out.Send(flow, msg) // the transport counts what it drops
		})
	}
}

// retry gives the requests that wait another try, and those that have waited
// too long the last one.
func (r *Relay) retry(now time.Time, out *transport.Outbox) {
	list := r.parked.take()
	if len(list) == 0 {
		return
	}
	s := r.scratch.Get().(*Scratch)
	defer r.scratch.Put(s)
	for _, p := range list {
		s.last = now.Sub(p.At) >= maxParkedTime
		o := r.handle(s, p, out.Buffer())
		if o.Cause == Resolving {
			r.parked.back(p)
			continue
		}
		r.parked.gone(p)
		o = r.send(s, o, out)
		r.causes[o.Cause].Add(1)
	}
}
