package ice

import "net/netip"

// Datagram is to be sent from a local socket.
type Datagram struct {
	Local  netip.AddrPort // the Base of a Local
	Remote netip.AddrPort
	Data   []byte
}

// EventKind says what happened.
type EventKind uint8

const (
	// EventConnected says that a component has its first pair that works; media may be
	// sent on it before nomination.
	EventConnected EventKind = iota
	// EventNominated says that a pair was nominated for a component, the first or
	// another. Media goes there from now on.
	EventNominated
	// EventCompleted says that all components of a stream have a nominated pair.
	EventCompleted
	// EventFailed says that no pair of a stream works; only a restart can help.
	EventFailed
	// EventConsentLost says that the peer did not agree to receive for
	// [ConsentTimeout]: nothing may be sent to that component until a restart.
	EventConsentLost
)

// String is a word for logs and metrics.
func (k EventKind) String() string {
	switch k {
	case EventConnected:
		return "connected"
	case EventNominated:
		return "nominated"
	case EventCompleted:
		return "completed"
	case EventFailed:
		return "failed"
	}
	return "consent lost"
}

// Path is where a component's media goes.
type Path struct {
	Local  netip.AddrPort // the Base of a Local
	Remote netip.AddrPort
}

// Event is reported once.
type Event struct {
	Kind      EventKind
	Stream    int
	Component int  // 0: the whole stream
	Path      Path // of EventConnected and EventNominated; of EventConsentLost the one that was lost
}

// Output is what a call gives. The slices, and the data of the datagrams, are
// valid until the next call of the same agent.
type Output struct {
	Datagrams []Datagram
	Events    []Event
	Drop      Drop // of Handle: why the packet was ignored
}

// Drop is why a packet was ignored.
type Drop uint8

// The reasons. None of them changes any state but a counter.
const (
	DropNone            Drop = iota
	DropMalformed            // not STUN, a length does not fit, or the fingerprint is wrong
	DropLocal                // no such socket
	DropDenied               // from an address that is never sent to
	DropMethod               // STUN, but not Binding
	DropUnauthenticated      // without fingerprint, username or MESSAGE-INTEGRITY
	DropUsername             // for somebody else
	DropIntegrity            // wrong password
	DropTransaction          // a response to nothing we asked
	DropEnded                // the stream has failed or was removed
	drops
)

// String is a metrics label.
func (d Drop) String() string {
	return [...]string{"none", "malformed", "local", "denied", "method", "unauthenticated", "username", "integrity",
		"transaction", "ended"}[min(d, drops-1)]
}

// Stats counts what an agent did.
type Stats struct {
	Requests   uint64 // checks of the peer that were answered
	Responses  uint64 // answers to ours that were taken
	Checks     uint64 // sent, retransmissions and consent checks included
	Conflicts  uint64 // role conflicts, by whomever they were found
	Ignored    uint64 // candidates and pairs beyond the limits
	Keepalives uint64 // Binding indications received
	// Dropped counts packets by reason; index it with a Drop.
	Dropped [drops]uint64
}
