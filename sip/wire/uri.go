package wire

// URI is a parsed URI. Slices refer to the input; escapes are left as they are.
type URI struct {
	Scheme   []byte // as spelled, without colon
	User     []byte // sip, sips: user part; tel: the number; else nil
	Password []byte // nil when absent
	Host     []byte // sip, sips: IPv6 with brackets; else nil
	Port     uint16 // 0 when absent
	Params   Params // sip, sips, tel: parameters from the first ";" on
	Headers  []byte // sip, sips: behind "?", nil when absent
	Opaque   []byte // every other scheme but sip and sips: all behind the colon
}

// ParseURI reads a URI. The parts of sip, sips and tel URIs are checked against their grammar; of any other
// scheme, whether known here or not, only the characters.
func ParseURI(b []byte) (URI, error) {
	u, err := parseURI(b)
	if err.Reason != ReasonNone {
		return URI{}, &Error{err.Reason, err.Offset, err.Reason.status()}
	}
	return u, nil
}

func (u *URI) isSIP() bool { return u.Opaque == nil }

// IsSIP reports whether the scheme is sip or sips.
func (u URI) IsSIP() bool { return EqualFold(u.Scheme, "sip") || EqualFold(u.Scheme, "sips") }

// IsSIPS reports whether the scheme is sips.
func (u URI) IsSIPS() bool { return EqualFold(u.Scheme, "sips") }

// IsTel reports whether the scheme is tel.
func (u URI) IsTel() bool { return EqualFold(u.Scheme, "tel") }

func parseURI(b []byte) (u URI, err Error) {
	bad := func(r Reason, at int) (URI, Error) { return URI{}, Error{Reason: r, Offset: at} }
	if !hasScheme(b, 0, len(b)) {
		return bad(ReasonURI, 0)
	}
	if i := scanURI(b, 0, len(b)); i != len(b) {
		return bad(ReasonURI, i)
	}
	colon := 1
	for b[colon] != ':' {
		colon++
	}
	u.Scheme = b[:colon:colon]
	at := colon + 1
	if !u.IsSIP() {
		u.Opaque = b[at:]
		if u.IsTel() {
			return u, telParts(b, at, &u)
		}
		return u, err
	}
	if i := indexByte(b, '@', at); i >= 0 {
		if r, off := userParts(b, at, i, &u); r != ReasonNone {
			return bad(r, off)
		}
		at = i + 1
	}
	next, host, port, r := scanHostPort(b, at, len(b))
	if r != ReasonNone {
		return bad(r, next)
	}
	u.Host, u.Port = host.of(b), port
	if next < len(b) && b[next] == ';' {
		lo := next
		if next, r = scanURIParams(b, next); r != ReasonNone {
			return bad(r, next)
		}
		u.Params = Params(b[lo:next:next])
	}
	if next < len(b) && b[next] == '?' {
		if r, off := uriHeaders(b, next+1); r != ReasonNone {
			return bad(r, off)
		}
		u.Headers = b[next+1:]
		next = len(b)
	}
	if next != len(b) {
		return bad(ReasonURI, next)
	}
	return u, err
}

func indexByte(b []byte, c byte, at int) int {
	for i := at; i < len(b); i++ {
		if b[i] == c {
			return i
		}
	}
	return -1
}

// userParts reads user [ ":" password ] at b[lo:hi].
func userParts(b []byte, lo, hi int, u *URI) (Reason, int) {
	if lo == hi {
		return ReasonURI, lo
	}
	colon := -1
	for i := lo; i < hi; i++ {
		switch c := b[i]; {
		case c == ':' && colon < 0 && i > lo:
			colon = i
		case !is(c, clUser):
			return ReasonURI, i
		case c == '%' && !isEscape(b[i:hi]):
			return ReasonEscape, i
		}
	}
	u.User = b[lo:hi:hi]
	if colon >= 0 {
		u.User, u.Password = b[lo:colon:colon], b[colon+1:hi:hi]
	}
	return ReasonNone, 0
}

func isEscape(b []byte) bool { return len(b) >= 3 && unhex(b[1]) < 16 && unhex(b[2]) < 16 }

func unhex(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20-'a' <= 5:
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

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
func scanURIParams(b []byte, i int) (next int, r Reason) {
	var seen uint8
	for n := 0; i < len(b) && b[i] == ';'; n++ {
		if n == DefaultParams {
			return i, ReasonTooManyParams
		}
		lo := i + 1
		if i, r = scanURIPart(b, lo); r != ReasonNone || i == lo {
			return i, orURI(r)
		}
		bit := uriParamBit(b[lo:i])
		if seen&bit != 0 {
			return lo, ReasonDuplicateParam
		}
		seen |= bit
		if i < len(b) && b[i] == '=' {
			lo = i + 1
			if i, r = scanURIPart(b, lo); r != ReasonNone || i == lo {
				return i, orURI(r)
			}
		}
	}
	return i, ReasonNone
}

func orURI(r Reason) Reason {
	if r == ReasonNone {
		return ReasonURI
	}
	return r
}

func scanURIPart(b []byte, i int) (next int, r Reason) {
	for i < len(b) && is(b[i], clURIParam) {
		if b[i] == '%' && !isEscape(b[i:]) {
			return i, ReasonEscape
		}
		i++
	}
	return i, ReasonNone
}

// uriHeaders checks header *( "&" header ) at b[i:].
func uriHeaders(b []byte, i int) (Reason, int) {
	if i == len(b) {
		return ReasonURI, i
	}
	n := 1
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '%' && !isEscape(b[i:]):
			return ReasonEscape, i
		case c == '&':
			if n++; n > DefaultParams {
				return ReasonTooManyParams, i
			}
		case c != '=' && c != '?' && !is(c, clURIParam):
			return ReasonURI, i
		}
	}
	return ReasonNone, 0
}

// telParts reads the number and the parameters of a tel URI (RFC 3966).
func telParts(b []byte, lo int, u *URI) Error {
	i := lo
	for i < len(b) && b[i] != ';' {
		switch c := b[i]; {
		case c-'0' <= 9, c|0x20-'a' <= 5, c == '+' && i == lo, c == '-', c == '.', c == '(', c == ')', c == '*', c == '#':
		default:
			return Error{Reason: ReasonURI, Offset: i}
		}
		i++
	}
	if i == lo {
		return Error{Reason: ReasonURI, Offset: i}
	}
	u.User = b[lo:i:i]
	next, r := scanURIParams(b, i)
	if r == ReasonNone && next != len(b) {
		r = ReasonURI
	}
	if r != ReasonNone {
		return Error{Reason: r, Offset: next}
	}
	if i < next {
		u.Params = Params(b[i:next:next])
	}
	return Error{}
}
