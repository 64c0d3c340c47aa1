// Package wire reads and edits SIP messages (RFC 3261) as they are on the wire.
//
// A [Message] is a view: the octets of one datagram, or of one message cut from a stream by a [Framer], plus offsets.
// Parse goes over the octets once, allocates nothing, and decides. What it accepts has one reading only: a message
// that two elements could take for different ones (a bare CR or LF, a second Call-ID in compact form, two tags) is
// refused with a named [Reason], a position and the status to answer with. What the grammar allows, folding and white
// space at odd places included, is accepted. Every view, [Message.Values], [Via], [NameAddr], [URI], [Params], uses the
// same scanners as Parse.
//
// An [Edit] is a plan of changes; [Message.Append] writes the changed message into a buffer of the caller. Octets that
// no operation names leave as they came, the body above all. [AppendResponse] answers a request, [Builder] composes
// messages from nothing; neither lets inserted text add a line of its own.
//
// # Ownership
//
// Parse, Feed and the Parse functions never copy or change their input; what they return lies inside it and is valid
// as long as the caller leaves it alone. Message, Edit, Framer and Builder are for one goroutine at a time and meant to
// be reused. Nothing in this package blocks, logs or starts a goroutine.
//
// # Limits
//
// [Limits] bound size, header lines, values and parameters; the work per octet is bounded whatever the input is.
package wire
