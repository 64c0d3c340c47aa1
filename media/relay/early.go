package relay

import (
	"net/netip"
	"slices"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/rtpwire"
)

// Whoever answers may send as soon as it has answered, and its packets are
// often faster than its answer, which takes the way of the signalling: a
// ClientHello (RFC 8842 section 5.3) that is lost costs a second until it
// comes again, media cost the first syllable. Until the answer nobody can
// tell a party from a stranger, so that packets wait for it here, few of them
// and not for long. Nothing of them is believed or answered before.
const (
	earlyHellos = 6 // datagrams; one ClientHello may take several
	earlyMedia  = 10
	// Clients send a ClientHello again after a second, then after two.
	earlyHelloAge = 3 * time.Second
	// What is older than this would make the receiver's delay grow.
	earlyMediaAge = 300 * time.Millisecond
)

// early is what came from somebody before the party was described.
type early struct {
	hellos earlyRing
	media  earlyRing
}

// earlyRing keeps the newest packets.
type earlyRing struct {
	slots []earlyPacket
	next  int // slot of the next packet
	count int
}

type earlyPacket struct {
	udploop.Packet
	port *port
	at   time.Time
}

// keep copies a packet into the ring. It reports whether an older one gave
// way.
func (x *earlyRing) keep(size int, p *port, pkt *udploop.Packet, now time.Time) (lost bool) {
	if x.slots == nil {
		x.slots = make([]earlyPacket, size)
	}
	e := &x.slots[x.next]
	e.port, e.at, e.From = p, now, pkt.From
	e.Data = append(e.Data[:0], pkt.Data...)
	x.next = (x.next + 1) % len(x.slots)
	if x.count == len(x.slots) {
		return true
	}
	x.count++
	return false
}

// each takes the packets out, oldest first.
func (x *earlyRing) each(f func(*earlyPacket)) {
	for ; x.count > 0; x.count-- {
		f(&x.slots[(x.next-x.count+len(x.slots))%len(x.slots)])
	}
}

// EarlyState is a packet that came before its party was described: it waits
// for that in the next process. There are as many as wait here at most.
type EarlyState struct {
	Leg    bridge.LegID   `json:"leg"`
	Stream int            `json:"stream"`
	To     netip.AddrPort `json:"to"` // the port
	From   netip.AddrPort `json:"from"`
	At     time.Time      `json:"at"`
	Data   []byte         `json:"data"`
}

// earlyStates lists what waits in the session, oldest first.
func (s *session) earlyStates() (list []EarlyState) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.early == nil {
				continue
			}
			for _, ring := range []*earlyRing{&st.early.hellos, &st.early.media} {
				for i := range ring.count {
					p := &ring.slots[(ring.next-ring.count+i+len(ring.slots))%len(ring.slots)]
					list = append(list, EarlyState{l.id, st.index, p.port.socket.LocalAddr(), p.From, p.at, slices.Clone(p.Data)})
				}
			}
		}
	}
	return list
}

// awaits keeps packets that waited in another process. What fits nothing here is
// lost, as it would be there.
func (s *session) awaits(list []EarlyState) {
	for i := range list {
		e := &list[i]
		l := s.leg(e.Leg)
		if l == nil {
			continue
		}
		st := l.stream(e.Stream)
		if st == nil || st.set == nil || len(e.Data) > udploop.MaxPacket {
			continue
		}
		if p := st.set.at(e.To); p != nil {
			st.wait(p, rtpwire.Classify(e.Data), &udploop.Packet{Data: e.Data, From: e.From}, e.At)
		}
	}
}

// wait keeps a packet until the party is described; false: it is not one that
// could be of use then.
func (s *stream) wait(p *port, kind rtpwire.Kind, pkt *udploop.Packet, now time.Time) bool {
	if s.early == nil {
		s.early = &early{}
	}
	var lost bool
	switch kind {
	case rtpwire.KindDTLS:
		if s.carrier.shield == nil || p.rtcp && s.carrier.shield.control.dtls == nil || !p.rtcp && s.carrier.shield.dtls == nil {
			return false
		}
		lost = s.early.hellos.keep(earlyHellos, p, pkt, now)
	case rtpwire.KindRTP, rtpwire.KindRTCP:
		lost = s.early.media.keep(earlyMedia, p, pkt, now)
	default:
		return false
	}
	if lost {
		s.lose(DropWaiting)
	}
	return true
}

// admitEarly lets in what came before the party was described, by the rules
// for what comes now.
func (s *stream) admitEarly(now time.Time) {
	e := s.early
	if e == nil || !s.said {
		return
	}
	s.early = nil
	e.hellos.each(func(p *earlyPacket) { s.admitWaiting(p, earlyHelloAge, now) })
	e.media.each(func(p *earlyPacket) {
		// Modes that believe anybody do so from the description on.
		if c := s.carrier.componentOf(p.port); !s.carrier.shield.checked() && !c.latch.Likely(p.From) {
			s.lose(DropForeign)
			return
		}
		if s.admitWaiting(p, earlyMediaAge, now) {
			s.leg.session.r.stats.forwarded.Add(1)
		}
	})
}

func (s *stream) admitWaiting(p *earlyPacket, age time.Duration, now time.Time) bool {
	cause, ok := DropWaiting, false
	switch {
	case now.Sub(p.at) > age || p.port.set.stream != s:
	case s.off:
		cause = DropRejected
	default:
		pkt := p.Packet
		pkt.Data = append(make([]byte, 0, udploop.MaxPacket), pkt.Data...) // room for what is added on the way
		cause, ok = s.work(p.port, &pkt, now, sender{session: s.leg.session})
	}
	if !ok {
		s.lose(cause)
	}
	return ok
}

// checked tells whether ICE or authentication says who the party is.
func (h *shield) checked() bool { return h != nil && (h.ice != nil || h.keyed()) }

// forgetEarly ends the waiting of what came too early.
func (s *stream) forgetEarly() {
	if e := s.early; e != nil {
		s.early = nil
		lose := func(*earlyPacket) { s.lose(DropWaiting) }
		e.hellos.each(lose)
		e.media.each(lose)
	}
}

// forgetEarly ends the waiting in the whole session.
func (s *session) forgetEarly() {
	for _, l := range s.legs {
		l.forgetEarly()
	}
}

func (l *leg) forgetEarly() {
	for _, st := range l.streams {
		if st != nil {
			st.forgetEarly()
		}
	}
}

// lose counts a packet that goes nowhere.
func (s *stream) lose(cause Drop) {
	s.dropped[cause]++
	s.leg.session.r.stats.dropped[cause].Add(1)
}
