package wire

// Character classes of RFC 3261 section 25.1.
const (
	clToken    = 1 << iota // token
	clHost                 // hostname, IPv4address
	clUser                 // user part but for "%"
	clURI                  // may stand in a URI
	clParamVal             // unquoted header parameter value, wider than the grammar: see scanParam
	clLWS                  // SP, HTAB and the CR LF of a fold
	clScheme               // scheme behind its first letter
	clURIParam             // uri-parameter name or value but for "%"
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
	add(digits+letters, clToken|clHost|clUser|clScheme|clURIParam)
	add("-.!%*_+`'~", clToken)
	add("-._", clHost) // the underscore is in use, though not in the grammar
	add("+-.", clScheme)
	add("-_.!~*'()&=+$,;?/", clUser)
	add("#", clUser) // dialled feature codes arrive unescaped
	add("[]/:&+$-_.!~*'()", clURIParam)
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

// skip passes over octets of class cl. The unsigned comparison doubles as the bounds check.
func skip(s []byte, i int, cl uint8) int {
	for uint(i) < uint(len(s)) && classes[s[i]]&cl != 0 {
		i++
	}
	return i
}

// skipLWS passes over white space and folds.
func skipLWS(s []byte, i int) int {
	return skip(s, i, clLWS)
}

func skipDigits(s []byte, i int) int {
	for uint(i) < uint(len(s)) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// trimEnd moves hi back over white space and folds.
func trimEnd(s []byte, lo, hi int) int {
	for hi > lo && is(s[hi-1], clLWS) {
		hi--
	}
	return hi
}

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

// number reads all of b as decimal digits. ok is false for anything else and beyond limit.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 {
			return 0, false
		}
		if n = n*10 + d; n > limit {
			return 0, false
		}
	}
	return n, len(b) > 0
}
