package relay

import (
	"context"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// tickEvery is how often Run looks for what is due.
const tickEvery = 50 * time.Millisecond

// Run calls Tick every 50 ms, and at once after Wake, until ctx is done. Only
// relays with a Repair, or with a Resolver or Media that return [Pending], need
// it. out is Run's alone, best from [transport.Endpoint.Outbox].
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

// Wake has Run try again what waits for the Resolver or Media. It never blocks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Tick puts into out what is due at now: messages that are to be sent again,
// requests whose next hop is known by now or won't be, messages of calls whose
// media node has answered. It may flush out. now is by the same clock as
// [transport.Packet.At].
func (r *Relay) Tick(now time.Time, out *transport.Outbox) {
	r.retry(now, out)
	if r.repair != nil {
		r.repair.Due(now, out.Buffer, func(m Resend) (Resend, bool) { return r.resend(m, out) })
	}
}

// retry gives the messages that wait another try, in the order they came, and
// those that have waited too long the last one.
func (r *Relay) retry(now time.Time, out *transport.Outbox) {
	list := r.parked.take()
	if len(list) == 0 {
		return
	}
	s := r.scratch.Get().(*Scratch)
	defer r.scratch.Put(s)
	var blocked map[uint64]bool // calls of which a message goes on waiting
	var still, gone []parked
	s.again = true
	for i := range list {
		p := &list[i]
		s.last, s.queued = now.Sub(p.At) >= maxParkedTime, p.call != 0 && blocked[p.call]
		o := r.handle(s, &p.Packet, out.Buffer())
		if o.Cause.waits() {
			still = append(still, *p)
			if p.call != 0 {
				if blocked == nil {
					blocked = map[uint64]bool{}
				}
				blocked[p.call] = true
			}
			continue
		}
		gone = append(gone, *p)
		o = r.send(s, o, out)
		r.causes[o.Cause].Add(1)
	}
	// What comes next in these calls must not leave before what has waited.
	out.Flush()
	r.parked.back(still)
	for i := range gone {
		r.parked.gone(&gone[i])
	}
	if len(gone) > 0 && r.parked.any() {
		r.Wake() // for what has come meanwhile and waited behind these only
	}
}
