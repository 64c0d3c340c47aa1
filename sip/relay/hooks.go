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

// Inside offers connections to proxies. [Streams] is one.
type Inside interface {
	// Stream returns the connection that a message of about size octets for
	// target goes over; false sends it over UDP. The flow is of an internal
	// listener with the connection's protocol. Stream must not block: it answers
	// from what is connected.
	Stream(target netip.AddrPort, size int) (transport.Flow, bool)
}

// Leg is what a [Media] hook is told about a message of a call.
type Leg struct {
	// At is when the message came.
	At time.Time
	// Inward is the direction: from a client to a proxy.
	Inward bool
	// Client is the flow of the client on this side of the proxies.
	Client transport.Flow
	// Node is the media node that the call uses, as the hook has chosen it when
	// the dialog was formed; 0 when it has not.
	Node uint8
}

// Media sees the messages of calls pass, to have their media go through a node
// near the client. It is called by many goroutines at once, must not block and
// must not keep m or edit. It sees INVITE, ACK, PRACK, UPDATE, INFO, CANCEL and
// BYE and the responses to them, so that it knows offer, answer and end, and may
// change their bodies by edit, best with [wire.Edit.SetBody]. Retransmissions
// are seen again: it must treat them alike.
type Media interface {
	// Request sees a request. What it returns is the node from now on, when the
	// request forms a dialog: it comes back in Leg.Node with all that follows
	// in the dialog and with all responses, carried in signed tokens. Otherwise
	// it has to return leg.Node.
	Request(leg Leg, m *wire.Message, edit *wire.Edit) (node uint8)
	// Response sees a response.
	Response(leg Leg, m *wire.Message, edit *wire.Edit)
}
