package rendezvous

import (
	"encoding/binary"
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
	var word [8]byte
	for ; len(b) >= 8; b = b[8:] {
		copy(word[:], b)
		h = mix(h^binary.LittleEndian.Uint64(word[:]), seed^0x8ebc6af09c88c6e3)
	}
	word = [8]byte{}
	copy(word[:], b)
	return mix(h^binary.LittleEndian.Uint64(word[:]), seed^0x589965cc75374cc3)
}

// Derive makes another hash out of one, for a purpose that must not depend on
// what else the first decides.
func Derive(h uint64) uint64 { return mix(h^0x2d358dccaa6c78a5, 0x8bb84b93962eacc9) }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
