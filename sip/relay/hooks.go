package relay

import (
	"net/netip"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Guard tells strangers from guests. Its methods are called by many goroutines
// at once, for messages from outside only, and must neither block nor keep what
// they are given. src is the address a message came from, p how it came.
//
// A source has proved its address when it shows something that only this
// address was sent. Over UDP that is not a token in a Record-Route: the other
// party of the call has seen it too.
type Guard interface {
	// Source is asked before anything is read: false drops the message, unless
	// SecondLook wants it read for a token of ours. Then Dialog is asked, if it
	// belongs to a dialog by our Record-Route or is a response with our Via; all
	// else is dropped.
	Source(now time.Time, src netip.AddrPort, p transport.Protocol) bool
	SecondLook(now time.Time, src netip.AddrPort, p transport.Protocol) bool
	Dialog(now time.Time, src netip.AddrPort, p transport.Protocol) bool
	// Request is asked about requests that could be read. Without pass, the
	// answer is status and text, or none when status is zero.
	Request(now time.Time, src netip.AddrPort, p transport.Protocol, m *wire.Message) (pass bool, status int, text string)
	// Malformed hears of a message that package wire refused and that would be
	// answered with status (0: not at all). It returns the status to answer with,
	// 0 for none.
	Malformed(now time.Time, src netip.AddrPort, p transport.Protocol, reason wire.Reason, status int) int
	// Proved hears that a source can receive what is sent to it.
	Proved(now time.Time, src netip.AddrPort, p transport.Protocol)
	// Result hears from a proxy whether the credentials that came from src for
	// user were good. user is empty when the proxy does not tell.
	Result(now time.Time, src netip.AddrPort, user []byte, ok bool)
}

// Overload refuses what proxies can't take. Its methods are called by many
// goroutines at once and must neither block nor keep what they are given.
type Overload interface {
	// Offer is what our Via says of it to proxies, such as [overload.Offer]. It is
	// asked for once.
	Offer() string
	// AdmitTransaction reports whether a request of class c may go to target.
	// False answers it 503. branch names the transaction: a request that was
	// let through has to be when it is repeated, for the proxy is at work on it.
	AdmitTransaction(now time.Time, target netip.AddrPort, c overload.Class, branch []byte) bool
	// Response hears of a response from target whose topmost Via, ours, carries
	// the parameter oc with a value (RFC 7339 section 4).
	Response(now time.Time, target netip.AddrPort, via wire.Params)
}

// Way is how a message goes to a proxy.
type Way uint8

// The ways.
const (
	OverUDP     Way = iota // in a datagram
	OverStream             // over the connection given
	Unconnected            // not at all: it may go over a connection only, and there is none
)

// Inside offers connections to proxies. [Streams] is one.
type Inside interface {
	// Stream says how a message of about size octets for target goes. The flow of
	// OverStream is of an internal listener with the connection's protocol. What
	// is Unconnected is answered 503 at once, or dropped if it is a response or
	// ACK. Stream must not block: it answers from what is connected.
	Stream(target netip.AddrPort, size int) (transport.Flow, Way)
}

// Leg is what a [Media] hook is told about a message of a call.
type Leg struct {
	// At is when the message came.
	At time.Time
	// Inward is the direction: from a client to a proxy.
	Inward bool
	// Client is the flow of the client on this side of the proxies.
	Client transport.Flow
	// Branch is that of the edge's own Via in this transaction. It is the same for
	// a request, its retransmissions, the responses to it, its CANCEL and the ACK
	// to a final response other than 2xx, at every edge with the same keys, and
	// another one for each fork that a proxy makes. It is lent for the call.
	Branch []byte
	// Node and Memo are what the hook has decided when the dialog was formed or,
	// with a response, on its very request; 0 when it has decided nothing. A
	// CANCEL belongs to no dialog and has none: the 487 that follows does.
	Node, Memo uint8
	// Last means that the message has waited its time: Pending is no answer now.
	Last bool
}

// Decision is what a [Media] says of a request.
type Decision struct {
	// Node is the media node that the call uses, 0 for none. Memo is whatever the
	// hook wants to know again, such as whether the INVITE had an offer. In a
	// request that forms a dialog they are set for all of it, otherwise for the
	// responses to this request; a hook that changes nothing returns those of the
	// Leg. Memo alone, without Node, is not kept.
	Node, Memo uint8
	// Status is 0 to let the request pass, [Pending] to have it wait, or the
	// response that refuses it. ACK, BYE and CANCEL can wait, but are never
	// refused.
	Status int
}

// Media sees the messages of calls pass, to have their media go through a node
// near the client. It is called by many goroutines at once, must not block and
// must not keep m, edit or Leg.Branch. It sees INVITE, ACK, PRACK, UPDATE, INFO,
// CANCEL and BYE and the responses to them, so that it knows offer, answer and
// end, and may change their bodies by edit, best with [wire.Edit.SetBody].
//
// The relay keeps nothing of a call for it: what the hook has decided comes back
// in signed tokens. Retransmissions are seen again, maybe by another edge, and
// must be treated alike. A media node that repeats its answer to a command with
// the same cookie makes that easy: Leg.Branch, CSeq and status name the message.
//
// A hook that has to ask a node over the network returns [Pending] and lets the
// message wait in the relay: it starts the question, keeps the answer when that
// comes and calls [Relay.Wake]; the relay then shows it the same message again.
// Meanwhile, what follows in the same call waits behind it unseen, so that
// neither a CANCEL nor a BYE overtakes what it ends. After 5 s Leg.Last is set.
// Waiting needs [Relay.Run] or Tick.
type Media interface {
	// Request sees a request.
	Request(leg Leg, m *wire.Message, edit *wire.Edit) Decision
	// Response sees a response. It returns 0 to let it pass, or [Pending];
	// anything else drops it, and who sent it sends it again or gives up.
	Response(leg Leg, m *wire.Message, edit *wire.Edit) (status int)
}
