package relay

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Query is what a proxy is chosen by. The slices are lent for the call.
type Query struct {
	// CallID is the Call-ID: requests with the same one belong together.
	CallID []byte
	// Branch names the transaction: the branch this edge writes, which a CANCEL
	// and the ACK to a final response other than 2xx share with their INVITE.
	Branch []byte
	// Method is the request's method.
	Method wire.Method
	// At is when the request came.
	At time.Time
}

// Health is what a dispatcher knows of an address.
type Health uint8

// What is known of an address.
const (
	Unknown Health = iota // no proxy of ours: nothing is sent there
	Down                  // a proxy that does not answer
	Up                    // a proxy to send to
)

// Dispatcher chooses proxies. Its methods are called for every request from
// outside, by many goroutines at once, and must neither block nor keep what
// they are given. [Targets] is one.
type Dispatcher interface {
	// Pick chooses the proxy for a request outside of a dialog; false when there
	// is none. It must choose the same one for all requests of a transaction.
	Pick(q Query) (netip.AddrPort, bool)
	// Health says what is known of the address that the Route of a request in a
	// dialog names.
	Health(addr netip.AddrPort) Health
}

// Pending is what a Resolver or a Media returns for a status when it does not
// know yet but soon will.
const Pending = 1

// Resolver finds the way to peers, for requests from proxies that name no flow
// of a client. One that has a method Heard(m *wire.Message, at time.Time) is
// lent every response that goes to a proxy, with our own Via still on top, and
// learns from it which of its servers live.
type Resolver interface {
	// Resolve returns the flow to send m on and status 0, or a status to answer
	// m with, or [Pending]. next is the topmost Route that is not ours, or the
	// Request-URI; at is when m came. The flow is of a listener that is not
	// internal. Resolve must not block: it answers from what it knows. m and next
	// are lent for the call.
	Resolve(m *wire.Message, next wire.URI, at time.Time) (flow transport.Flow, status int)
}

type hearer interface {
	Heard(m *wire.Message, at time.Time)
}
