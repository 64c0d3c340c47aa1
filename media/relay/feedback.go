package relay

import (
	"encoding/binary"

	"github.com/class5-go/class5/media/rtpwire"
)

// Formats of payload-specific feedback that a source of video must see, so
// that somebody who joins gets a picture: picture loss (RFC 4585 section 6.3.1)
// and full intra request (RFC 5104 section 4.3.1).
const (
	pictureLoss = 1
	fullIntra   = 4
)

// feedback gives what a subscriber asks for to the parties it gets copies of.
// Nothing else of its RTCP goes to them, unless all of it is to be mirrored.
func (s *stream) feedback(b []byte, q sender) (Drop, bool) {
	wanted := s.leg.mirror
	for p := range rtpwire.RTCP(b) {
		wanted = wanted || p.Type == rtpwire.PayloadFeedback && (p.Count == pictureLoss || p.Count == fullIntra) && len(p.Body) >= 8
	}
	if !wanted {
		return DropUnconnected, false
	}
	cause, ok := DropUnconnected, false
	for _, l := range s.leg.session.legs {
		for _, source := range l.streams {
			if source == nil {
				continue
			}
			if r := source.routeTo(s); r != nil {
				c, sent := source.emit(rtpwire.KindRTCP, r.back(b, q.buffer()[:0]), q)
				if ok = ok || sent; !sent {
					cause = c
				}
			}
		}
	}
	return cause, ok
}

// back is what goes back along a route to a subscriber, about the source as
// its party knows it.
func (r *route) back(b, dst []byte) []byte {
	if !r.to.leg.mirror {
		return r.asked(b, dst)
	}
	dst = append(dst, b...)
	rtpwire.MapSSRC(dst, func(v uint32) uint32 {
		in, _ := r.ssrc.in(v)
		return in
	})
	return dst
}

// asked is the feedback alone, about the source as its party knows it. It is
// RTCP of reduced size (RFC 5506) behind an empty report, so that all take it.
func (r *route) asked(b, dst []byte) []byte {
	first := true
	for p := range rtpwire.RTCP(b) {
		if p.Type != rtpwire.PayloadFeedback || p.Count != pictureLoss && p.Count != fullIntra || len(p.Body) < 8 {
			continue
		}
		if first {
			dst = append(dst, 0x80, rtpwire.ReceiverReport, 0, 1)
			dst = binary.BigEndian.AppendUint32(dst, p.SSRC)
			first = false
		}
		at := len(dst)
		dst = append(dst, 0x80|p.Count, rtpwire.PayloadFeedback)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(p.Body)/4))
		dst = append(dst, p.Body...)
		rtpwire.MapSSRC(dst[at:], func(v uint32) uint32 {
			in, _ := r.ssrc.in(v)
			return in
		})
	}
	return dst
}
