package relay

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// NATPolicy says what in a request makes its sender count as behind NAT: an
// address, private or not, that is not the one the request came from, or another
// port when it asked over UDP for rport and so must send from where it listens.
// A host name says nothing, apart from those under .invalid
// that browsers make up because they don't know their address (RFC 7118 section
// 5.2.1). A private address alone is no NAT: it may be that of the source.
type NATPolicy uint8

// The policies.
const (
	NATBoth    NATPolicy = iota // topmost Via or first Contact
	NATVia                      // topmost Via only
	NATContact                  // first Contact only
	NATOff                      // nobody is behind NAT
)

// ParseNATPolicy reads "both", "via", "contact" or "off".
func ParseNATPolicy(s string) (NATPolicy, error) {
	for p := NATBoth; p <= NATOff; p++ {
		if s == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("relay: no NAT policy is called %q", s)
}

// String is the policy as configurations write it.
func (p NATPolicy) String() string {
	switch p {
	case NATBoth:
		return "both"
	case NATVia:
		return "via"
	case NATContact:
		return "contact"
	case NATOff:
		return "off"
	}
	return "unknown"
}

// natted reports whether the client is behind NAT as its listener sees it. Of a
// response only the Contact tells: its topmost Via is ours.
func natted(s *Scratch) bool {
	policy := s.listener.nat
	if policy == NATOff {
		return false
	}
	if policy != NATContact && s.m.IsRequest() && elsewhere(s, s.sentBy, s.via.Host, s.via.Port) {
		return true
	}
	if policy == NATVia {
		return false
	}
	v := s.m.Values(wire.HdrContact)
	if !v.Next() {
		return false
	}
	var u wire.URI
	if !routeURI(&v, &u) {
		return false
	}
	addr, _ := wire.ParseAddr(u.Host)
	return elsewhere(s, addr, u.Host, u.Port)
}

// elsewhere reports whether host, which is addr if that is valid, and port are
// not those of the source.
func elsewhere(s *Scratch, addr netip.Addr, host []byte, port uint16) bool {
	source := s.in.Remote
	if !addr.IsValid() {
		const made = ".invalid"
		return len(host) > len(made) && wire.EqualFold(host[len(host)-len(made):], made)
	}
	if port == 0 {
		port = 5060
	}
	if addr != source.Addr() {
		return true
	}
	return port != source.Port() && s.in.Protocol == transport.UDP && s.via.HasRPort()
}
