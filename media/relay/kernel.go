package relay

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/offload"
	"github.com/class5-go/class5/media/rtpstat"
)

// Offloader is who forwards plain streams in the relay's place:
// offload.Kernel, or none. Methods as in package offload.
type Offloader interface {
	Install(offload.Flow) error
	Release(local netip.AddrPort) error
	Remove(local netip.AddrPort) (offload.Stats, error)
	Figures(local netip.AddrPort) (offload.Stats, error)
	Walk(visit func(local netip.AddrPort, s offload.Stats)) error
	Claim(locals ...netip.AddrPort) error
	Renew() error
	Check() error
}

// refusedFor is how long a stream that the kernel did not take is left alone.
const refusedFor = time.Minute

// kernelFlow is a stream of one party as the kernel sees it. Once it is
// installed the kernel keeps the statistics of all its packets, also of those
// that it hands up.
type kernelFlow struct {
	flow   offload.Flow
	active bool // installed and not released
	stats  offload.Stats
	// seen is the RTP that user space got meanwhile: what the kernel handed up,
	// and what waited in the socket when the flow began. The kernel has not seen
	// the latter; early is how many these were.
	seen  counter
	early uint64
}

// received are the packets of the flow, wherever they were forwarded. None is
// counted twice, whatever waits in the socket.
func (k *kernelFlow) received() counter {
	return counter{k.stats.Forwarded.Packets + k.seen.packets, k.stats.Forwarded.Octets + k.seen.bytes}
}

// Path says where the packets of a stream are forwarded, and why not in the
// kernel.
type Path struct {
	Kernel bool   `json:"kernel"`
	Why    string `json:"why,omitempty"` // of the path in user space
}

// why a stream is in user space, beyond what the offloader says.
const (
	whyOff       = "off"
	whyWork      = "work" // SRTP, ICE, transcoding, taps, several receivers
	whyLearning  = "learning"
	whyDirection = "direction"
	whyFamily    = "family"
	whyPayload   = "payload"
	whyKind      = "kind"
)

// offloadable is the flow of a stream that the kernel could forward, or why
// it could not.
func (s *stream) offloadable() (f offload.Flow, why string) {
	if s.off || !s.rtp || s.set == nil {
		return f, whyKind
	}
	if !s.plain {
		return f, whyWork
	}
	r := &s.routes[0]
	if !r.open || r.to.off {
		return f, whyDirection
	}
	to := r.to.component(false)
	f = offload.Flow{Local: s.media.out.socket.LocalAddr(), Source: s.media.latch.Remote(), To: to.latch.Remote(),
		Secure: s.secure, TOS: uint8(s.set.tos), SetTOS: true}
	if !s.media.latch.Locked() || !f.To.IsValid() || to.out == nil {
		return f, whyLearning
	}
	f.From = to.out.socket.LocalAddr()
	if f.Local.Addr().IsUnspecified() || f.From.Addr().IsUnspecified() || f.From.Addr().Is4() != f.Local.Addr().Is4() {
		return f, whyFamily
	}
	f.PayloadTypes = s.leg.session.types[:0] // lent until the next flow of the session
	for _, c := range s.clocks {
		if c.rate == 0 {
			continue // telephone events
		}
		if f.ClockRate == 0 {
			f.ClockRate = c.rate
		}
		f.PayloadTypes = append(f.PayloadTypes, offload.PayloadType{Number: c.pt, Jitter: c.rate == f.ClockRate})
	}
	if len(f.PayloadTypes) == 0 {
		return f, whyPayload
	}
	s.leg.session.types = f.PayloadTypes
	return f, ""
}

func sameFlow(a, b *offload.Flow) bool {
	return a.Local == b.Local && a.Source == b.Source && a.From == b.From && a.To == b.To && a.TOS == b.TOS &&
		a.ClockRate == b.ClockRate && a.Secure == b.Secure && slices.Equal(a.PayloadTypes, b.PayloadTypes)
}

// offload gives the stream to the kernel, or takes it back, as its state
// wants.
func (s *stream) offload(now time.Time) {
	r := s.leg.session.r
	if r.cfg.Offload == nil {
		s.why = whyOff
		return
	}
	f, why := s.offloadable()
	k := s.kernel
	if why != "" {
		s.pullUp()
		s.why = why
		return
	}
	switch {
	case k != nil && k.active && sameFlow(&k.flow, &f), r.flows.held.Load():
		return
	case k != nil && k.flow.Local != f.Local:
		s.leaveKernel()
		k = nil
	case !s.refused.IsZero() && now.Sub(s.refused) < refusedFor:
		return
	}
	if k == nil {
		k = &kernelFlow{}
	}
	f.PayloadTypes = slices.Clone(f.PayloadTypes)
	if err := r.cfg.Offload.Install(f); err != nil {
		s.why, s.refused = refusal(err), now
		return
	}
	k.flow, k.active, s.why = f, true, ""
	s.kernel = k
	r.flows.put(f.Local, s)
}

// refusal is a word for why a flow was not taken.
func refusal(err error) string {
	if r, ok := offload.ReasonOf(err); ok {
		return r.String()
	}
	for is, word := range map[error]string{offload.ErrFamily: whyFamily, offload.ErrRoute: "route", offload.ErrFull: "full", offload.ErrInvalid: "invalid"} {
		if errors.Is(err, is) {
			return word
		}
	}
	return "refused"
}

// pullUp makes all packets of the stream come up, from now on.
func (s *stream) pullUp() {
	if k := s.kernel; k != nil && k.active {
		k.active = false
		_ = s.leg.session.r.cfg.Offload.Release(k.flow.Local) // what it does not know comes up anyway
	}
}

// leaveKernel ends the flow and keeps its figures.
func (s *stream) leaveKernel() {
	k := s.kernel
	if k == nil {
		return
	}
	r := s.leg.session.r
	if last, err := r.cfg.Offload.Remove(k.flow.Local); err == nil {
		s.merge(last)
	}
	r.flows.drop(k.flow.Local)
	s.past.add(k)
	s.kernel = nil
}

// refresh takes the present figures of all flows of a session, which are up to
// a second old otherwise.
func (s *session) refresh() {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.kernel == nil {
				continue
			}
			if n, err := s.r.cfg.Offload.Figures(st.kernel.flow.Local); err == nil {
				st.merge(n)
			}
		}
	}
}

// merge takes the kernel's figures. They only grow.
func (s *stream) merge(n offload.Stats) {
	k, r := s.kernel, s.leg.session.r
	old := &k.stats
	if n.Received.Packets < old.Received.Packets {
		return
	}
	r.stats.packets.Add(n.Forwarded.Packets - old.Forwarded.Packets)
	r.stats.bytes.Add(n.Forwarded.Octets - old.Forwarded.Octets)
	r.stats.forwarded.Add(n.Forwarded.Packets - old.Forwarded.Packets)
	r.stats.kernel.Add(n.Forwarded.Packets - old.Forwarded.Packets)
	r.stats.kernelBytes.Add(n.Forwarded.Octets - old.Forwarded.Octets)
	if len(s.routes) > 0 {
		t := s.routes[0].to
		t.sent.packets += n.Forwarded.Packets - old.Forwarded.Packets
		t.sent.bytes += n.Forwarded.Octets - old.Forwarded.Octets
	}
	if n.Last.After(s.leg.session.heard) {
		s.leg.session.heard = n.Last
	}
	k.stats = n
	if up := n.Received.Packets - n.Forwarded.Packets; k.seen.packets > up {
		k.early = max(k.early, k.seen.packets-up)
	}
}

// snapshot is what was received of the party, by user space and kernel.
func (s *stream) snapshot() rtpstat.Snapshot {
	n := s.received.Snapshot()
	n.Packets, n.Bytes = n.Packets+s.past.packets, n.Bytes+s.past.bytes
	n.Expected, n.Lost = n.Expected+s.past.expected, n.Lost+s.past.lost
	n.Duplicates, n.Reordered = n.Duplicates+s.past.duplicates, n.Reordered+s.past.reordered
	k := s.kernel
	if k == nil {
		return n
	}
	c := k.received()
	n.Packets, n.Bytes = n.Packets+c.packets, n.Bytes+c.bytes
	n.Expected += k.early
	p := &k.stats
	if p.Received.Packets == 0 {
		return n
	}
	n.Expected, n.Lost = n.Expected+p.Expected, n.Lost+p.Lost
	n.Duplicates, n.Reordered = n.Duplicates+p.Duplicates, n.Reordered+p.Reordered
	n.SSRC, n.PayloadType, n.Jitter, n.Highest = p.SSRC, p.PayloadType, p.Jitter, uint32(p.Highest-1<<16)
	n.JitterMean, n.JitterMax = p.JitterMean, max(n.JitterMax, p.JitterMax)
	n.Sources = max(n.Sources, p.Sources)
	if at := p.Last.Sub(s.leg.session.r.base); at > n.Last {
		n.Last = at
	}
	return n
}

// kernelPast sums up flows that have ended.
type kernelPast struct{ packets, bytes, expected, lost, duplicates, reordered uint64 }

func (p *kernelPast) add(k *kernelFlow) {
	n, c := &k.stats, k.received()
	p.packets += c.packets
	p.bytes += c.bytes
	p.expected += n.Expected + k.early
	p.lost += n.Lost
	p.duplicates += n.Duplicates
	p.reordered += n.Reordered
}
