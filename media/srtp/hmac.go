package srtp

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 3711 section 4.2
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// stream is a cipher that turns plain text into cipher text and back by XOR
// with a key stream that depends on the packet.
type stream interface {
	rtp(pkt []byte, header, n int, index uint64)
	// rtcp works on pkt[8:n]; word is the packet's index word.
	rtcp(pkt []byte, n int, word uint32)
}

// hmacEngine is a stream cipher with HMAC-SHA1: AES in counter or F8 mode, or
// no cipher at all.
type hmacEngine struct {
	cipher     stream // nil: NULL
	rtp, rtcp  mac
	tag        int // octets of the RTP tag, 0 if unauthenticated
	tagRTCP    int
	plainRTP   bool
	plainRTCP  bool
	savedTrail [4]byte
}

func newHMACEngine(p Params) (Engine, error) {
	e := &hmacEngine{
		tag: p.TagLen(), tagRTCP: p.Suite.TagLenRTCP(),
		plainRTP: p.UnencryptedRTP, plainRTCP: p.UnencryptedRTCP,
	}
	for label, m := range map[byte]*mac{labelRTPAuth: &e.rtp, labelRTCPAuth: &e.rtcp} {
		key, err := derive(p.Key, p.Salt, label, authKeyLen)
		if err != nil {
			return nil, err
		}
		m.h = hmac.New(sha1.New, key)
	}
	var err error
	switch p.Suite.info().kind {
	case kindCM:
		e.cipher, err = newCM(p)
	case kindF8:
		e.cipher, err = newF8(p)
	case kindNull:
		// The E flag stays 0: libsrtp insists, and others decrypt if it is 1.
		e.plainRTCP = true
	}
	return e, err
}

// mac is an HMAC whose inner and outer states are kept by the hash between
// packets: crypto/hmac restores them on Reset instead of hashing the pads.
type mac struct {
	h   hash.Hash
	sum [sha1.Size]byte
}

func (m *mac) of(b []byte) []byte {
	m.h.Reset()
	m.h.Write(b)
	return m.h.Sum(m.sum[:0])
}

func (e *hmacEngine) SealRTP(buf []byte, header, n int, index uint64) (int, error) {
	if e.cipher != nil && !e.plainRTP {
		e.cipher.rtp(buf, header, n, index)
	}
	if e.tag == 0 {
		return n, nil
	}
	// The ROC is authenticated behind the packet (RFC 3711 section 4.2): it
	// stands for a moment where the tag will.
	binary.BigEndian.PutUint32(buf[n:], uint32(index>>16))
	copy(buf[n:n+e.tag], e.rtp.of(buf[:n+4]))
	return n + e.tag, nil
}

func (e *hmacEngine) OpenRTP(pkt []byte, header int, index uint64) (int, error) {
	n := len(pkt) - e.tag
	if n < header {
		return 0, ErrMalformed
	}
	if e.tag > 0 {
		copy(e.savedTrail[:], pkt[n:])
		binary.BigEndian.PutUint32(pkt[n:], uint32(index>>16))
		sum := e.rtp.of(pkt[:n+4])
		copy(pkt[n:], e.savedTrail[:])
		if subtle.ConstantTimeCompare(sum[:e.tag], pkt[n:]) != 1 {
			return 0, ErrAuth
		}
	}
	if e.cipher != nil && !e.plainRTP {
		e.cipher.rtp(pkt, header, n, index)
	}
	return n, nil
}

func (e *hmacEngine) SealRTCP(buf []byte, n int, index uint32) (int, error) {
	word := index
	if !e.plainRTCP {
		word |= encrypted
		if e.cipher != nil {
			e.cipher.rtcp(buf, n, word)
		}
	}
	binary.BigEndian.PutUint32(buf[n:], word)
	n += indexWord
	copy(buf[n:n+e.tagRTCP], e.rtcp.of(buf[:n]))
	return n + e.tagRTCP, nil
}

func (e *hmacEngine) OpenRTCP(pkt []byte) (int, error) {
	end := len(pkt) - e.tagRTCP
	n := end - indexWord
	if n < rtcpHeader {
		return 0, ErrMalformed
	}
	if subtle.ConstantTimeCompare(e.rtcp.of(pkt[:end])[:e.tagRTCP], pkt[end:]) != 1 {
		return 0, ErrAuth
	}
	if word := binary.BigEndian.Uint32(pkt[n:]); word&encrypted != 0 && e.cipher != nil {
		e.cipher.rtcp(pkt, n, word)
	}
	return n, nil
}
