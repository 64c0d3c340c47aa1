package wire

// uri are the parts of a URI. A part that is absent has hi == 0, a password also lo == 0.
type uri struct {
	scheme, user, password, host, params, headers, opaque span
	port                                                  uint16
}

// scanURI reads all of s[i:] as a URI.
func scanURI(s []byte, i int, o *uri) (at int, r Reason) {
	if !hasScheme(s[i:]) {
		return i, ReasonURI
	}
	colon := skip(s, i, clScheme)
	o.scheme = mkspan(i, colon)
	scheme := s[i:colon]
	i = colon + 1
	if !EqualFold(scheme, "sip") && !EqualFold(scheme, "sips") {
		if end := skipURI(s, i); end != len(s) {
			return end, ReasonURI
		}
		o.opaque = mkspan(i, len(s))
		if EqualFold(scheme, "tel") {
			return scanTel(s, i, o)
		}
		return len(s), ReasonNone
	}
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

// scanUser reads [ user [ ":" password ] "@" ]. The grammar lets "@" stand unescaped nowhere else, so that the first one
// ends the user part and a second one is a fault.
func scanUser(s []byte, lo int, o *uri) (next int, r Reason) {
	colon, escape := 0, -1
	for i := lo; uint(i) < uint(len(s)); i++ {
		c := s[i]
		switch {
		case c == '@':
			if i == lo || colon == lo {
				return i, ReasonURI
			}
			if escape >= 0 {
				return escape, ReasonEscape
			}
			o.user = mkspan(lo, i)
			if colon != 0 {
				o.user.hi = uint32(colon)
				o.password = mkspan(colon+1, i)
			}
			return i + 1, ReasonNone
		case c == ':' && colon == 0:
			colon = i
		case c == '%':
			if escape < 0 && !isEscape(s[i:]) {
				escape = i
			}
		case !is(c, clUser):
			return scanNoUser(s, lo, i)
		}
	}
	return lo, ReasonNone
}

// scanNoUser decides about a character at i that can't be in a user part: it is in the host, its parameters or the
// headers, or it is a fault when an "@" comes behind it.
func scanNoUser(s []byte, lo, i int) (next int, r Reason) {
	for j := i; uint(j) < uint(len(s)); j++ {
		if s[j] == '@' {
			return i, ReasonURI
		}
	}
	return lo, ReasonNone
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

func uriParamBit(name []byte) uint8 {
	switch {
	case len(name) == 2 && EqualFold(name, "lr"):
		return uriLR
	case len(name) == 2 && EqualFold(name, "gr"):
		return uriGR
	case len(name) == 3 && EqualFold(name, "ttl"):
		return uriTTL
	case len(name) == 4 && EqualFold(name, "user"):
		return uriUser
	case len(name) == 5 && EqualFold(name, "maddr"):
		return uriMAddr
	case len(name) == 6 && EqualFold(name, "method"):
		return uriMethod
	case len(name) == 9 && EqualFold(name, "transport"):
		return uriTransport
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
		bit := uriParamBit(s[lo:i])
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
	i := lo
	for uint(i) < uint(len(s)) && is(s[i], clURIParam) {
		if s[i] == '%' && !isEscape(s[i:]) {
			return i, ReasonEscape
		}
		i++
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
		case c == '%' && !isEscape(s[i:]):
			return i, ReasonEscape
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
