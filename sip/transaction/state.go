package transaction

// State of a transaction, by the names of RFC 3261 section 17 and RFC 6026.
type State uint8

// States. Not every machine has all of them.
const (
	Trying     State = iota // request without response (non-INVITE)
	Calling                 // INVITE sent, nothing heard
	Proceeding              // provisional response sent or received
	Completed               // final response other than 2xx to INVITE; any final response otherwise
	Confirmed               // ACK received
	Accepted                // 2xx to INVITE (RFC 6026)
	Terminated
)

// String is the lower-case name.
func (s State) String() string {
	switch s {
	case Trying:
		return "trying"
	case Calling:
		return "calling"
	case Proceeding:
		return "proceeding"
	case Completed:
		return "completed"
	case Confirmed:
		return "confirmed"
	case Accepted:
		return "accepted"
	case Terminated:
		return "terminated"
	}
	return "unknown"
}

// Stats counts what happened since the layer was made. Servers and Clients
// are the transactions alive now.
type Stats struct {
	Servers, Clients int

	ServersMade, ClientsMade uint64
	RequestRepeats           uint64 // retransmitted requests absorbed
	ResponseRepeats          uint64 // final responses received again
	RequestsResent           uint64 // by Timer A and E
	ResponsesResent          uint64 // by Timer G and for repeated requests
	Timeouts                 uint64 // B, F, H
	SendErrors               uint64
	SendDropped              uint64 // queue full on a datagram flow
	Refused                  uint64 // 503 because of MaxTransactions
	Merged                   uint64 // 482
	Strays                   uint64 // responses without transaction
	CancelUnmatched          uint64 // 481 to CANCEL
	Suppressed               uint64 // responses that RFC 4320 forbids
	Malformed                uint64 // messages without the parts a key needs
}
