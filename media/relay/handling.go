package relay

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// MaxDelay bounds the delay of a delay buffer.
const MaxDelay = 10 * time.Second

// Echo sends what parties say back to them, for tests of their lines.
type Echo uint8

// Parties that are echoed hear themselves alone, under another SSRC. What the
// other party says, if it is not echoed too, is dropped.
const (
	EchoUnchanged Echo = iota // as it was said before; at first there is none
	EchoOff
	EchoBlackhole // nobody hears anything
	EchoForward   // the receiver of the description hears itself
	EchoBackwards // its sender hears itself
	EchoBoth
)

// ParseEcho reads the words of the control protocol.
func ParseEcho(s string) (Echo, error) {
	switch s {
	case "":
		return EchoUnchanged, nil
	case "off", "no":
		return EchoOff, nil
	case "blackhole", "sinkhole":
		return EchoBlackhole, nil
	case "forward", "fwd", "fw":
		return EchoForward, nil
	case "backward", "backwards", "reverse", "back", "bkw", "bk":
		return EchoBackwards, nil
	case "both":
		return EchoBoth, nil
	}
	return 0, fmt.Errorf("relay: echo %q", s)
}

// String is the word of the control protocol.
func (e Echo) String() string {
	switch e {
	case EchoOff:
		return "off"
	case EchoBlackhole:
		return "blackhole"
	case EchoForward:
		return "forward"
	case EchoBackwards:
		return "backwards"
	case EchoBoth:
		return "both"
	}
	return ""
}

// Handling is what is done with packets of the two parties of an offer or
// answer beyond forwarding. Its zero value leaves all as it was.
type Handling struct {
	Echo Echo
	// Handover believes every source of RTP that a party's stream comes from,
	// at once: packets for the party go there. Whoever can send to the port can
	// take the call over, unless SRTP authenticates it. StrictSource goes before
	// it.
	Handover bool
	// PierceNAT sends empty datagrams to a party, each second, until something
	// comes from it, so that its router lets packets of the relay in.
	PierceNAT bool
	// Delay holds back what the sender of the description sends; nil: as before,
	// at first not at all. At most MaxDelay.
	Delay *time.Duration
}

// echoing is what becomes of the packets of a leg.
type echoing uint8

const (
	passes   echoing = iota
	echoes           // they go back to the party
	vanishes         // nobody gets them
)

// handle takes the wishes of a description that from sends to to.
func (h *Handling) handle(from, to *leg) {
	switch h.Echo {
	case EchoOff:
		from.echo, to.echo = passes, passes
	case EchoBlackhole:
		from.echo, to.echo = vanishes, vanishes
	case EchoForward:
		from.echo, to.echo = vanishes, echoes
	case EchoBackwards:
		from.echo, to.echo = echoes, vanishes
	case EchoBoth:
		from.echo, to.echo = echoes, echoes
	}
	for _, l := range []*leg{from, to} {
		l.handover, l.pierce = l.handover || h.Handover, l.pierce || h.PierceNAT
	}
	if h.Delay != nil {
		from.delay = min(max(*h.Delay, 0), MaxDelay)
	}
}

// echoed replaces the routes to the other parties by what the leg's echo
// says. Copies for subscribers stay.
func (s *stream) echoed(routes []route) []route {
	if s.leg.echo == passes {
		return routes
	}
	var out []route
	for _, r := range routes {
		if r.to.leg.subscriber {
			out = append(out, r)
		}
	}
	if s.leg.echo == echoes && s.rtp {
		r := route{to: s, open: s.said && s.direction.Sends() && s.direction.Receives(), verbatim: true, own: true}
		if before := s.routeTo(s); before != nil {
			r.ssrc = before.ssrc
		}
		out = append(out, r)
	}
	return out
}

// pierceEvery is the time between two datagrams that open a router.
const pierceEvery = time.Second

// pierce sends what opens a router on the way to the party, when it is time.
func (s *stream) pierce(now time.Time) {
	if s.piercing.IsZero() || s.piercing.After(now) {
		return
	}
	if s.came || s.off || s.carrier != s {
		s.piercing = time.Time{}
		return
	}
	s.piercing = now.Add(pierceEvery)
	q := sender{session: s.leg.session}
	for _, c := range []*component{&s.media, &s.control} {
		if c.out != nil && c.latch.Remote().IsValid() && (c == &s.media || !s.mux && s.rtp) {
			q.send(c.out.socket, nil, c.latch.Remote())
		}
	}
}

// startPiercing makes pierce be called until something came.
func (s *stream) startPiercing(now time.Time) {
	if !s.leg.pierce || s.came || s.off || s.carrier != s || s.shield != nil && s.shield.ice != nil {
		return
	}
	if s.piercing.IsZero() {
		s.piercing = now
	}
	r := s.leg.session.r
	r.pacer.add(s.leg.session)
	s.leg.session.wake(s.piercing)
}

// moves follows a locked stream to another source: when the packet continues
// it, or anyhow where that was asked for.
func (s *stream) moves(c *component, h rtpwire.Header, from netip.AddrPort, now time.Time) bool {
	switch {
	case s.leg.strict:
		return false
	case s.leg.handover && c == &s.media:
		return c.latch.Move(from, now)
	}
	return s.received.Continues(h) && c.latch.Roam(from, now)
}
