package relay

import (
	"errors"
	"net/netip"
	"time"

	"github.com/class5-go/class5/media/bridge"
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
type Family = bridge.Family

// AnyFamily takes the family of the offer's address.
const (
	AnyFamily = bridge.AnyFamily
	IPv4      = bridge.IPv4
	IPv6      = bridge.IPv6
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

	Label, ToLabel string // names of the offerer's and the other leg, for later requests
	Options        bridge.Options
	Learning       *Learning // of both legs, from now on; nil: as configured
	GenerateRTCP   bool      // make RTCP here instead of passing it
	TOS            int       // of sockets that the offer opens; 0: 184 for audio, 136 for video
	// StrictSource drops packets from elsewhere even when they continue the
	// stream; NATWait sends a party nothing before something came from it. Both
	// of both legs, from now on.
	StrictSource, NATWait bool
	Handling              Handling
	// DTMFLog is where digits of the session are reported from now on, as JSON
	// by UDP; invalid: as before.
	DTMFLog netip.AddrPort
	// Warn is told of options that had no effect; may be nil.
	Warn func(string)
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

	Label    string // name of the answerer's leg
	Options  bridge.Options
	Handling Handling
	Warn     func(string) // told of options that had no effect; may be nil
}

// DeleteRequest ends a session or a branch of it.
type DeleteRequest struct {
	CallID string // required
	// FromTag and ToTag name the parties, in either order. When ToTag and
	// ViaBranch are both empty the whole session ends. Otherwise only that
	// branch ends, and the session with its last branch.
	FromTag, ToTag string
	ViaBranch      string
	Forced         bool // by an operator, not by signalling; of figures only
	// Delay keeps a session that is to end working for a while; an offer or
	// answer in that time takes the deletion back.
	Delay time.Duration
}
