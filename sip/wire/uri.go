package wire

import "strconv"

// URI is a parsed URI. Slices refer to the input; escapes are left as they are.
type URI struct {
	Scheme   []byte // as spelled, without colon
	User     []byte // sip, sips: user part; tel: the number; else nil
	Password []byte // nil when absent
	Host     []byte // sip, sips: IPv6 with brackets; else nil
	Port     uint16 // 0 when absent
	Params   Params // sip, sips, tel: parameters from the first ";" on
	Headers  []byte // sip, sips: behind "?", nil when absent
	Opaque   []byte // every scheme but sip and sips: all behind the colon
}

// ParseURI reads a URI. The parts of sip, sips and tel URIs are checked against their grammar; of any other scheme,
// whether known here or not, only the characters. User part, parameters and headers may hold raw UTF-8 and the user
// part "#", which the field sends though the grammar wants them escaped.
func ParseURI(b []byte) (u URI, err error) {
	err = u.Parse(b)
	return u, err
}

// Parse is ParseURI into a URI that is there, which it overwrites, also on an error.
func (u *URI) Parse(b []byte) error {
	var p uri
	if at, r := scanURI(b[:len(b):len(b)], 0, &p); r != ReasonNone {
		*u = URI{}
		return &Error{Reason: r, Offset: at, Status: r.status()}
	}
	u.Scheme, u.User, u.Host, u.Port = p.scheme.of(b), p.user.of(b), p.host.of(b), p.port
	u.Params, u.Headers, u.Opaque = Params(p.params.of(b)), p.headers.of(b), p.opaque.of(b)
	u.Password = nil
	if p.password.lo != 0 {
		u.Password = b[p.password.lo:p.password.hi:p.password.hi]
	}
	return nil
}

// IsSIP reports whether the scheme is sip or sips.
func (u URI) IsSIP() bool { return EqualFold(u.Scheme, "sip") || u.IsSIPS() }

// IsSIPS reports whether the scheme is sips.
func (u URI) IsSIPS() bool { return EqualFold(u.Scheme, "sips") }

// IsTel reports whether the scheme is tel.
func (u URI) IsTel() bool { return EqualFold(u.Scheme, "tel") }

// AppendTo appends the URI.
func (u URI) AppendTo(dst []byte) []byte {
	dst = append(append(dst, u.Scheme...), ':')
	if !u.IsSIP() {
		return append(dst, u.Opaque...)
	}
	if u.User != nil {
		dst = append(dst, u.User...)
		if u.Password != nil {
			dst = append(append(dst, ':'), u.Password...)
		}
		dst = append(dst, '@')
	}
	dst = append(dst, u.Host...)
	if u.Port != 0 {
		dst = strconv.AppendUint(append(dst, ':'), uint64(u.Port), 10)
	}
	dst = append(dst, u.Params...)
	if u.Headers != nil {
		dst = append(append(dst, '?'), u.Headers...)
	}
	return dst
}
