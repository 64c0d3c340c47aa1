package bridge

import "net/netip"

// Ports gives a session its local addresses. The engine calls it while it
// works on an offer or answer, once for each m= line that needs ports of its
// own.
//
// The same Leg, Media and Generation always mean the same ports: the first
// call binds, later calls return what was bound, with further addresses when
// All was not asked before. When Offer or Answer fails, whatever was bound
// during that call is not referenced by the session and the caller frees it.
type Ports interface {
	Local(PortRequest) (Local, error)
}

// Family is an address family wanted for one side.
type Family uint8

// AnyFamily leaves the choice to the description, or to the caller.
const (
	AnyFamily Family = iota
	IPv4
	IPv6
)

// PortRequest says for which stream ports are wanted.
type PortRequest struct {
	Leg        LegID
	Media      int
	Generation int // counted from 0; a new one means new ports
	Kind       string
	Interface  string // by name; empty: the caller's choice
	Family     Family // of the address in c=
	// All: every address of the interface is wanted, as ICE candidates.
	All bool
}

// Local is a set of ports facing a party.
type Local struct {
	Generation int
	Addrs      []LocalAddr // preferred first; at least one
	// Use is the index of the address that stands in c= and m=. The engine
	// sets it.
	Use int
}

// LocalAddr is one bound address as the party sees it. RTP is even and RTCP
// the port above, unless the interface says otherwise.
type LocalAddr struct {
	Addr       netip.Addr // advertised
	RTP, RTCP  uint16
	Foundation string // ICE foundation of this address: 1 to 32 alphanumerics
}

// In is the address in c= and m=.
func (l *Local) In() LocalAddr {
	if l.Use < 0 || l.Use >= len(l.Addrs) {
		return LocalAddr{}
	}
	return l.Addrs[l.Use]
}
