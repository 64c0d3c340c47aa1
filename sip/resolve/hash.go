package resolve

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// hasher is SipHash-2-4 (Aumasson and Bernstein, 2012): short, fast and, unlike
// hash/maphash, the same on every node with the same key.
type hasher struct{ k0, k1 uint64 }

func newHasher(secret []byte) hasher {
	return hasher{binary.LittleEndian.Uint64(secret), binary.LittleEndian.Uint64(secret[8:])}
}

type sipState [4]uint64

func (v *sipState) round() {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}

func (v *sipState) word(m uint64) {
	v[3] ^= m
	v.round()
	v.round()
	v[0] ^= m
}

// sum hashes b.
func (h hasher) sum(b []byte) uint64 {
	v := sipState{h.k0 ^ 0x736f6d6570736575, h.k1 ^ 0x646f72616e646f6d, h.k0 ^ 0x6c7967656e657261, h.k1 ^ 0x7465646279746573}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		v.word(binary.LittleEndian.Uint64(b))
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v.word(last)
	v[2] ^= 0xff
	for range 4 {
		v.round()
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

// question hashes a question as normal returned it, its host in any case.
func (h hasher) question(q Question) uint64 {
	var b [260]byte
	n := copy(b[4:], q.Host)
	for i := range n {
		if c := b[4+i]; c >= 'A' && c <= 'Z' {
			b[4+i] = c | 0x20
		}
	}
	if n > 1 && b[4+n-1] == '.' {
		n--
	}
	binary.BigEndian.PutUint16(b[:], q.Port)
	b[2] = byte(q.Protocol)
	if q.Secure {
		b[3] = 1
	}
	return h.sum(b[:4+n])
}

// mix spreads every bit of x over all others (the finisher of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// score ranks a server among those of its tier for a key: the one with the
// highest score comes first. The logarithm of an even chance divided by a weight
// makes the first of a tier come up in proportion to its weight, the second in
// proportion among the rest, and so on, which is the order of RFC 2782 without
// counting sums; and it stays as it is for the others when one falls out.
func score(key, id uint64, weight float64) float64 {
	u := (float64(mix(key^mix(id+1))>>11) + 0.5) / (1 << 53)
	return math.Log(u) / weight
}
