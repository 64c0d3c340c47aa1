package relay

import (
	"bytes"
	"net/netip"

	"github.com/class5-go/class5/sip/wire"
)

// routeURI reads the URI of a Route or Contact value into u.
func routeURI(v *wire.Values, u *wire.URI) bool {
	uri, err := v.URI()
	return err == nil && u.Parse(uri) == nil && u.IsSIP()
}

// place is what a Route names.
type place struct {
	addr netip.AddrPort // invalid when its host is a name, or it is ours by its text
	ok   bool           // a SIP URI
	ours bool           // names this edge
}

// readRoute is routeURI, and says what u names.
func (r *Relay) readRoute(s *Scratch, v *wire.Values, u *wire.URI) (at place) {
	uri, err := v.URI()
	if err != nil {
		return at
	}
	if r.written(uri, u) {
		return place{ok: true, ours: true}
	}
	if u.Parse(uri) != nil || !u.IsSIP() {
		return at
	}
	at.ok = true
	var numeric bool
	if at.addr, numeric = uriAddr(u); numeric {
		at.ours = r.ownAddr(at.addr)
	} else {
		at.ours = r.ownName(s, u)
	}
	return at
}

// written recognises by its text what we have written into a Path or
// Record-Route, as nearly all is that comes back to us, and sets no more of u
// than scheme and user. What it doesn't know may name us all the same.
func (r *Relay) written(uri []byte, u *wire.URI) bool {
	const scheme = "sip:"
	if r.compat != CompatNone || len(uri) < len(scheme) || string(uri[:len(scheme)]) != scheme {
		return false
	}
	var user []byte
	text := uri[len(scheme):]
	if at := bytes.IndexByte(text, '@'); at >= 0 {
		if user, text = text[:at], text[at:]; !plainToken(user) {
			return false
		}
	}
	if _, ok := r.texts[string(text)]; !ok {
		return false
	}
	*u = wire.URI{Scheme: uri[:len(scheme)-1], User: user}
	return true
}

// plainToken reports whether b has the characters of tokens and no others.
func plainToken(b []byte) bool {
	for _, c := range b {
		if !tokenChars[c] {
			return false
		}
	}
	return len(b) > 0
}

// tokenChars are the characters of base64url (RFC 4648 section 5); constant after
// package start-up.
var tokenChars = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

// ours reports whether u names this edge: the address of one of its listeners,
// or one of its names.
func (r *Relay) ours(s *Scratch, u *wire.URI) bool {
	if addr, ok := uriAddr(u); ok {
		return r.ownAddr(addr)
	}
	return u.IsSIP() && r.ownName(s, u)
}

// ownName reports whether the host of u is one of our names, at one of our ports.
func (r *Relay) ownName(s *Scratch, u *wire.URI) bool {
	if len(r.names) == 0 {
		return false
	}
	if _, ok := r.ports[u.Port]; u.Port != 0 && !ok {
		return false
	}
	s.lower = s.lower[:0]
	for _, c := range u.Host {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		s.lower = append(s.lower, c)
	}
	_, ok := r.names[string(s.lower)]
	return ok
}

// ownAddr reports whether a is one of our addresses, of which there are few.
func (r *Relay) ownAddr(a netip.AddrPort) bool {
	for i := range r.own {
		if r.own[i].Port() == a.Port() && r.own[i] == a {
			return true
		}
	}
	return false
}

// uriAddr is the address and port of a SIP URI whose host is an IP address,
// with the default port of its transport (RFC 3261 section 19.1.2).
func uriAddr(u *wire.URI) (netip.AddrPort, bool) {
	if !u.IsSIP() {
		return netip.AddrPort{}, false
	}
	addr, ok := wire.ParseAddr(u.Host)
	if !ok {
		return netip.AddrPort{}, false
	}
	port := u.Port
	if port == 0 {
		port = 5060
		if t, _ := u.Params.Get("transport"); u.IsSIPS() || wire.EqualFold(t, "tls") {
			port = 5061
		}
	}
	return netip.AddrPortFrom(addr, port), true
}
