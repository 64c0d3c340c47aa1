package wire

import (
	"encoding/binary"
	"math/bits"
)

// Character classes of RFC 3261 section 25.1.
const (
	clToken    = 1 << iota // token
	clHost                 // hostname, IPv4address, inside of IPv6reference
	clUser                 // user part, escapes apart
	clURI                  // may stand in an absolute URI between angle brackets
	clParamVal             // unquoted header parameter value, wider than the grammar: see scanParams
	clLWS                  // SP, HTAB and the CR LF of a fold
	clScheme               // scheme behind its first letter
	clURIParam             // uri-parameter name or value, escapes apart
)

// classes is constant after package start-up.
var classes = buildClasses()

func buildClasses() (t [256]uint8) {
	add := func(set string, cl uint8) {
		for i := range len(set) {
			t[set[i]] |= cl
		}
	}
	const digits = "0123456789"
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	add(digits+letters, clToken|clHost|clUser|clURI|clParamVal|clScheme|clURIParam)
	add("-.!%*_+`'~", clToken)
	add("-._:", clHost) // underscores are in use, though not in the grammar
	add("+-.", clScheme)
	add("-_.!~*'()&=+$,;?/%", clUser)
	add("#", clUser) // dialled feature codes arrive unescaped
	add("[]/:&+$-_.!~*'()%", clURIParam)
	add(" \t\r\n", clLWS)
	for c := 0x21; c < 0x100; c++ {
		switch c {
		case '"', '<', '>', '\\', 0x7f:
			continue
		}
		t[c] |= clURI
		if c != ';' && c != ',' {
			t[c] |= clParamVal
		}
		if c >= 0x80 {
			t[c] |= clUser | clURIParam // raw UTF-8, in use though not in the grammar
		}
	}
	return t
}

func is(c byte, cl uint8) bool { return classes[c]&cl != 0 }

func lower(c byte) byte {
	if c-'A' < 26 {
		c |= 0x20
	}
	return c
}

// EqualFold compares ASCII without regard to case.
func EqualFold[T ~string | ~[]byte](b T, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range len(b) {
		if b[i] != s[i] && lower(b[i]) != lower(s[i]) {
			return false
		}
	}
	return true
}

// nextControl is the index of the first octet at or behind i that is below SP or DEL, len(b) when there is none.
// It looks at eight octets at a time: the subtraction sets the top bit of each octet below SP. A borrow can
// only reach octets behind a true hit, so that the lowest set bit is always right.
func nextControl(b []byte, i int) int {
	const ones = 0x0101010101010101
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*ones
		hit := ((x-0x20*ones)&^x | (del-ones)&^del) & (0x80 * ones)
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 || b[i] == 0x7f {
			return i
		}
	}
	return i
}

func skipLWS(b []byte, i, hi int) int {
	for i < hi && is(b[i], clLWS) {
		i++
	}
	return i
}

func skipToken(b []byte, i, hi int) int {
	for i < hi && is(b[i], clToken) {
		i++
	}
	return i
}

// trimEnd moves hi back over white space and folds.
func trimEnd(b []byte, lo, hi int) int {
	for hi > lo && is(b[hi-1], clLWS) {
		hi--
	}
	return hi
}

// quotedEnd is the index behind the quoted string that starts at b[i], or -1 when it is not closed. A backslash
// escapes one octet, never a line end (RFC 3261 25.1 quoted-pair).
func quotedEnd(b []byte, i, hi int) int {
	for i++; i < hi; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
			if i < hi && (b[i] == '\r' || b[i] == '\n') {
				return -1
			}
		}
	}
	return -1
}

// number reads all of b[lo:hi] as decimal digits. ok is false for anything else and beyond limit.
func number(b []byte, lo, hi int, limit uint64) (n uint64, ok bool) {
	if lo >= hi {
		return 0, false
	}
	for ; lo < hi; lo++ {
		d := b[lo] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
		if n > limit {
			return 0, false
		}
	}
	return n, true
}
