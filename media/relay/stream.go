package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpstat"
	"github.com/class5-go/class5/media/sdp"
)

// iface is a configured interface with its ports.
type iface struct {
	Interface
	ports *portPool
}

// stream is one m= line at the ports facing one party.
type stream struct {
	leg         *leg
	index       int
	kind, proto string
	rtp         bool // not udptl
	secure      bool // SRTP: only headers can be checked
	dtls        bool
	off         bool // rejected
	mux         bool // RTP and RTCP share a port, agreed by both
	direction   sdp.Direction
	clocks      []clock
	media       port
	control     port // RTCP
	received    rtpstat.Receiver
	otherIn     counter // DTLS, UDPTL
	sent        counter
	rtcpIn      counter
	rtcpOut     counter
	dropped     [drops]uint64
}

// port is one socket of a stream and whom it talks to.
type port struct {
	stream *stream
	rtcp   bool
	socket *udploop.Socket
	latch  latch.Latch
}

var _ udploop.Handler = (*port)(nil)

type counter struct{ packets, bytes uint64 }

func (c *counter) add(n int) { c.packets++; c.bytes += uint64(n) }

// clock is the timestamp clock of a payload type.
type clock struct {
	pt   uint8
	rate uint32 // 0: not for jitter
	name string
}

// bindAttempts is how many pairs are tried when others use ports of the range.
const bindAttempts = 64

// newStream binds a pair of ports on the interface of the leg.
func (l *leg) newStream(index int, m info) (*stream, error) {
	s := &stream{leg: l, index: index}
	s.describe(m)
	r := l.session.r
	for i, p := range []*port{&s.media, &s.control} {
		*p = port{stream: s, rtcp: i == 1, latch: latch.New(r.cfg.Learning.mode(), r.denied)}
	}
	for range bindAttempts {
		now := r.now()
		n, ok := l.iface.ports.take(now)
		if !ok {
			return nil, ErrPorts
		}
		err := s.bind(n)
		if err == nil {
			l.streams[index] = s
			return s, nil
		}
		l.iface.ports.release(n, now)
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return nil, fmt.Errorf("%w: %w", ErrPorts, err)
		}
	}
	return nil, ErrPorts
}

func (s *stream) bind(n uint16) (err error) {
	addr, loop := s.leg.iface.Addr, s.leg.session.loop
	s.media.socket, err = loop.Listen(netip.AddrPortFrom(addr, n), s.tos(), &s.media)
	if err != nil {
		return err
	}
	s.control.socket, err = loop.Listen(netip.AddrPortFrom(addr, n+1), s.tos(), &s.control)
	if err != nil {
		s.media.socket.Close()
	}
	return err
}

// tos is the DiffServ code point of RFC 4594: EF for audio, AF41 for video.
func (s *stream) tos() int {
	if s.kind == "video" {
		return 136
	}
	return 184
}

// describe takes over what the m= line says about the packets to expect.
func (s *stream) describe(m info) {
	s.kind, s.proto = m.kind, m.proto
	proto := strings.ToUpper(m.proto)
	s.rtp = strings.Contains(proto, "RTP")
	s.secure = strings.Contains(proto, "SAVP")
	s.dtls = strings.Contains(proto, "TLS")
}

func (s *stream) close(now time.Time) {
	n := s.media.socket.LocalAddr().Port()
	s.media.socket.Close()
	s.control.socket.Close()
	s.leg.iface.ports.release(n, now)
}

// advertised is where the party sends to.
func (s *stream) advertised() netip.AddrPort {
	return netip.AddrPortFrom(s.leg.iface.advertised(), s.media.socket.LocalAddr().Port())
}

// apply makes a description of the party effective. early: the answer was
// provisional, nobody needs to send yet.
func (s *stream) apply(m, other info, source netip.Addr, early bool, now time.Time) {
	s.describe(m)
	s.off = !m.on || !other.on
	if s.off {
		return
	}
	s.direction, s.mux = m.direction, m.mux && other.mux
	s.setClocks(other.codecs, m.codecs)
	s.media.latch.Signal(latch.Signal{Addr: m.addr, Source: source, Mute: m.muted,
		Silent: early || !m.direction.Sends() || !other.direction.Receives()}, now)
	// RTCP never goes to strangers: it follows RTP to wherever that is.
	s.control.latch.Signal(latch.Signal{Addr: m.rtcp, Source: source, Mute: m.muted, Silent: true}, now)
}

// setClocks prepares the payload types the party may send: those the other
// side listed, then those it listed itself.
func (s *stream) setClocks(lists ...[]sdp.Codec) {
	s.clocks = s.clocks[:0]
	for _, list := range lists {
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
}

func (s *stream) clock(pt uint8) *clock {
	for i := range s.clocks {
		if s.clocks[i].pt == pt {
			return &s.clocks[i]
		}
	}
	return nil
}
