package relay

import (
	"errors"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/wire"
)

// hide plans to seal the Contacts of a message that goes out through l, and a
// Refer-To that names an address. False means that one is too long for a token.
//
// Contacts of registrations are the client's own, and those of redirections
// name other people: both stay.
func (r *Relay) hide(s *Scratch, l *listener) bool {
	method, status := s.m.Method(), s.m.Status()
	if !s.m.IsRequest() {
		method = s.m.CSeqMethod()
	}
	if !l.hide || method == wire.REGISTER || status >= 300 && status < 400 || status == 485 {
		return true
	}
	return r.rewrite(s, wire.HdrContact, l) && (!byAddress(&s.m) || r.rewrite(s, wire.HdrReferTo, l))
}

// reveal plans to open what hide has sealed, wherever it may come back: as
// Request-URI, in a Refer-To, or as a Contact. RequestIn, or the cause to refuse
// the request.
func (r *Relay) reveal(s *Scratch) Cause {
	if !r.hides {
		return RequestIn
	}
	if s.m.IsRequest() {
		s.value = s.value[:0]
		switch r.open(s, s.m.RequestURI()) {
		case forged:
			return BadToken
		case replaced:
			s.edit.RequestURI(s.value)
		}
	}
	if !r.rewrite(s, wire.HdrContact, nil) || !r.rewrite(s, wire.HdrReferTo, nil) {
		return BadToken
	}
	return RequestIn
}

// byAddress reports whether the Refer-To names an address, which people don't
// read.
func byAddress(m *wire.Message) bool {
	v := m.Values(wire.HdrReferTo)
	if !v.Next() {
		return false
	}
	var u wire.URI
	ok := routeURI(&v, &u)
	_, isIP := wire.ParseAddr(u.Host)
	return ok && isIP
}

// rewriting is what becomes of a URI.
type rewriting uint8

const (
	left     rewriting = iota // not ours to change
	replaced                  // another one stands in its place
	forged                    // not what it pretends to be, or too long to be sealed
)

// rewrite plans to seal the URIs of a header for those who use l, or to open
// them when l is nil. False means that one of them can't be let through.
func (r *Relay) rewrite(s *Scratch, id wire.HeaderID, l *listener) bool {
	if s.m.Count(id) == 0 {
		return true
	}
	s.value = s.value[:0]
	changed := false
	for v := s.m.Values(id); v.Next(); {
		if v.Index() > 0 {
			s.value = append(s.value, ", "...)
		}
		start := len(s.value)
		switch r.rewriteValue(s, v, l) {
		case forged:
			return false
		case replaced:
			changed = true
		case left:
			s.value = wire.AppendPlain(s.value[:start], v.Value())
		}
	}
	if changed {
		s.edit.Set(id, s.value)
	}
	return true
}

// rewriteValue appends one value to s.value, of which only the URI changes.
func (r *Relay) rewriteValue(s *Scratch, v wire.Values, l *listener) rewriting {
	na, err := v.NameAddr()
	if err != nil {
		return left
	}
	if na.Display != nil {
		s.value = append(wire.AppendPlain(s.value, na.Display), ' ')
	}
	s.value = append(s.value, '<')
	var did rewriting
	if l != nil {
		did = r.seal(s, na.URI, l)
	} else {
		did = r.open(s, na.URI)
	}
	s.value = wire.AppendPlain(append(s.value, '>'), na.Params)
	return did
}

// seal appends to s.value a URI at us that stands for uri. Header fields in it,
// such as the Replaces of a Refer-To, stay in sight: they are for others.
func (r *Relay) seal(s *Scratch, uri []byte, l *listener) rewriting {
	u, err := wire.ParseURI(uri)
	if err != nil || !u.IsSIP() || r.ours(s, &u) {
		return left
	}
	if u.Headers != nil {
		uri = uri[:len(uri)-len(u.Headers)-1]
	}
	if r.compat == CompatNGCP {
		return r.ngcpSeal(s, uri, &u, l)
	}
	scheme := "sip:"
	if u.IsSIPS() && l.protocol.Secure() {
		scheme = "sips:"
	}
	if s.value, err = r.ring.SealSecret(append(s.value, scheme...), uri, nil); err != nil {
		return forged
	}
	s.value = appendHeaders(append(s.value, l.hostURI...), &u)
	return replaced
}

// open appends to s.value the URI that uri stands for, if it is one that seal
// has made. A long name of somebody is no token.
func (r *Relay) open(s *Scratch, uri []byte) rewriting {
	u, err := wire.ParseURI(uri)
	if err != nil || u.User == nil || !r.ours(s, &u) {
		return left
	}
	if r.compat == CompatNGCP {
		if did := r.ngcpOpen(s, &u); did != left {
			return did
		}
	}
	if len(u.User) < token.SecretLen(0) {
		return left
	}
	s.value, err = r.ring.OpenSecret(s.value, u.User, nil)
	switch {
	case err == nil:
		s.value = appendHeaders(s.value, &u)
		return replaced
	case errors.Is(err, token.ErrMAC), errors.Is(err, token.ErrKey):
		return forged
	}
	return left
}

func appendHeaders(dst []byte, u *wire.URI) []byte {
	if u.Headers == nil {
		return dst
	}
	return append(append(dst, '?'), u.Headers...)
}
