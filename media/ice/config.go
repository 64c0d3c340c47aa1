package ice

import (
	"errors"
	"io"
	"net/netip"
	"time"
)

// Limits of an agent. What comes beyond is refused and counted.
const (
	MaxStreams    = 64
	MaxLocals     = 16  // local candidates of a stream
	MaxCandidates = 64  // remote candidates of a stream, peer-reflexive ones included
	MaxPairs      = 100 // candidate pairs of a stream
)

// Errors of an agent, to be tested with errors.Is.
var (
	ErrStream = errors.New("ice: no such stream")
	ErrLimit  = errors.New("ice: limit reached")
	ErrLocal  = errors.New("ice: local candidate")
)

// Config of an agent.
type Config struct {
	// Lite agents answer checks and send none (RFC 8445 section 2.5).
	Lite bool
	// Controlling is the role to begin with: that of the offerer. What the
	// peer says (lite, role conflict) may change it.
	Controlling bool
	// Ta is the pace of new checks; default 50 ms.
	Ta time.Duration
	// RTO is the first retransmission interval of a check, and the least;
	// default 500 ms.
	RTO time.Duration
	// Deny tells which addresses are never sent to; nil: none is denied.
	Deny func(netip.Addr) bool
	// Software tells the peer what it talks to, in requests and responses
	// (RFC 8489 section 14.14): fewer than 128 characters. Empty: nothing.
	Software string
	// Rand is where credentials, tie-breaker and transaction identifiers come
	// from; default crypto/rand.
	Rand io.Reader
}

// Local is a local host candidate: a socket.
type Local struct {
	Component int // 1: RTP, or both; 2: RTCP
	// Base names the socket: the same address is given to [Agent.Handle] with
	// what it received, and stands in [Datagram.Local]. No two sockets of an
	// agent share it.
	Base netip.AddrPort
	// Addr is what the peer is told; default Base.
	Addr netip.AddrPort
	// Foundation; default: random, one for each address of the agent.
	Foundation string
}

// Remote is what the peer's description says about a stream.
type Remote struct {
	Credentials
	Lite bool // a=ice-lite
	// Mux: RTP and RTCP share component 1.
	Mux bool
	// Trickle: further candidates come by [Agent.AddRemote] until
	// [Agent.EndOfRemote].
	Trickle    bool
	Candidates []Candidate
}

// Timing (RFC 8445 section 14 and appendix B.1, RFC 8863, RFC 7675).
const (
	defaultTa  = 50 * time.Millisecond
	defaultRTO = 500 * time.Millisecond
	attempts   = 7  // transmissions of a check
	lastWait   = 16 // RTOs after the last transmission

	// Patience is how long the controlling agent waits, after a pair works, for
	// one of higher priority before it nominates.
	Patience = 300 * time.Millisecond
	// Grace is the least time before a stream fails: the peer's checks may
	// still open a way (RFC 8863).
	Grace = 39500 * time.Millisecond
	// ConsentTimeout is how long consent lasts (RFC 7675 section 5.1).
	ConsentTimeout = 30 * time.Second
	// ConsentInterval is the mean time between consent checks; each is between
	// 0.8 and 1.2 of it.
	ConsentInterval = 5 * time.Second
	// KeepaliveInterval is how often a lite agent sends a Binding indication on
	// the pair in use, so that NAT bindings live (RFC 8445 section 11).
	KeepaliveInterval = 15 * time.Second
	// raceWindow: of nominations that are this close the pair of higher priority
	// wins, otherwise the later one.
	raceWindow = 5 * time.Second
)
