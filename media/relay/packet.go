package relay

import (
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpwire"
)

// HandlePackets is called by the loop with what arrived at the port.
func (p *port) HandlePackets(packets []udploop.Packet, now time.Time, out *udploop.Outbox) {
	s := p.set.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	st := p.set.stream
	bytes, before := 0, out.Len()
	for i := range packets {
		bytes += len(packets[i].Data)
		if cause, ok := p.pass(st, &packets[i], now, out); !ok {
			if st != nil {
				st.dropped[cause]++
			}
			s.r.stats.dropped[cause].Add(1)
		}
	}
	s.r.stats.packets.Add(uint64(len(packets)))
	s.r.stats.bytes.Add(uint64(bytes))
	s.r.stats.forwarded.Add(uint64(out.Len() - before))
}

// pass checks one packet, counts it and puts it into the outbox.
func (p *port) pass(st *stream, pkt *udploop.Packet, now time.Time, out *udploop.Outbox) (Drop, bool) {
	switch {
	case pkt.Truncated:
		return DropOversize, false
	case st == nil:
		return DropUnconnected, false
	case st.off:
		return DropRejected, false
	case !st.said && st.rtp && st.wait(p, rtpwire.Classify(pkt.Data), pkt, now):
		return 0, true
	case !st.plain:
		return st.work(p, pkt, now, sender{session: st.leg.session, out: out})
	}
	kind, h, cause, ok := st.inspect(p.rtcp, pkt.Data)
	if !ok {
		return cause, false
	}
	c := st.componentOf(p)
	if cause, ok := st.admit(c, kind, h, pkt, now); !ok {
		return cause, false
	}
	st.count(kind, h, len(pkt.Data), now)
	if kind == rtpwire.KindRTCP {
		st.sawRTCP(pkt.Data, now)
	}
	if st.digits != nil && kind == rtpwire.KindRTP && !st.secure {
		st.sawEvent(h, pkt.Data, now)
	}
	return st.forward(kind, pkt.Data, out)
}

// admit asks the latch whether the packet comes from the party.
func (s *stream) admit(c *component, kind rtpwire.Kind, h rtpwire.Header, pkt *udploop.Packet, now time.Time) (Drop, bool) {
	switch c.latch.Admit(pkt.From, now) {
	case latch.Admitted:
	case latch.Learned:
		s.follow(c, pkt.From)
		s.learned(c, pkt.From, now)
	case latch.Waiting:
		return DropWaiting, false
	case latch.Denied:
		return DropDenied, false
	default:
		// Whoever knows what comes next in the stream, when nothing came from
		// where it was, is the party in another network.
		if kind != rtpwire.KindRTP || !s.moves(c, h, pkt.From, now) {
			return DropForeign, false
		}
		s.roamed(pkt.From, now)
		s.learned(c, pkt.From, now)
	}
	return 0, true
}

// inspect finds out what a packet is and whether it may be on this port.
func (s *stream) inspect(rtcp bool, b []byte) (kind rtpwire.Kind, h rtpwire.Header, cause Drop, ok bool) {
	if !s.rtp {
		return rtpwire.KindUnknown, h, DropMalformed, len(b) > 0 && !rtcp
	}
	kind = rtpwire.Classify(b)
	switch kind {
	case rtpwire.KindRTP:
		if rtcp {
			return kind, h, DropMalformed, false
		}
		if s.secure {
			h, _, ok = rtpwire.ParseHeader(b)
		} else {
			h, _, ok = rtpwire.Parse(b)
		}
		return kind, h, DropMalformed, ok
	case rtpwire.KindRTCP:
		if s.secure {
			return kind, h, DropMalformed, rtpwire.ValidSRTCP(b)
		}
		return kind, h, DropMalformed, rtpwire.ValidRTCP(b)
	case rtpwire.KindDTLS:
		return kind, h, DropDTLS, false
	case rtpwire.KindSTUN:
		return kind, h, DropICE, false
	}
	return kind, h, DropMalformed, false
}

func (s *stream) count(kind rtpwire.Kind, h rtpwire.Header, size int, now time.Time) {
	s.leg.session.heard = now
	if !s.came {
		s.came = true
		if s.leg.natWait {
			s.leg.session.resettle()
		}
	}
	switch kind {
	case rtpwire.KindRTP:
		if s.kernel != nil {
			s.kernel.seen.add(size) // the kernel keeps the statistics
			return
		}
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

// forward hands a packet of a plain stream to the one it is connected to.
func (s *stream) forward(kind rtpwire.Kind, b []byte, out *udploop.Outbox) (Drop, bool) {
	r := &s.routes[0]
	t := r.to
	rtcp := kind == rtpwire.KindRTCP
	switch {
	case t.off:
		return DropRejected, false
	case !r.open && !rtcp:
		return DropClosed, false
	}
	to := t.component(rtcp)
	remote := to.latch.Remote()
	if !remote.IsValid() || to.out == nil {
		return DropNowhere, false
	}
	out.Add(to.out.socket, b, remote)
	t.countSent(rtcp, len(b))
	return 0, true
}

func (s *stream) countSent(rtcp bool, n int) {
	if rtcp {
		s.rtcpOut.add(n)
	} else {
		s.sent.add(n)
	}
}
