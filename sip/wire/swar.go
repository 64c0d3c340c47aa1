package wire

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file look at eight octets at a time. Where a subtraction borrows, it marks octets behind a
// true hit at most, so that the lowest mark is right; controls is exact.
const (
	ones  = 0x0101010101010101
	tops  = 0x80 * ones
	lows  = 0x7f * ones
	space = 0x20 * ones
)

// equals marks octets of x that are c; the lowest mark is exact.
func equals(x uint64, c byte) uint64 {
	x ^= uint64(c) * ones
	return (x - ones) &^ x
}

// controls marks octets below SP and DEL, and no others.
func controls(x uint64) uint64 {
	low := x & lows
	return (^(low + 0x60*ones) | (low + ones)) &^ x & tops
}

func firstMark(mark uint64) int { return bits.TrailingZeros64(mark) >> 3 }

// odd has a top bit set when an octet of x is a control character or not ASCII.
func odd(x uint64) uint64 { return (x + ones) | (x - space) }

// nextControl is the index of the first octet of s at or behind i that is below SP or DEL, len(s) when there is none.
func nextControl(s []byte, i int) int {
	for uint(i)+32 <= uint(len(s)) {
		w := (*[32]byte)(s[i:])
		w0, w1 := binary.LittleEndian.Uint64(w[:]), binary.LittleEndian.Uint64(w[8:])
		w2, w3 := binary.LittleEndian.Uint64(w[16:]), binary.LittleEndian.Uint64(w[24:])
		if (odd(w0)|odd(w1)|odd(w2)|odd(w3))&tops != 0 {
			if c := controls(w0); c != 0 {
				return i + firstMark(c)
			}
			if c := controls(w1); c != 0 {
				return i + 8 + firstMark(c)
			}
			if c := controls(w2); c != 0 {
				return i + 16 + firstMark(c)
			}
			if c := controls(w3); c != 0 {
				return i + 24 + firstMark(c)
			}
		}
		i += 32
	}
	return lastControl(s, i)
}

// lastControl is nextControl for the last octets, fewer than 32. The last word overlaps the one before, which saves a
// loop.
func lastControl(s []byte, i int) int {
	for uint(i)+8 <= uint(len(s)) {
		if lo := controls(binary.LittleEndian.Uint64(s[i : i+8])); lo != 0 {
			return i + firstMark(lo)
		}
		i += 8
	}
	if n := len(s) - 8; n >= 0 && i < len(s) {
		// Marks below i belong to octets already looked at.
		if hi := controls(binary.LittleEndian.Uint64(s[n:n+8])) >> (uint(i-n) << 3 & 63); hi != 0 {
			return i + firstMark(hi)
		}
		return len(s)
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

// skipParamVal passes over the octets of class clParamVal: those of a URI but for ";" and ",".
func skipParamVal(s []byte, i int) int {
	for uint(i)+8 <= uint(len(s)) {
		x := binary.LittleEndian.Uint64(s[i : i+8])
		stop := ((x-0x21*ones)&^x | equals(x, '"') | equals(x, ',') | equals(x, ';') | equals(x|0x02*ones, '>') |
			equals(x, '\\') | equals(x, 0x7f)) & tops
		if stop != 0 {
			return i + firstMark(stop)
		}
		i += 8
	}
	return skip(s, i, clParamVal)
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
