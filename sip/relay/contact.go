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
	return r.rewrite(s, wire.HdrContact, l) == nil && r.rewrite(s, wire.HdrReferTo, l) == nil
}

// reveal plans to open what hide has sealed, wherever it may come back: as
// Request-URI, in a Refer-To, or as a Contact. RequestIn, or the cause to refuse
// the request.
func (r *Relay) reveal(s *Scratch) Cause {
	if !r.hides {
		return RequestIn
	}
	s.value = s.value[:0]
	switch opened, err := r.open(s, s.m.RequestURI()); {
	case err != nil:
		return BadToken
	case opened:
		s.edit.RequestURI(s.value)
	}
	if r.rewrite(s, wire.HdrContact, nil) != nil || r.rewrite(s, wire.HdrReferTo, nil) != nil {
		return BadToken
	}
	return RequestIn
}

// rewrite plans to seal the URIs of a header for those who use l, or to open
// them when l is nil.
func (r *Relay) rewrite(s *Scratch, id wire.HeaderID, l *listener) error {
	if s.m.Count(id) == 0 {
		return nil
	}
	s.value = s.value[:0]
	changed := false
	for v := s.m.Values(id); v.Next(); {
		if v.Index() > 0 {
			s.value = append(s.value, ", "...)
		}
		start := len(s.value)
		na, err := v.NameAddr()
		if err == nil && na.Display != nil {
			s.value = append(wire.AppendPlain(s.value, na.Display), ' ')
		}
		s.value = append(s.value, '<')
		did := false
		switch {
		case err != nil:
		case l != nil:
			did, err = r.seal(s, na.URI, l, id == wire.HdrContact)
		default:
			did, err = r.open(s, na.URI)
		}
		if err != nil && l == nil || errors.Is(err, token.ErrTooLong) {
			return err
		}
		if !did {
			s.value = wire.AppendPlain(s.value[:start], v.Value())
			continue
		}
		changed = true
		s.value = append(s.value, '>')
		s.value = wire.AppendPlain(s.value, na.Params)
	}
	if changed {
		s.edit.Set(id, s.value)
	}
	return nil
}

// seal appends to s.value a URI at us that stands for uri. Header fields in it,
// such as the Replaces of a Refer-To, stay in sight: they are for others.
func (r *Relay) seal(s *Scratch, uri []byte, l *listener, names bool) (bool, error) {
	u, err := wire.ParseURI(uri)
	if err != nil || !u.IsSIP() || r.ours(s, &u) {
		return false, nil
	}
	if _, isIP := wire.ParseAddr(u.Host); !isIP && !names {
		return false, nil
	}
	scheme := "sip:"
	if u.IsSIPS() && l.protocol.Secure() {
		scheme = "sips:"
	}
	if u.Headers != nil {
		uri = uri[:len(uri)-len(u.Headers)-1]
	}
	if s.value, err = r.ring.SealSecret(append(s.value, scheme...), uri, nil); err != nil {
		return false, err
	}
	s.value = append(s.value, l.hostURI...)
	if u.Headers != nil {
		s.value = append(append(s.value, '?'), u.Headers...)
	}
	return true, nil
}

// open appends to s.value the URI that uri stands for, if it is one that seal
// has made. The error means that it pretends to be.
func (r *Relay) open(s *Scratch, uri []byte) (bool, error) {
	u, err := wire.ParseURI(uri)
	if err != nil || len(u.User) < token.SecretLen(0) || !r.ours(s, &u) {
		return false, nil
	}
	s.value, err = r.ring.OpenSecret(s.value, u.User, nil)
	switch {
	case errors.Is(err, token.ErrMAC), errors.Is(err, token.ErrKey):
		return false, err
	case err != nil: // a long name of somebody
		return false, nil
	}
	if u.Headers != nil {
		s.value = append(append(s.value, '?'), u.Headers...)
	}
	return true, nil
}
