package srtp

import "github.com/class5-go/class5/media/rtpwire"

// Passed tells the context of an SRTP packet that went by without being opened
// or sealed here, because both sides have the same key: indices go on from
// there should packets be opened later. sent says whether the context is one
// that protects. The packet is not authenticated: the caller has to know by
// other means that it is the peer's.
func (c *Context) Passed(pkt []byte, sent bool) {
	h, _, ok := rtpwire.ParseHeader(pkt)
	if !ok || c.claim(way(sent)) != nil {
		return
	}
	s, index := c.find(h.SSRC), uint64(h.Sequence)
	if s != nil && s.rtp.started {
		index = s.rtp.guess(h.Sequence)
	}
	c.passed(s, h.SSRC, index, maxIndex, false)
}

// PassedRTCP is Passed for SRTCP.
func (c *Context) PassedRTCP(pkt []byte, sent bool) {
	if len(pkt) < rtcpHeader+c.OverheadRTCP() || !rtcpVersion(pkt) || c.mkiLen > 0 || c.claim(way(sent)) != nil {
		return
	}
	ssrc := uint32(pkt[4])<<24 | uint32(pkt[5])<<16 | uint32(pkt[6])<<8 | uint32(pkt[7])
	c.passed(c.find(ssrc), ssrc, uint64(wordRTCP(c.suite, pkt)&^encrypted), maxIndexRTCP, true)
}

func way(sent bool) direction {
	if sent {
		return outgoing
	}
	return incoming
}

func (c *Context) passed(s *ssrcState, ssrc uint32, index, limit uint64, rtcp bool) {
	if index > limit {
		return
	}
	if s == nil {
		if _, ok := c.room(); !ok {
			return
		}
		s = c.admit(ssrc)
	}
	w := &s.rtp
	if rtcp {
		w = &s.rtcp
	}
	if !w.used(index, c.words) {
		c.note(s, w, index)
	}
}
