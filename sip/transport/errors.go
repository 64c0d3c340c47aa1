package transport

import "errors"

// What sending and dialling fail with.
var (
	// ErrFlowGone means the flow's connection is not alive; for an edge this is
	// a 430 response (RFC 5626 section 11.6).
	ErrFlowGone = errors.New("transport: flow gone")
	// ErrQueueFull means the peer reads too slowly; its connection was closed.
	ErrQueueFull = errors.New("transport: write queue full")
	// ErrTooLarge means the message does not fit into one datagram.
	ErrTooLarge = errors.New("transport: message too large")
	// ErrNoListener means the flow's listener index, protocol or address family
	// fits none of the endpoint's listeners.
	ErrNoListener = errors.New("transport: no such listener")
	// ErrClosed means the endpoint is closed.
	ErrClosed = errors.New("transport: endpoint closed")
	// ErrNotServing means that Dial needs Serve to run.
	ErrNotServing = errors.New("transport: endpoint not serving")
	// ErrNotVerified means that a peer has not proved which domain it is of.
	ErrNotVerified = errors.New("transport: peer not verified")
	// ErrTooManyConnections means Limits.DialedConnections is reached.
	ErrTooManyConnections = errors.New("transport: too many connections")
)
