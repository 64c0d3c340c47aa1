package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

// gcmTag is the length of the tag of AEAD_AES_*_GCM in octets (RFC 7714
// section 12).
const gcmTag = 16

// gcmEngine is AES-GCM (RFC 7714).
type gcmEngine struct {
	rtp, rtcp         cipher.AEAD
	saltRTP, saltRTCP [12]byte
	plainRTCP         bool
	// Scratch, here because what is passed to an interface moves to the heap.
	nonce [12]byte
	aad   []byte
	tag   [gcmTag]byte
}

func newGCM(p Params) (Engine, error) {
	e := &gcmEngine{plainRTCP: p.UnencryptedRTCP}
	for _, half := range []struct {
		key, salt byte
		aead      *cipher.AEAD
		to        *[12]byte
	}{
		{labelRTPKey, labelRTPSalt, &e.rtp, &e.saltRTP},
		{labelRTCPKey, labelRTCPSalt, &e.rtcp, &e.saltRTCP},
	} {
		key, err := derive(p.Key, p.Salt, half.key, p.Suite.KeyLen())
		if err != nil {
			return nil, err
		}
		salt, err := derive(p.Key, p.Salt, half.salt, len(half.to))
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if *half.aead, err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
		copy(half.to[:], salt)
	}
	return e, nil
}

// nonceRTP is RFC 7714 section 8.1.
func (e *gcmEngine) nonceRTP(pkt []byte, index uint64) []byte {
	n := &e.nonce
	binary.BigEndian.PutUint16(n[:], 0)
	copy(n[2:6], pkt[8:12])
	binary.BigEndian.PutUint32(n[6:], uint32(index>>16))
	binary.BigEndian.PutUint16(n[10:], uint16(index))
	for i, b := range e.saltRTP {
		n[i] ^= b
	}
	return n[:]
}

// nonceRTCP is RFC 7714 section 9.1.
func (e *gcmEngine) nonceRTCP(pkt []byte, index uint32) []byte {
	n := &e.nonce
	binary.BigEndian.PutUint16(n[:], 0)
	copy(n[2:6], pkt[4:8])
	binary.BigEndian.PutUint16(n[6:], 0)
	binary.BigEndian.PutUint32(n[8:], index)
	for i, b := range e.saltRTCP {
		n[i] ^= b
	}
	return n[:]
}

func (e *gcmEngine) SealRTP(buf []byte, header, n int, index uint64) (int, error) {
	e.rtp.Seal(buf[header:header], e.nonceRTP(buf, index), buf[header:n], buf[:header])
	return n + gcmTag, nil
}

func (e *gcmEngine) OpenRTP(pkt []byte, header int, index uint64) (int, error) {
	if len(pkt) < header+gcmTag {
		return 0, ErrMalformed
	}
	if _, err := e.rtp.Open(pkt[header:header], e.nonceRTP(pkt, index), pkt[header:], pkt[:header]); err != nil {
		return 0, ErrAuth
	}
	return len(pkt) - gcmTag, nil
}

// SealRTCP is RFC 7714 section 9.2 and, for packets left in the clear, 9.3.
func (e *gcmEngine) SealRTCP(buf []byte, n int, index uint32) (int, error) {
	nonce := e.nonceRTCP(buf, index)
	if e.plainRTCP {
		e.aad = binary.BigEndian.AppendUint32(append(e.aad[:0], buf[:n]...), index)
		e.rtcp.Seal(e.tag[:0], nonce, nil, e.aad)
		copy(buf[n:], e.tag[:])
		binary.BigEndian.PutUint32(buf[n+gcmTag:], index)
		return n + gcmTag + indexWord, nil
	}
	word := index | encrypted
	e.aad = binary.BigEndian.AppendUint32(append(e.aad[:0], buf[:rtcpHeader]...), word)
	e.rtcp.Seal(buf[rtcpHeader:rtcpHeader], nonce, buf[rtcpHeader:n], e.aad)
	binary.BigEndian.PutUint32(buf[n+gcmTag:], word)
	return n + gcmTag + indexWord, nil
}

func (e *gcmEngine) OpenRTCP(pkt []byte) (int, error) {
	n := len(pkt) - gcmTag - indexWord
	if n < rtcpHeader {
		return 0, ErrMalformed
	}
	word := binary.BigEndian.Uint32(pkt[n+gcmTag:])
	nonce := e.nonceRTCP(pkt, word&^encrypted)
	if word&encrypted == 0 {
		e.aad = binary.BigEndian.AppendUint32(append(e.aad[:0], pkt[:n]...), word)
		if _, err := e.rtcp.Open(e.tag[:0], nonce, pkt[n:n+gcmTag], e.aad); err != nil {
			return 0, ErrAuth
		}
		return n, nil
	}
	e.aad = binary.BigEndian.AppendUint32(append(e.aad[:0], pkt[:rtcpHeader]...), word)
	if _, err := e.rtcp.Open(pkt[rtcpHeader:rtcpHeader], nonce, pkt[rtcpHeader:n+gcmTag], e.aad); err != nil {
		return 0, ErrAuth
	}
	return n, nil
}
