package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// f8 is AES in f8 mode (RFC 3711 section 4.1.2).
type f8 struct {
	rtpKeys, rtcpKeys f8Keys
	iv, x, s          [aes.BlockSize]byte
}

// f8Keys has the session key and the same key masked with the salt.
type f8Keys struct {
	block, masked cipher.Block
}

func newF8(p Params) (stream, error) {
	c := &f8{}
	var err error
	if c.rtpKeys, err = newF8Keys(p, labelRTPKey, labelRTPSalt); err != nil {
		return nil, err
	}
	c.rtcpKeys, err = newF8Keys(p, labelRTCPKey, labelRTCPSalt)
	return c, err
}

func newF8Keys(p Params, keyLabel, saltLabel byte) (f8Keys, error) {
	key, err := derive(p.Key, p.Salt, keyLabel, p.Suite.KeyLen())
	if err != nil {
		return f8Keys{}, err
	}
	salt, err := derive(p.Key, p.Salt, saltLabel, p.Suite.SaltLen())
	if err != nil {
		return f8Keys{}, err
	}
	return f8From(key, salt)
}

func f8From(key, salt []byte) (f8Keys, error) {
	m := make([]byte, len(key))
	for i := range m {
		pad := byte(0x55)
		if i < len(salt) {
			pad = salt[i]
		}
		m[i] = key[i] ^ pad
	}
	var k f8Keys
	var err error
	if k.block, err = aes.NewCipher(key); err != nil {
		return k, err
	}
	k.masked, err = aes.NewCipher(m)
	return k, err
}

// rtp makes the IV of section 4.1.2.2: the header without its first octet,
// then the ROC.
func (c *f8) rtp(pkt []byte, header, n int, index uint64) {
	c.iv[0] = 0
	copy(c.iv[1:12], pkt[1:12])
	binary.BigEndian.PutUint32(c.iv[12:], uint32(index>>16))
	c.xor(&c.rtpKeys, pkt[header:n])
}

// rtcp makes the IV of section 4.1.2.3: zero, the index word, then the first
// eight octets of the packet.
func (c *f8) rtcp(pkt []byte, n int, word uint32) {
	binary.BigEndian.PutUint32(c.iv[:], 0)
	binary.BigEndian.PutUint32(c.iv[4:], word)
	copy(c.iv[8:], pkt[:rtcpHeader])
	c.xor(&c.rtcpKeys, pkt[rtcpHeader:n])
}

// xor is the key stream of section 4.1.2.1: S(j) = E(k, IV' ^ j ^ S(j-1)).
func (c *f8) xor(k *f8Keys, b []byte) {
	k.masked.Encrypt(c.iv[:], c.iv[:])
	clear(c.s[:])
	for j := uint32(0); len(b) > 0; j++ {
		subtle.XORBytes(c.x[:], c.iv[:], c.s[:])
		binary.BigEndian.PutUint32(c.x[12:], binary.BigEndian.Uint32(c.x[12:])^j)
		k.block.Encrypt(c.s[:], c.x[:])
		n := min(len(b), aes.BlockSize)
		subtle.XORBytes(b[:n], b[:n], c.s[:n])
		b = b[n:]
	}
}
