package srtp

import "encoding/binary"

// firstRTCP is the first SRTCP index of an SSRC. RFC 3711 section 3.2.1 would
// have 0, but libsrtp and others count before they send.
const firstRTCP = 1

// rtcpVersion tells whether b can be an RTCP packet.
func rtcpVersion(b []byte) bool { return len(b) >= rtcpHeader && b[0]>>6 == 2 }

// ProtectRTCP encrypts the RTCP packet or compound buf[:n] in place, appends
// index, identifier and tag and returns the new length. It needs
// [Context.OverheadRTCP] octets behind the packet.
func (c *Context) ProtectRTCP(buf []byte, n int) (int, error) {
	if err := c.claim(outgoing); err != nil {
		return 0, err
	}
	switch {
	case n < 0 || n > len(buf) || !rtcpVersion(buf[:n]):
		return 0, ErrMalformed
	case len(buf)-n < c.OverheadRTCP():
		return 0, ErrBuffer
	case c.expired(c.send):
		return 0, ErrKeyExpired
	}
	ssrc := binary.BigEndian.Uint32(buf[4:])
	s := c.find(ssrc)
	index := uint64(max(c.floorRTCP, firstRTCP))
	if s == nil {
		if _, ok := c.room(); !ok {
			return 0, ErrSSRCLimit
		}
		s = c.admit(ssrc)
	} else if s.rtcp.started {
		index = s.rtcp.top + 1
	}
	if index > maxIndexRTCP {
		return 0, ErrKeyExpired
	}
	c.note(s, &s.rtcp, index)
	size, err := c.send.engine.SealRTCP(buf, n, uint32(index))
	if err != nil {
		return 0, err
	}
	c.spend(c.send, &c.send.rtcp)
	return c.putMKI(buf, size, c.trailer(c.tagRTCP)), nil
}

// UnprotectRTCP checks and decrypts the SRTCP packet in place and returns the
// length of the RTCP packet.
func (c *Context) UnprotectRTCP(pkt []byte) (int, error) {
	if err := c.claim(incoming); err != nil {
		return 0, err
	}
	if len(pkt) < rtcpHeader+c.OverheadRTCP() || !rtcpVersion(pkt) {
		return 0, ErrMalformed
	}
	key, pkt, err := c.takeMKI(pkt, c.trailer(c.tagRTCP))
	if err != nil {
		return 0, err
	}
	if c.expired(key) {
		return 0, ErrKeyExpired
	}
	ssrc := binary.BigEndian.Uint32(pkt[4:])
	index := uint64(wordRTCP(c.suite, pkt) &^ encrypted)
	s := c.find(ssrc)
	if s == nil {
		if _, ok := c.room(); !ok {
			return 0, ErrSSRCLimit
		}
	} else if s.rtcp.used(index, c.words) {
		return 0, ErrReplay
	}
	size, err := key.engine.OpenRTCP(pkt)
	if err != nil {
		return 0, err
	}
	if s == nil {
		s = c.admit(ssrc)
	}
	c.note(s, &s.rtcp, index)
	c.spend(key, &key.rtcp)
	return size, nil
}
