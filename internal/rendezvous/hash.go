package rendezvous

import (
	"math/bits"
)

// Seed makes the seed of a table, and of hashes, from a secret that may be
// empty.
func Seed(secret []byte) uint64 {
	return mix(Hash(0x9e3779b97f4a7c15, secret), 0xd6e8feb86659fd93)
}

// Hash is a fast hash with a seed that strangers don't know. It is the same in
// every process and on every machine: two nodes must agree.
func Hash[T ~string | ~[]byte](seed uint64, b T) uint64 {
	h := mix(seed^uint64(len(b)), 0xe7037ed1a0b428db)
	for ; len(b) >= 8; b = b[8:] {
		// The compiler makes one load of this, for a string as for octets.
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		h = mix(h^w, seed^0x8ebc6af09c88c6e3)
	}
	var last uint64
	for i := range len(b) {
		last |= uint64(b[i]) << (8 * i)
	}
	return mix(h^last, seed^0x589965cc75374cc3)
}

// Derive makes another hash out of one, for a purpose that must not depend on
// what else the first decides.
func Derive(h uint64) uint64 { return mix(h^0x2d358dccaa6c78a5, 0x8bb84b93962eacc9) }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
