package relay

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/rtpwire"
)

// sender is how packets leave: with the others of a round, or at once.
type sender struct {
	session *session
	out     *udploop.Outbox // nil: at once
}

// buffer lends room for a packet.
func (q sender) buffer() []byte {
	if q.out != nil {
		return q.out.Buffer()
	}
	if q.session.scratch == nil {
		q.session.scratch = make([]byte, udploop.MaxPacket)
	}
	return q.session.scratch
}

func (q sender) send(s *udploop.Socket, b []byte, to netip.AddrPort) {
	if q.out != nil {
		q.out.Add(s, b, to)
		return
	}
	_ = s.Send(b, to) // counted by the socket
}

// work is the long way of a packet: demultiplex, admit, open, find the
// stream, count, and on.
func (s *stream) work(p *port, pkt *udploop.Packet, now time.Time, q sender) (Drop, bool) {
	if !s.rtp {
		return s.workOther(p, pkt, now, q)
	}
	kind := rtpwire.Classify(pkt.Data)
	switch {
	case kind == rtpwire.KindSTUN:
		return s.stun(p, pkt, now)
	case kind == rtpwire.KindDTLS:
		return s.handshake(p, pkt, now)
	case s.carrier != s: // a late packet at the port it had before the bundle
		return s.carrier.work(p, pkt, now, q)
	}
	kind, h, cause, ok := s.inspect(p.rtcp, pkt.Data)
	if !ok {
		return cause, false
	}
	b, cause, ok := s.accept(p, kind, h, pkt, now, q)
	if !ok {
		return cause, false
	}
	t := s
	if s.bundle != nil {
		if t = s.bundle.find(s, kind, h, b); t == nil {
			return DropPayload, false
		}
	}
	t.count(kind, h, len(pkt.Data), now)
	if s.raw {
		return t.passRaw(kind, b, q)
	}
	if kind == rtpwire.KindRTCP {
		return t.passRTCP(b, now, q)
	}
	return t.passRTP(h, b, now, q)
}

// accept admits a packet at its carrier and returns it in the clear, unless
// all routes take it as it is. Nothing is learned from a packet before it is
// known to be authentic. One that all routes take as it is may be beyond what is
// known here, as when its rollover counter moved before the call came this way: from
// the announced address it passes all the same, and who has the keys judges it.
func (s *stream) accept(p *port, kind rtpwire.Kind, h rtpwire.Header, pkt *udploop.Packet, now time.Time, q sender) ([]byte, Drop, bool) {
	c, b := s.componentOf(p), pkt.Data
	settled := c.latch.Locked() && pkt.From == c.latch.Remote()
	if h := s.shield; h != nil && h.ice != nil {
		if !h.ice.admits(p, pkt.From) {
			return nil, DropForeign, false
		}
		settled = true
	}
	before := c.latch
	roam := false
	if !settled {
		switch c.latch.Admit(pkt.From, now) {
		case latch.Admitted, latch.Learned:
		case latch.Waiting:
			return nil, DropWaiting, false
		case latch.Denied:
			return nil, DropDenied, false
		default:
			if roam = kind == rtpwire.KindRTP && s.moves(c, h, pkt.From, now); !roam {
				return nil, DropForeign, false
			}
		}
	} else if s.shield == nil || s.shield.ice == nil {
		c.latch.Admit(pkt.From, now)
	}
	if s.shield.keyed() && (!settled || !s.raw) {
		clear, cause, ok := s.reveal(kind, b, q)
		if !ok {
			c.latch = before
			if s.raw && cause == DropAuth && pkt.From == before.Signalled() {
				return b, 0, true
			}
			return nil, cause, false
		}
		if !s.raw {
			b = clear
		}
	} else if s.shield.keyed() {
		s.shield.passed(s.shield.in, kind, b, false)
	}
	if c.latch.Remote() != before.Remote() || c.latch.Locked() != before.Locked() {
		if roam {
			s.roamed(pkt.From, now)
		} else {
			s.follow(c, pkt.From)
		}
		s.learned(c, pkt.From, now)
	}
	return b, 0, true
}

// reveal opens a packet: in place, or a copy of one that goes on as it came.
func (s *stream) reveal(kind rtpwire.Kind, b []byte, q sender) ([]byte, Drop, bool) {
	if s.raw {
		b = append(q.buffer()[:0], b...)
	}
	n, cause, ok := s.shield.openPacket(kind, b)
	if !ok {
		return nil, cause, false
	}
	b = b[:n]
	if kind == rtpwire.KindRTP {
		_, _, ok = rtpwire.Parse(b)
	} else {
		ok = rtpwire.ValidRTCP(b)
	}
	return b, DropMalformed, ok
}

// passRTP takes a packet in the clear.
func (s *stream) passRTP(h rtpwire.Header, b []byte, now time.Time, q sender) (Drop, bool) {
	if s.digits != nil {
		s.sawEvent(h, b, now)
	}
	if s.extra != nil && s.extra.late.delay > 0 {
		s.hold(b, now, q)
		return 0, true
	}
	return s.deliver(h, b, now, q)
}

// deliver sends a packet along all routes, after what is asked for was done to
// it.
func (s *stream) deliver(h rtpwire.Header, b []byte, now time.Time, q sender) (Drop, bool) {
	if s.extra != nil {
		if h, b = s.extra.see(s, h, b, now, q); b == nil {
			return DropBlocked, false
		}
	}
	cause, ok := DropUnconnected, len(s.feeds) > 0
	if ok {
		s.mixes(b, now)
	}
	for i := range s.routes {
		r := &s.routes[i]
		buf := b
		if i < len(s.routes)-1 {
			buf = append(q.buffer()[:0], b...)
		}
		if c, sent := r.carry(s, h, buf, now, q); sent {
			ok = true
		} else {
			cause = c
		}
	}
	return cause, ok
}

// carry works on one packet for one receiver.
func (r *route) carry(s *stream, h rtpwire.Header, b []byte, now time.Time, q sender) (Drop, bool) {
	switch {
	case r.to.off:
		return DropRejected, false
	case !r.open:
		return DropClosed, false
	case r.to.playing != nil:
		return DropBlocked, false
	}
	if r.table != nil {
		e := &r.table[h.PayloadType&0x7f]
		switch {
		case !e.known && !r.unknown:
			return DropPayload, false
		case !e.known:
		case r.coder != nil && e.coded:
			return r.code(s, b, now, q)
		case e.action != bridge.Pass && e.action != bridge.Event && e.action != bridge.Noise:
			return DropPayload, false
		default:
			b[1] = b[1]&0x80 | e.to
		}
	}
	if out, ok := r.source(h.SSRC); ok {
		putSSRC(b, out)
	}
	if r.extensions != nil {
		b = rtpwire.MapExtensions(b, r.extensions)
	}
	return r.put(s, b, q)
}

func putSSRC(b []byte, ssrc uint32) {
	b[8], b[9], b[10], b[11] = byte(ssrc>>24), byte(ssrc>>16), byte(ssrc>>8), byte(ssrc)
}

// passRaw sends a packet on as it came, its protection included.
func (s *stream) passRaw(kind rtpwire.Kind, b []byte, q sender) (Drop, bool) {
	cause, ok := DropUnconnected, false
	for i := range s.routes {
		r := &s.routes[i]
		switch {
		case r.to.off:
			cause = DropRejected
		case !r.open && kind == rtpwire.KindRTP:
			cause = DropClosed
		default:
			if c, sent := r.to.emitAs(kind, b, q); sent {
				ok = true
				if h := r.to.carrier.shield; h != nil {
					h.passed(h.out, kind, b, true)
				}
			} else {
				cause = c
			}
		}
	}
	return cause, ok
}

// emit protects a packet and sends it to the party. Behind b there must be
// room for the tag.
func (s *stream) emit(kind rtpwire.Kind, b []byte, q sender) (Drop, bool) {
	if s.made != nil && kind == rtpwire.KindRTP {
		s.originate(b)
	}
	if s.midValue != nil && kind == rtpwire.KindRTP {
		b = rtpwire.SetExtension(b, s.midID, s.midValue)
	}
	if h := s.carrier.shield; h.keyed() {
		if _, _, cause, ok := s.way(kind == rtpwire.KindRTCP); !ok {
			return cause, false // before an index is used for nothing
		}
		n, cause, ok := h.sealPacket(kind, b[:cap(b)], len(b))
		if !ok {
			return cause, false
		}
		b = b[:n]
		if kind == rtpwire.KindRTP && h.moved() {
			s.leg.session.hurry()
		}
	}
	return s.emitAs(kind, b, q)
}

// workOther passes what is not RTP: UDPTL.
func (s *stream) workOther(p *port, pkt *udploop.Packet, now time.Time, q sender) (Drop, bool) {
	if len(pkt.Data) == 0 || p.rtcp {
		return DropMalformed, false
	}
	if cause, ok := s.admit(&s.media, rtpwire.KindUnknown, rtpwire.Header{}, pkt, now); !ok {
		return cause, false
	}
	s.count(rtpwire.KindUnknown, rtpwire.Header{}, len(pkt.Data), now)
	cause, ok := DropUnconnected, false
	for i := range s.routes {
		if r := &s.routes[i]; !r.to.off {
			cause, ok = r.to.emitAs(rtpwire.KindUnknown, pkt.Data, q)
		}
	}
	return cause, ok
}

// emitAs sends a packet to the party as it is.
func (s *stream) emitAs(kind rtpwire.Kind, b []byte, q sender) (Drop, bool) {
	rtcp := kind == rtpwire.KindRTCP
	to, remote, cause, ok := s.way(rtcp)
	if !ok {
		return cause, false
	}
	q.send(to.out.socket, b, remote)
	s.countSent(rtcp, len(b))
	return 0, true
}

// waits tells whether the party is sent nothing before something came from it.
func (s *stream) waits() bool { return s.leg.natWait && !s.came && !s.carrier.came }

// way is where packets to the party leave and go.
func (s *stream) way(rtcp bool) (to *component, remote netip.AddrPort, cause Drop, ok bool) {
	to = s.component(rtcp)
	remote = to.latch.Remote()
	if !remote.IsValid() || to.out == nil {
		return to, remote, DropNowhere, false
	}
	if s.waits() {
		return to, remote, DropWaiting, false
	}
	if h := s.carrier.shield; h != nil && h.ice != nil && !h.ice.consents(rtcp && !s.carrier.mux) {
		return to, remote, DropConsent, false
	}
	return to, remote, 0, true
}
