package relay

import (
	"errors"
	"net/netip"
)

// Errors of the signalling methods, to be tested with errors.Is. The texts of
// ErrSessions and ErrPorts are the ones by which control protocol clients
// recognise that another relay should be tried.
var (
	ErrSessions    = errors.New("Parallel session limit reached") //nolint:staticcheck // wording is protocol
	ErrPorts       = errors.New("Ran out of ports")               //nolint:staticcheck // wording is protocol
	ErrUnknownCall = errors.New("relay: unknown call")
	ErrStreams     = errors.New("relay: too many streams or branches in one session")
	ErrInterface   = errors.New("relay: no interface of that name or address family")
	ErrMismatch    = errors.New("relay: description does not fit the session")
	ErrClosed      = errors.New("relay: closed")
)

// Family is an address family wanted for one side.
type Family uint8

// AnyFamily takes the family of the offer's address.
const (
	AnyFamily Family = iota
	IPv4
	IPv6
)

// OfferRequest is an SDP offer on its way from one party to another. See the
// package documentation for what the tags mean.
type OfferRequest struct {
	CallID    string // required
	FromTag   string // required: tag of the offerer
	ToTag     string // tag of the other party; empty when not known yet
	ViaBranch string // one value per fork, for ports of its own; may be empty
	SDP       []byte // required
	// Source is where the signalling of the offerer really came from, so that
	// a party behind NAT is recognised. Leave it invalid when not known.
	Source netip.Addr

	FromInterface string // interface name facing the offerer; empty: by family
	ToInterface   string // interface name facing the other party
	ToFamily      Family // family of the other party when no interface is named
}

// AnswerRequest is an SDP answer on its way back.
type AnswerRequest struct {
	CallID    string // required
	FromTag   string // required: tag of the offerer, as in the offer
	ToTag     string // required: tag of the answerer
	ViaBranch string // as in the offer
	// SDP may be empty for a final response whose answer came with a reliable
	// provisional one (RFC 3262): the branch is confirmed, nil is returned.
	SDP    []byte
	Source netip.Addr // where the signalling of the answerer came from
	// Early: the answer came in a provisional response. The parties need not
	// send yet, so their silence proves nothing and strangers are not let in;
	// and media time-outs do not run while it rings.
	Early bool
}

// DeleteRequest ends a session or a branch of it.
type DeleteRequest struct {
	CallID string // required
	// FromTag and ToTag name the parties, in either order. When ToTag and
	// ViaBranch are both empty the whole session ends. Otherwise only that
	// branch ends, and the session with its last branch.
	FromTag, ToTag string
	ViaBranch      string
}
