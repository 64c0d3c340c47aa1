package relay

import (
	"net/netip"
	"strings"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/sdp"
)

// stream is one m= line as it faces one party.
type stream struct {
	leg         *leg
	index       int
	kind, proto string
	set         *socketSet // ports in use, of its own or of the bundle's head
	carrier     *stream    // whose ports, keys and ICE carry it: itself, or the bundle's head
	bundle      *bundle    // on a carrier of several
	routes      []route    // where its packets go
	shield      *shield    // on a carrier: SRTP, DTLS, ICE; nil: bare
	extra       *extra     // what is asked for beyond forwarding; nil: nothing
	early       *early     // what came before the party was described; nil: nothing

	said      bool // the party has described it
	came      bool // something came from it
	off       bool // rejected
	muted     bool // it gave the unspecified address
	rtp       bool // not udptl
	secure    bool // SRTP: only headers can be checked before it is opened
	mux       bool // RTP and RTCP share a port, agreed by both
	plain     bool // forwarding is all there is to do: the fast path
	raw       bool // protected packets pass as they came
	open      bool // the party may send by the descriptions
	mid       string
	midID     uint8
	midValue  []byte // put into packets for the party; nil: they need none
	direction sdp.Direction
	clocks    []clock

	media   component
	control component // RTCP

	received rtpstat.Receiver
	otherIn  counter // DTLS, STUN, UDPTL
	sent     counter
	rtcpIn   counter
	rtcpOut  counter
	dropped  [drops]uint64
	reports  reports
	quality  quality
	feeds    []*mixed // what others hear of it beside their own
	mixing   *mixing  // what the party hears beside the other; nil: nothing
	digits   *digits  // nil: nobody wants to know
	playing  *playing // what the party hears in place of others
	codecs   []bridge.Codec
	ptime    time.Duration
	kernel   *kernelFlow // nil: never offloaded from these ports
	past     kernelPast
	why      string     // not in the kernel
	refused  time.Time  // by the offloader, last
	made     *generated // reports come from here, they are not passed
	piercing time.Time  // when the next empty datagram is due; zero: none is
}

// component is RTP or RTCP of a stream: whom it talks to and from where.
type component struct {
	latch latch.Latch
	out   *port
}

type counter struct{ packets, bytes uint64 }

func (c *counter) add(n int) { c.packets++; c.bytes += uint64(n) }

// clock is the timestamp clock of a payload type.
type clock struct {
	pt   uint8
	rate uint32 // 0: not for jitter
	name string
}

// newStream makes the stream of an m= line; ports come by use.
func (l *leg) newStream(index int) *stream {
	r := l.session.r
	mode := l.learning.mode()
	s := &stream{leg: l, index: index}
	s.carrier = s
	s.media.latch, s.control.latch = latch.New(mode, r.deny), latch.New(mode, r.deny)
	for len(l.streams) <= index {
		l.streams = append(l.streams, nil)
	}
	l.streams[index] = s
	return s
}

// use makes a set of ports the stream's. Packets that still arrive at the
// earlier ones belong to it as well.
func (s *stream) use(x *socketSet, at int) {
	if x == nil {
		return
	}
	p := x.pairs[min(at, len(x.pairs)-1)]
	if s.set != x || s.media.out == nil || s.shield == nil || s.shield.ice == nil {
		s.set, s.media.out, s.control.out = x, &p.media, &p.control
	}
}

// describe takes over what the m= line says about the packets to expect.
func (s *stream) describe(m *bridge.Media) {
	s.kind, s.proto = m.Kind, m.Proto
	proto := strings.ToUpper(m.Proto)
	s.rtp = strings.Contains(proto, "RTP")
	s.secure = strings.Contains(proto, "SAVP")
	s.off, s.mid, s.midID, s.midValue = m.Rejected, m.MID, m.MIDID, nil
	if m.SendMID {
		s.midValue = []byte(m.MID)
	}
}

// hear makes what the party said about itself effective. source is where its
// signalling came from; silent: it need not send, so strangers are not it.
func (s *stream) hear(m *bridge.Media, source netip.Addr, silent bool, now time.Time) {
	s.said, s.muted, s.direction, s.mux = true, m.Muted, m.Direction, m.Mux
	s.setClocks(m.Codecs)
	s.hears(m)
	s.watchDigits(m.Codecs)
	if s.off || s.carrier != s {
		return
	}
	s.media.latch.SetMode(s.leg.learning.mode())
	s.control.latch.SetMode(s.leg.learning.mode())
	s.media.latch.Signal(latch.Signal{Addr: m.RTP, Source: source, Mute: m.Muted, Silent: silent}, now)
	// RTCP never goes to strangers: it follows RTP to wherever that is.
	s.control.latch.Signal(latch.Signal{Addr: m.RTCP, Source: source, Mute: m.Muted, Silent: true}, now)
}

// setClocks prepares the payload types the party may send.
func (s *stream) setClocks(list []bridge.Codec) {
	s.clocks = s.clocks[:0]
	for _, c := range list {
		if s.clock(c.PayloadType) != nil {
			continue
		}
		k := clock{pt: c.PayloadType, rate: c.ClockRate, name: c.Name}
		if strings.EqualFold(c.Name, "telephone-event") {
			k.rate = 0
		}
		s.clocks = append(s.clocks, k)
	}
}

func (s *stream) clock(pt uint8) *clock {
	for i := range s.clocks {
		if s.clocks[i].pt == pt {
			return &s.clocks[i]
		}
	}
	return nil
}

// advertised is where the party sends to.
func (s *stream) advertised() netip.AddrPort {
	if s.set == nil {
		return netip.AddrPort{}
	}
	for _, p := range s.set.pairs {
		if &p.media == s.media.out {
			return p.advertised()
		}
	}
	return s.set.pairs[0].advertised()
}

// component picks RTP or RTCP of the carrier for a packet to the party.
func (s *stream) component(rtcp bool) *component {
	if rtcp && !s.carrier.mux {
		return &s.carrier.control
	}
	return &s.carrier.media
}

// componentOf is what a port receives.
func (s *stream) componentOf(p *port) *component {
	if p.rtcp {
		return &s.control
	}
	return &s.media
}

// follow lets RTCP go where RTP was learned.
func (s *stream) follow(c *component, from netip.AddrPort) {
	if c == &s.control || from == c.latch.Signalled() || from.Port() == 65535 {
		return
	}
	s.control.latch.Follow(netip.AddrPortFrom(from.Addr(), from.Port()+1))
}

// roamed makes RTCP follow RTP to a new place.
func (s *stream) roamed(to netip.AddrPort, now time.Time) {
	if to.Port() < 65535 {
		s.control.latch.Restart(netip.AddrPortFrom(to.Addr(), to.Port()+1), now)
	}
}
