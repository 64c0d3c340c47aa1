package ice

import (
	"net/netip"
	"strings"
)

// Type is a candidate type (RFC 8445 section 5.1.1).
type Type uint8

// The candidate types of RFC 8839 section 5.1.
const (
	Host Type = iota
	ServerReflexive
	PeerReflexive
	Relayed
)

// String is the word used in a=candidate.
func (t Type) String() string {
	switch t {
	case ServerReflexive:
		return "srflx"
	case PeerReflexive:
		return "prflx"
	case Relayed:
		return "relay"
	}
	return "host"
}

// Preference is the recommended type preference (RFC 8445 section 5.1.2.2).
func (t Type) Preference() uint8 {
	switch t {
	case ServerReflexive:
		return 100
	case PeerReflexive:
		return 110
	case Relayed:
		return 0
	}
	return 126
}

// Priority computes a candidate's priority (RFC 8445 section 5.1.2.1) from
// its type, the local preference, which is 65535 for the address liked best,
// and the component from 1 to 256.
func Priority(t Type, preference uint16, component int) uint32 {
	return uint32(t.Preference())<<24 | uint32(preference)<<8 | uint32(256-component)&0xff
}

// Extension is a name and value at the end of a=candidate, such as
// "generation 0" or "network-cost 10".
type Extension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Candidate is the value of an a=candidate attribute (RFC 8839 section 5.1).
type Candidate struct {
	Foundation string
	Component  int    // 1: RTP, or both; 2: RTCP
	Transport  string // "UDP", "TCP", … as written
	Priority   uint32
	// Addr is the address and port. When the address is not an IP address (a
	// name, as browsers give it to hide themselves), Addr has the port only and
	// Hostname the name.
	Addr     netip.AddrPort
	Hostname string
	Type     Type
	// Related is raddr and rport, RelatedHostname as above. Absent when both
	// are zero.
	Related         netip.AddrPort
	RelatedHostname string
	// Extensions keep their order: tcptype, generation, and all that is not
	// known.
	Extensions []Extension
}

// Extension returns the value of the first extension of that name.
func (c Candidate) Extension(name string) (string, bool) {
	for _, e := range c.Extensions {
		if strings.EqualFold(e.Name, name) {
			return e.Value, true
		}
	}
	return "", false
}

// UDP tells whether the candidate can be checked by an [Agent]: it is UDP and
// has an IP address and a port.
func (c Candidate) UDP() bool {
	return strings.EqualFold(c.Transport, "UDP") && c.Addr.Addr().IsValid() && !c.Addr.Addr().IsUnspecified() && c.Addr.Port() != 0
}
