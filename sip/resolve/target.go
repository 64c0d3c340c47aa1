package resolve

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// Target is a server to send to. It is a comparable value.
type Target struct {
	// Protocol is the transport.
	Protocol transport.Protocol
	// Addr is where it is.
	Addr netip.AddrPort
	// Name is the domain that was asked for, in lower case and without final
	// dot: what the certificate of a server over TLS must be valid for (RFC 5922
	// section 7.1), and not a name that the DNS came up with on the way. Empty
	// when an address was asked for.
	Name string
}

// String shows the target for logs, such as "TLS 192.0.2.1:5061 (example.com)".
func (t Target) String() string {
	s := t.Protocol.String() + " " + t.Addr.String()
	if t.Name != "" {
		s += " (" + t.Name + ")"
	}
	return s
}

// Server is a server with a weight and all its addresses.
type Server struct {
	// Weight is the share it gets among the servers of its tier (RFC 2782). When
	// others have one, a weight of 0 is a hundredth of a weight of 1.
	Weight uint16
	// Targets are its addresses.
	Targets []Target
}

// Answer is all that the DNS says of a question. It is not changed once made.
type Answer struct {
	// Tiers are sets of servers: a tier is only used when all of those before it
	// are dead. Neither tiers nor servers are empty.
	Tiers [][]Server
	// Expires is when the first of the records used runs out.
	Expires time.Time
}

// State says what became of [Cache.Pick]: Ready, Pending, or the status of the
// SIP response that tells why there is no target, such as 404.
type State int

// The states without a status.
const (
	Ready   State = 0
	Pending State = 1 // not known yet, a lookup runs
)

// Failed reports whether s is the status of a response.
func (s State) Failed() bool { return s > Pending }
