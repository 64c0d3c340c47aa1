package relay

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpwire"
)

// HandlePackets is called by the loop with what arrived at the port.
func (p *port) HandlePackets(packets []udploop.Packet, now time.Time, out *udploop.Outbox) {
	s := p.stream.leg.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	bytes, before := 0, out.Len()
	for i := range packets {
		bytes += len(packets[i].Data)
		if cause, ok := p.pass(&packets[i], now, out); !ok {
			p.stream.dropped[cause]++
			s.r.stats.dropped[cause].Add(1)
		}
	}
	s.r.stats.packets.Add(uint64(len(packets)))
	s.r.stats.bytes.Add(uint64(bytes))
	s.r.stats.forwarded.Add(uint64(out.Len() - before))
}

// pass checks one packet, counts it and puts it into the outbox.
func (p *port) pass(pkt *udploop.Packet, now time.Time, out *udploop.Outbox) (Drop, bool) {
	st := p.stream
	if pkt.Truncated {
		return DropOversize, false
	}
	if st.off {
		return DropRejected, false
	}
	kind, h, cause, ok := p.inspect(pkt.Data)
	if !ok {
		return cause, false
	}
	switch p.latch.Admit(pkt.From, now) {
	case latch.Admitted:
	case latch.Learned:
		st.follow(p, pkt.From)
	case latch.Waiting:
		return DropWaiting, false
	case latch.Denied:
		return DropDenied, false
	default:
		return DropForeign, false
	}
	st.count(kind, h, len(pkt.Data), now)
	return p.forward(kind, pkt.Data, out)
}

// inspect finds out what a packet is and whether it may be on this port.
func (p *port) inspect(b []byte) (kind rtpwire.Kind, h rtpwire.Header, cause Drop, ok bool) {
	st := p.stream
	if !st.rtp {
		return rtpwire.KindUnknown, h, DropMalformed, len(b) > 0 && !p.rtcp
	}
	kind = rtpwire.Classify(b)
	switch kind {
	case rtpwire.KindRTP:
		if p.rtcp {
			return kind, h, DropMalformed, false
		}
		if st.secure {
			h, _, ok = rtpwire.ParseHeader(b)
		} else {
			h, _, ok = rtpwire.Parse(b)
		}
		return kind, h, DropMalformed, ok
	case rtpwire.KindRTCP:
		if st.secure {
			return kind, h, DropMalformed, rtpwire.ValidSRTCP(b)
		}
		return kind, h, DropMalformed, rtpwire.ValidRTCP(b)
	case rtpwire.KindDTLS:
		return kind, h, DropMalformed, st.dtls
	case rtpwire.KindSTUN:
		return kind, h, DropICE, false
	}
	return kind, h, DropMalformed, false
}

// follow lets RTCP go where RTP was learned.
func (s *stream) follow(p *port, from netip.AddrPort) {
	if p.rtcp || from == p.latch.Signalled() || from.Port() == 65535 {
		return
	}
	s.control.latch.Follow(netip.AddrPortFrom(from.Addr(), from.Port()+1))
}

func (s *stream) count(kind rtpwire.Kind, h rtpwire.Header, size int, now time.Time) {
	s.leg.session.heard = now
	switch kind {
	case rtpwire.KindRTP:
		rate := uint32(0)
		if c := s.clock(h.PayloadType); c != nil {
			rate = c.rate
		}
		s.received.Packet(h, size, rate, now.Sub(s.leg.session.r.base))
	case rtpwire.KindRTCP:
		s.rtcpIn.add(size)
	default:
		s.otherIn.add(size)
	}
}

// forward hands a packet to the leg this one is connected to.
func (p *port) forward(kind rtpwire.Kind, b []byte, out *udploop.Outbox) (Drop, bool) {
	if !p.stream.leg.connected() {
		return DropUnconnected, false
	}
	peer := p.stream.leg.peer
	if p.stream.index >= len(peer.streams) || peer.streams[p.stream.index] == nil {
		return DropRejected, false
	}
	target := peer.streams[p.stream.index]
	to := &target.media
	if p.rtcp || kind == rtpwire.KindRTCP && !p.stream.mux {
		to = &target.control
	}
	remote := to.latch.Remote()
	if !remote.IsValid() {
		return DropNowhere, false
	}
	out.Add(to.socket, b, remote)
	if kind == rtpwire.KindRTCP {
		target.rtcpOut.add(len(b))
	} else {
		target.sent.add(len(b))
	}
	return 0, true
}
