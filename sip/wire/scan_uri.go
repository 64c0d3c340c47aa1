package wire

import "encoding/binary"

// uri are the parts of a URI. A part that is absent has hi == 0.
type uri struct {
	scheme, user, password, host, params, headers, opaque span
	port                                                  uint16
}

// sipColon is "sip:" as a little-endian word.
const sipColon = 's' | 'i'<<8 | 'p'<<16 | ':'<<24

// scanURI reads all of s[i:] as a URI.
func scanURI(s []byte, i int, o *uri) (at int, r Reason) {
	if uint(i)+4 < uint(len(s)) && binary.LittleEndian.Uint32(s[i:]) == sipColon {
		o.scheme = mkspan(i, i+3)
		return scanSIPURI(s, i+4, o)
	}
	if !hasScheme(s[i:]) {
		return i, ReasonURI
	}
	colon := skip(s, i, clScheme)
	o.scheme = mkspan(i, colon)
	scheme := s[i:colon]
	i = colon + 1
	if EqualFold(scheme, "sip") || EqualFold(scheme, "sips") {
		return scanSIPURI(s, i, o)
	}
	if end := skipURI(s, i); end != len(s) {
		return end, ReasonURI
	}
	o.opaque = mkspan(i, len(s))
	if EqualFold(scheme, "tel") {
		return scanTel(s, i, o)
	}
	return len(s), ReasonNone
}

// scanSIPURI reads what stands behind "sip:" or "sips:".
func scanSIPURI(s []byte, i int, o *uri) (at int, r Reason) {
	if i, r = scanUser(s, i, o); r != ReasonNone {
		return i, r
	}
	host := i
	if i = scanHost(s, host); i < 0 {
		return host, ReasonHost
	}
	o.host = mkspan(host, i)
	if uint(i) < uint(len(s)) && s[i] == ':' {
		if i, o.port, r = scanPort(s, i+1); r != ReasonNone {
			return i, r
		}
	}
	if i, r = scanURIParams(s, i, o); r != ReasonNone || i == len(s) {
		return i, r
	}
	if s[i] != '?' {
		return i, ReasonURI
	}
	return scanURIHeaders(s, i+1, o)
}

// scanUser reads [ user [ ":" password ] "@" ]. The grammar lets "@" stand unescaped nowhere else, so that the first
// one ends the user part, and a second one is a fault of the host.
func scanUser(s []byte, lo int, o *uri) (next int, r Reason) {
	colon, fault := 0, -1
	for i := skip(s, lo, clUser); uint(i) < uint(len(s)); i = skip(s, i+1, clUser) {
		switch s[i] {
		case '@':
			return scanUserEnd(s, lo, colon, i, fault, o)
		case '%':
			if fault < 0 && !isEscape(s[i:]) {
				fault = i
			}
		case ':':
			if colon == 0 {
				colon = i
				continue
			}
			fallthrough
		default:
			// Not a user part, unless there is an "@" further on: then it is a faulty one.
			if fault < 0 {
				fault = i
			}
		}
	}
	return lo, ReasonNone
}

func scanUserEnd(s []byte, lo, colon, at, fault int, o *uri) (next int, r Reason) {
	switch {
	case fault >= 0 && s[fault] == '%':
		return fault, ReasonEscape
	case fault >= 0:
		return fault, ReasonURI
	case at == lo || colon == lo:
		return at, ReasonURI
	}
	o.user = mkspan(lo, at)
	if colon != 0 {
		o.user.hi = uint32(colon)
		o.password = mkspan(colon+1, at)
	}
	return at + 1, ReasonNone
}

func isEscape(b []byte) bool { return len(b) >= 3 && unhex(b[1]) < 16 && unhex(b[2]) < 16 }

// Parameters of a URI of which a second one would send the request elsewhere.
const (
	uriTransport = 1 << iota
	uriMAddr
	uriLR
	uriTTL
	uriUser
	uriMethod
	uriGR
)

// uriParamBit finds the parameter s[lo:hi] among those above; see paramBit for the comparison.
func uriParamBit(s []byte, lo, hi int) uint8 {
	n := hi - lo
	if n > 8 {
		if EqualFold(s[lo:hi], "transport") {
			return uriTransport
		}
		return 0
	}
	switch fold(word(s, lo, n)) {
	case 'l' | 'r'<<8:
		return uriLR
	case 'g' | 'r'<<8:
		return uriGR
	case 't' | 't'<<8 | 'l'<<16:
		return uriTTL
	case 'u' | 's'<<8 | 'e'<<16 | 'r'<<24:
		return uriUser
	case 'm' | 'a'<<8 | 'd'<<16 | 'd'<<24 | 'r'<<32:
		return uriMAddr
	case 'm' | 'e'<<8 | 't'<<16 | 'h'<<24 | 'o'<<32 | 'd'<<40:
		return uriMethod
	}
	return 0
}

// scanURIParams reads *( ";" uri-parameter ) up to "?" or the end.
func scanURIParams(s []byte, i int, o *uri) (next int, r Reason) {
	var seen uint8
	start := i
	for n := 0; uint(i) < uint(len(s)) && s[i] == ';'; n++ {
		if n == DefaultParams {
			return i, ReasonTooManyParams
		}
		lo := i + 1
		if i, r = scanURIPart(s, lo); r != ReasonNone {
			return i, r
		}
		bit := uriParamBit(s, lo, i)
		if seen&bit != 0 {
			return lo, ReasonDuplicateParam
		}
		seen |= bit
		if uint(i) < uint(len(s)) && s[i] == '=' {
			if i, r = scanURIPart(s, i+1); r != ReasonNone {
				return i, r
			}
		}
	}
	if i > start {
		o.params = mkspan(start, i)
	}
	return i, ReasonNone
}

// scanURIPart reads the name or the value of a parameter: one character at least.
func scanURIPart(s []byte, lo int) (next int, r Reason) {
	i := skip(s, lo, clURIParam)
	for uint(i) < uint(len(s)) && s[i] == '%' {
		if !isEscape(s[i:]) {
			return i, ReasonEscape
		}
		i = skip(s, i+3, clURIParam)
	}
	if i == lo {
		return i, ReasonURI
	}
	return i, ReasonNone
}

// scanURIHeaders reads header *( "&" header ) up to the end.
func scanURIHeaders(s []byte, lo int, o *uri) (next int, r Reason) {
	if lo == len(s) {
		return lo, ReasonURI
	}
	n := 1
	for i := lo; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if !isEscape(s[i:]) {
				return i, ReasonEscape
			}
		case c == '&':
			if n++; n > DefaultParams {
				return i, ReasonTooManyParams
			}
		case c != '=' && c != '?' && !is(c, clURIParam):
			return i, ReasonURI
		}
	}
	o.headers = mkspan(lo, len(s))
	return len(s), ReasonNone
}

// scanTel reads the number and the parameters of a tel URI (RFC 3966).
func scanTel(s []byte, lo int, o *uri) (next int, r Reason) {
	i := lo
	for ; i < len(s) && s[i] != ';'; i++ {
		switch c := s[i]; {
		case unhex(c) < 16, c == '+' && i == lo, c == '-', c == '.', c == '(', c == ')', c == '*', c == '#':
		default:
			return i, ReasonURI
		}
	}
	if i == lo {
		return i, ReasonURI
	}
	o.user = mkspan(lo, i)
	if i, r = scanURIParams(s, i, o); r == ReasonNone && i != len(s) {
		r = ReasonURI
	}
	return i, r
}
