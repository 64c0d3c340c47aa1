package relay

import "github.com/class5-go/class5/sip/wire"

// Cause is what became of a message and why. Its String is meant as a metrics
// label.
type Cause uint8

// What becomes of messages. Requests other than ACK that are refused are
// answered with the status given; an ACK is dropped.
const (
	RequestIn   Cause = iota // request from outside sent to a proxy
	RequestOut               // request from a proxy sent on a flow
	ResponseIn               // response from outside sent to a proxy
	ResponseOut              // response from a proxy sent on a flow

	Answered    // OPTIONS to the edge itself: 200
	AckAbsorbed // ACK to a response of our own

	Guarded // message the Guard doesn't want: dropped
	Refused // request the Guard doesn't want: the Guard's status

	Malformed        // refused by package wire; Outcome.Reason says why
	Scheme           // Request-URI of a scheme we don't route: 416
	Extension        // Proxy-Require of something not understood: 420
	MaxForwards      // Max-Forwards is used up: 483
	Loop             // request that was here before, the same in all that routes it: 482
	ForeignRoute     // Route to an element that is not ours: 403
	BadToken         // token in a Route does not open: 403
	NoDialogRoute    // request in a dialog without our Record-Route: 403
	FlowGone         // connection closed, or listener no longer there: 430
	NoTarget         // no proxy to dispatch to: 503
	Disconnected     // no connection to the proxy, and nothing else is allowed inside: 503
	TargetDown       // proxy of the dialog does not answer: 503
	Shed             // more than the proxy wants now: 503
	Resolving        // request from inside whose next hop is not known yet: nothing so far
	Unresolved       // request from inside whose next hop did not become known: 504
	Anchoring        // message of a call that waits for its media node: nothing so far
	Unanchored       // message of a call whose media the Media hook refuses: the hook's status or 503; a response is dropped
	NoNextHop        // request from inside without token, not resolved: 404 or Resolver's status
	Insecure         // sips: request for a flow without TLS: 480
	TooLarge         // message does not fit into a datagram: 513
	NoListener       // no listener for the target's address family: 500
	BadSource        // source that can't be answered (port 0, multicast): dropped
	ForeignVia       // response without our Via, or with a forged one: dropped
	WrongDirection   // response that would leave on the side it came from: dropped
	NoVia            // response with no Via but ours: dropped
	ResponseFlowGone // response for a connection that is closed: dropped
	Unsendable       // response the transport did not take: dropped
	Repeated         // retransmission towards a connection that has it already: dropped
	Internal         // could not be composed: dropped

	numCauses
)

var causeNames = [numCauses]string{
	"request_in", "request_out", "response_in", "response_out",
	"answered", "ack_absorbed", "guarded", "refused",
	"malformed", "scheme", "extension", "max_forwards", "loop", "foreign_route", "bad_token", "no_dialog_route",
	"flow_gone", "no_target", "disconnected", "target_down", "shed", "resolving", "unresolved", "anchoring", "unanchored", "no_next_hop", "insecure", "too_large", "no_listener",
	"bad_source", "foreign_via", "wrong_direction", "no_via", "response_flow_gone", "unsendable", "repeated", "internal",
}

// String is the cause in snake case.
func (c Cause) String() string {
	if c >= numCauses {
		return "unknown"
	}
	return causeNames[c]
}

// Relayed reports whether the message was sent on.
func (c Cause) Relayed() bool { return c <= ResponseOut }

// waits reports whether the message is to be looked at again.
func (c Cause) waits() bool { return c == Resolving || c == Anchoring }

// status is the response to a request refused for c: zero when there is none.
func (c Cause) status() int {
	switch c {
	case Scheme:
		return 416
	case Extension:
		return 420
	case MaxForwards:
		return 483
	case Loop:
		return 482
	case ForeignRoute, BadToken, NoDialogRoute:
		return 403
	case FlowGone:
		return 430
	case NoTarget, TargetDown, Shed, Disconnected:
		return 503
	case Unresolved:
		return 504
	case NoNextHop:
		return 404
	case Insecure:
		return 480
	case TooLarge:
		return 513
	case NoListener:
		return 500
	}
	return 0
}

// Stats counts messages since the relay was made.
type Stats struct {
	// Causes is indexed by Cause.
	Causes [numCauses]uint64
	// Refused splits Causes[Malformed] by the reason of package wire. Reasons
	// that did not occur are absent.
	Refused map[wire.Reason]uint64
}

// Count returns the number of messages with this cause.
func (s Stats) Count(c Cause) uint64 { return s.Causes[c] }
