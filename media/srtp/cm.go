package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// batch is how many blocks of key stream are made before they are used: 32
// blocks are 512 octets, more than a packet of speech.
const batch = 32

// half is the key and salt of one protocol.
type half struct {
	block cipher.Block
	salt  [aes.BlockSize]byte // 14 octets, then zero
}

func newHalf(p Params, key, salt byte) (half, error) {
	var h half
	k, err := derive(p.Key, p.Salt, key, p.Suite.KeyLen())
	if err != nil {
		return h, err
	}
	s, err := derive(p.Key, p.Salt, salt, p.Suite.SaltLen())
	if err != nil {
		return h, err
	}
	copy(h.salt[:], s)
	h.block, err = aes.NewCipher(k)
	return h, err
}

// counterMode is AES-CM (RFC 3711 section 4.1.1, RFC 6188). A cipher.Stream
// would have to be made, and allocated, for each packet.
type counterMode struct {
	rtpHalf, rtcpHalf half
	keys              [batch * aes.BlockSize]byte
}

func newCM(p Params) (stream, error) {
	c := &counterMode{}
	var err error
	if c.rtpHalf, err = newHalf(p, labelRTPKey, labelRTPSalt); err != nil {
		return nil, err
	}
	c.rtcpHalf, err = newHalf(p, labelRTCPKey, labelRTCPSalt)
	return c, err
}

func (c *counterMode) rtp(pkt []byte, header, n int, index uint64) {
	c.xor(&c.rtpHalf, pkt[header:n], binary.BigEndian.Uint32(pkt[8:]), index)
}

func (c *counterMode) rtcp(pkt []byte, n int, word uint32) {
	c.xor(&c.rtcpHalf, pkt[rtcpHeader:n], binary.BigEndian.Uint32(pkt[4:]), uint64(word&^encrypted))
}

func (c *counterMode) xor(h *half, b []byte, ssrc uint32, index uint64) {
	high := binary.BigEndian.Uint64(h.salt[:]) ^ uint64(ssrc)
	low := binary.BigEndian.Uint64(h.salt[8:]) ^ index<<16
	for len(b) > 0 {
		n := min(len(b), len(c.keys))
		// Two loops: a block that is read right after it was written in halves
		// makes the processor wait.
		for i := 0; i < n; i += aes.BlockSize {
			binary.BigEndian.PutUint64(c.keys[i:], high)
			binary.BigEndian.PutUint64(c.keys[i+8:], low)
			low++ // a packet has fewer than 2^16 blocks
		}
		for i := 0; i < n; i += aes.BlockSize {
			block := c.keys[i : i+aes.BlockSize]
			h.block.Encrypt(block, block)
		}
		subtle.XORBytes(b[:n], b[:n], c.keys[:n])
		b = b[n:]
	}
}
