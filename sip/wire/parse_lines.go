package wire

import "bytes"

// endOfLine finds the CR LF that ends the line going on at i, folds not considered; -1 when the octets end before.
// stray is the first control character on the way that is not HTAB, -1 when there is none.
func endOfLine(b []byte, i int) (end, stray int) {
	for {
		i = nextControl(b, i)
		if uint(i) >= uint(len(b)) {
			return -1, -1
		}
		c := b[i]
		if c == '\r' && uint(i)+1 < uint(len(b)) && b[i+1] == '\n' {
			return i, -1
		}
		if c != '\t' {
			return crlf(b, i+1), i
		}
		i++
	}
}

// crlf is the index of the first CR LF at or behind i, -1 when there is none.
func crlf(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		if i += n; i > 0 && b[i-1] == '\r' {
			return i - 1
		}
		i++
	}
}

// isFolded reports whether the line that ends at b[end] goes on in the next one.
func isFolded(b []byte, end int) bool {
	return uint(end)+2 < uint(len(b)) && (b[end+2] == ' ' || b[end+2] == '\t')
}

// endOfFolds continues endOfLine over folds until the header is longer than limit.
func endOfFolds(b []byte, at, end, stray, limit int) (int, int) {
	for end >= 0 && end-at <= limit && isFolded(b, end) {
		i := end + 3
		for uint(i) < uint(len(b)) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		if uint(i)+1 < uint(len(b)) && b[i] == '\r' && b[i+1] == '\n' {
			end = i
			continue
		}
		var s int
		if end, s = endOfLine(b, i); stray < 0 {
			stray = s
		}
	}
	return end, stray
}

// strayControl finds the first control character in the header s that is neither white space nor the escaped octet
// of a quoted-pair (RFC 3261 25.1), -1 when there is none. quoted tells whether the header's grammar has quoted
// strings at all.
func strayControl(s []byte, i int, quoted bool) int {
	inside := false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quoted:
			inside = !inside
		case c == '\\' && inside && i+1 < len(s) && s[i+1] != '\r' && s[i+1] != '\n':
			i++
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n':
			i++
		case c < 0x20 && c != '\t' || c == 0x7f:
			return i
		}
	}
	return -1
}

func controlReason(c byte) Reason {
	switch c {
	case '\r':
		return ReasonBareCR
	case '\n':
		return ReasonBareLF
	case 0:
		return ReasonNUL
	}
	return ReasonControl
}
