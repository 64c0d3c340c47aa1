package wire

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file look at eight octets at a time. Subtracting with the top bits masked off sets the top
// bit of each octet that is below a bound; a borrow only ever reaches octets behind a true hit, so that the lowest
// bit set is always right.
const (
	ones  = 0x0101010101010101
	tops  = 0x80 * ones
	space = 0x20 * ones
)

// equals marks octets of x that are c; the lowest mark is exact.
func equals(x uint64, c byte) uint64 {
	x ^= uint64(c) * ones
	return (x - ones) &^ x
}

// controls marks octets below SP and DEL.
func controls(x uint64) uint64 {
	return ((x-space)&^x | equals(x, 0x7f)) & tops
}

func firstMark(mark uint64) int { return bits.TrailingZeros64(mark) >> 3 }

// nextControl is the index of the first octet of s at or behind i that is below SP or DEL, len(s) when there is none.
func nextControl(s []byte, i int) int {
	for uint(i)+16 <= uint(len(s)) {
		w := s[i : i+16]
		lo := controls(binary.LittleEndian.Uint64(w))
		hi := controls(binary.LittleEndian.Uint64(w[8:]))
		if lo|hi != 0 {
			if lo != 0 {
				return i + firstMark(lo)
			}
			return i + 8 + firstMark(hi)
		}
		i += 16
	}
	for uint(i) < uint(len(s)) && s[i] >= 0x20 && s[i] != 0x7f {
		i++
	}
	return i
}

// skipURI passes over the octets that may stand in a URI: none of SP, controls, '"', '<', '>', '\', DEL.
func skipURI(s []byte, i int) int {
	for uint(i)+8 <= uint(len(s)) {
		x := binary.LittleEndian.Uint64(s[i : i+8])
		stop := ((x-0x21*ones)&^x | equals(x, '"') | equals(x|0x02*ones, '>') | equals(x, '\\') | equals(x, 0x7f)) & tops
		if stop != 0 {
			return i + firstMark(stop)
		}
		i += 8
	}
	for uint(i) < uint(len(s)) && classes[s[i]]&clURI != 0 {
		i++
	}
	return i
}

// quotedEnd is the index behind the quoted string that starts at s[i], -1 when it is not closed. A backslash escapes
// one octet, never a line end (RFC 3261 25.1 quoted-pair).
func quotedEnd(s []byte, i int) int {
	for i++; ; i += 2 {
		// Escapes come in runs, if at all: look at one octet before looking at eight.
		if uint(i) < uint(len(s)) && s[i] != '"' && s[i] != '\\' {
			i = skipQuoted(s, i+1)
		}
		switch {
		case uint(i) >= uint(len(s)):
			return -1
		case s[i] == '"':
			return i + 1
		case uint(i)+1 >= uint(len(s)) || s[i+1] == '\r' || s[i+1] == '\n':
			return -1
		}
	}
}

// skipQuoted passes over what is neither a quote nor a backslash.
func skipQuoted(s []byte, i int) int {
	for uint(i)+8 <= uint(len(s)) {
		x := binary.LittleEndian.Uint64(s[i : i+8])
		if stop := (equals(x, '"') | equals(x, '\\')) & tops; stop != 0 {
			return i + firstMark(stop)
		}
		i += 8
	}
	for uint(i) < uint(len(s)) && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}
