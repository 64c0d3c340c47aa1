package relay

import (
	"encoding/binary"
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// reports is what RTCP of a stream tells, and what is needed to understand
// it. The zero value is ready.
type reports struct {
	sent  [4]sentReport // sender reports that went to the party
	next  uint8
	rtt   time.Duration
	loss  uint8 // fraction the party lost of what it was sent, in 1/256
	known bool  // loss is a report of the party
	last  sentReport
}

// sentReport is when a sender report passed by.
type sentReport struct {
	ntp uint32 // middle bits of its NTP time
	at  time.Duration
}

func (r *reports) note(ntp uint32, at time.Duration) {
	r.sent[r.next%4] = sentReport{ntp, at}
	r.next++
}

// sawRTCP takes what a report of the party tells: when its sender report
// passed by, and how long the way to it and back takes.
func (s *stream) sawRTCP(b []byte, now time.Time) {
	at := now.Sub(s.leg.session.r.base)
	for p := range rtpwire.RTCP(b) {
		if info, ok := p.SenderInfo(); ok {
			ntp := rtpwire.NTPMiddle(info.NTP)
			s.reports.last = sentReport{ntp, at}
			for i := range s.routes {
				s.routes[i].to.reports.note(ntp, at)
			}
		}
		for i := range int(p.Count) {
			if block, ok := p.Reception(i); ok {
				s.reports.receive(block, at)
			}
		}
	}
}

// receive takes a report block about what was sent to the party.
func (r *reports) receive(b rtpwire.Reception, at time.Duration) {
	r.loss, r.known = b.Fraction, true
	if b.LastReport == 0 {
		return
	}
	for _, s := range r.sent {
		if s.ntp == b.LastReport && s.at > 0 {
			rtt := at - s.at - time.Duration(b.SinceThat)*time.Second/65536
			if rtt >= 0 && rtt < time.Minute {
				r.rtt = rtt
			}
			return
		}
	}
}

// passRTCP sends RTCP in the clear along all routes, with the SSRCs of each.
func (s *stream) passRTCP(b []byte, now time.Time, q sender) (Drop, bool) {
	s.sawRTCP(b, now)
	if s.leg.subscriber && len(s.routes) == 0 {
		return s.feedback(b, q)
	}
	cause, ok := DropUnconnected, false
	for i := range s.routes {
		r := &s.routes[i]
		if r.to.off {
			cause = DropRejected
			continue
		}
		if r.coder != nil || r.to.made != nil || s.made != nil {
			ok = true // reports end here: others are made
			continue
		}
		buf := b
		if i < len(s.routes)-1 {
			buf = append(q.buffer()[:0], b...)
		}
		if r.marks() {
			buf = rtpwire.SetMID(buf, func(ssrc uint32) []byte { return r.mid(s, ssrc) })
		}
		if !r.mapRTCP(s, buf) {
			cause = DropKeys
			continue
		}
		if c, sent := r.to.emit(rtpwire.KindRTCP, buf, q); sent {
			ok = true
		} else {
			cause = c
		}
	}
	return cause, ok
}

// mid is what the receiver knows the stream of a source by; empty: nothing.
func (r *route) mid(s *stream, ssrc uint32) []byte {
	if x := s.carrier.bundle; x != nil {
		if s = x.bySSRC(ssrc); s == nil {
			return nil
		}
	}
	for i := range s.routes {
		if to := s.routes[i].to; to.leg == r.to.leg {
			return to.midValue
		}
	}
	return nil
}

// mapRTCP gives the SSRCs in RTCP the values that the receiver knows: senders
// by this route, those reported on by the way back. false: it cannot be passed
// on.
func (r *route) mapRTCP(s *stream, b []byte) bool {
	back := r.to.routeTo(s)
	if r.own {
		from, ok := rtcpSender(b)
		if !ok {
			return false
		}
		r.source(from)
	}
	if r.ssrc.n == 0 && (back == nil || back.ssrc.n == 0) {
		return true
	}
	rtpwire.MapSSRC(b, func(v uint32) uint32 {
		if out, ok := r.ssrc.out(v); ok {
			return out
		}
		if back != nil {
			if in, ok := back.ssrc.in(v); ok {
				return in
			}
		}
		return v
	})
	return true
}

// rtcpSender is the source whose key stream protects a packet: the sender of
// its first part, when that is of a kind whose sender is mapped.
func rtcpSender(b []byte) (uint32, bool) {
	if len(b) < 8 {
		return 0, false
	}
	switch b[1] {
	case rtpwire.SenderReport, rtpwire.ReceiverReport, rtpwire.ApplicationDefined, rtpwire.TransportFeedback,
		rtpwire.PayloadFeedback, rtpwire.ExtendedReport:
		return binary.BigEndian.Uint32(b[4:]), true
	}
	return 0, false
}

// routeTo finds the route to a stream.
func (s *stream) routeTo(t *stream) *route {
	for i := range s.routes {
		if s.routes[i].to == t {
			return &s.routes[i]
		}
	}
	return nil
}
