package relay

import (
	"net/netip"

	"github.com/class5-go/class5/sip/wire"
)

// routeURI is the URI of a Route value.
func routeURI(v wire.Values) (wire.URI, bool) {
	na, err := v.NameAddr()
	if err != nil {
		return wire.URI{}, false
	}
	u, err := wire.ParseURI(na.URI)
	return u, err == nil && u.IsSIP()
}

// ours reports whether u names this edge: the address of one of its listeners,
// or one of its names.
func (r *Relay) ours(s *Scratch, u *wire.URI) bool {
	if addr, ok := uriAddr(u); ok {
		return r.ownAddr(addr)
	}
	if len(r.names) == 0 || !u.IsSIP() {
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
