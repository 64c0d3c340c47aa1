package token

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// MaxHash is the most octets that [Hasher.Append] gives.
const MaxHash = 16

// Hasher computes short keyed hashes that stay the same for as long as its
// secret does, on all nodes that have it. The hash is SipHash-2-4 with 128 bits:
// without the secret nobody tells its values from chance.
type Hasher struct {
	k0, k1 uint64
}

// NewHasher makes a Hasher of a secret of at least [MinSecret] octets, which is
// not kept.
func NewHasher(secret []byte) (*Hasher, error) {
	if len(secret) < MinSecret {
		return nil, errors.New("token: secret of a hasher is too short")
	}
	k := subkey(secret, useHash)
	return &Hasher{k0: binary.LittleEndian.Uint64(k), k1: binary.LittleEndian.Uint64(k[8:])}, nil
}

// Append appends the first n octets (at most [MaxHash]) of the hash of label and
// parts in base64url to dst. The boundaries between parts count.
func (h *Hasher) Append(dst []byte, n int, label byte, parts ...[]byte) []byte {
	s := newState(h.k0, h.k1)
	words := 0
	for _, p := range parts {
		// The length comes first and zeros fill up the last word, so that no two
		// lists of parts make the same words.
		s = s.add(uint64(len(p))).all(p)
		words += 1 + (len(p)+7)/8
	}
	var out [MaxHash]byte
	lo, hi := s.finish(words*8+1, uint64(label))
	binary.LittleEndian.PutUint64(out[:], lo)
	binary.LittleEndian.PutUint64(out[8:], hi)
	return encoding.AppendEncode(dst, out[:n])
}

// state is that of SipHash-2-4 with 128 bits of output (Aumasson, Bernstein).
// It is handed on by value to stay in registers.
type state struct{ v0, v1, v2, v3 uint64 }

func newState(k0, k1 uint64) state {
	return state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
}

func round(v0, v1, v2, v3 uint64) (a, b, c, d uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32) + v3
	v2 += v1
	return v0, bits.RotateLeft64(v1, 17) ^ v2, bits.RotateLeft64(v2, 32), bits.RotateLeft64(v3, 21) ^ v0
}

// add takes in eight octets.
func (s state) add(w uint64) state {
	v0, v1, v2, v3 := round(s.v0, s.v1, s.v2, s.v3^w)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return state{v0 ^ w, v1, v2, v3}
}

// all takes in p, filled up with zeros to whole words.
func (s state) all(p []byte) state {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3
	rest := p
	for len(rest) >= 8 {
		w := binary.LittleEndian.Uint64(rest)
		v0, v1, v2, v3 = round(v0, v1, v2, v3^w)
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
		v0 ^= w
		rest = rest[8:]
	}
	s = state{v0, v1, v2, v3}
	if len(rest) == 0 {
		return s
	}
	var w uint64
	if len(p) >= 8 { // the last eight octets, less those that are in already
		w = binary.LittleEndian.Uint64(p[len(p)-8:]) >> (64 - 8*len(rest))
	} else {
		for i, c := range rest {
			w |= uint64(c) << (i & 7 * 8)
		}
	}
	return s.add(w)
}

// finish takes in what is left of an input of n octets, fewer than eight, and
// returns the hash.
func (s state) finish(n int, rest uint64) (lo, hi uint64) {
	s = s.add(rest | uint64(n)<<56)
	v0, v1, v2, v3 := s.v0, s.v1, s.v2^0xee, s.v3
	for range 4 {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	lo = v0 ^ v1 ^ v2 ^ v3
	v1 ^= 0xdd
	for range 4 {
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
	}
	return lo, v0 ^ v1 ^ v2 ^ v3
}
