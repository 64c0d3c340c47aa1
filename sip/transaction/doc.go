// Package transaction is the transaction layer of SIP: the four state
// machines of RFC 3261 section 17 with the Accepted states of RFC 6026 and
// the rules of RFC 4320 for requests other than INVITE.
//
// A [Layer] does no input or output of its own. Messages come in by
// [Layer.Receive], time comes in by [Layer.Advance], bytes go out through
// [Config.Send], and the transaction user hears of everything else by the
// callbacks of [User] and [ClientUser]. There is no clock, no lock and no
// goroutine inside, so the same code runs under a simulated network with
// virtual time.
//
// # Contract
//
// A Layer and everything it made (Server, Client, Timer) belong to one
// goroutine. A program that wants more cores runs several layers and gives
// each message to the one chosen by a hash of its Call-ID, so that INVITE,
// CANCEL, ACK and BYE of a call meet in the same layer.
//
// Time is an argument. It should not go back; when it does, timers wait for
// the old time to come again. Deadlines are rounded up to a millisecond.
//
// Bytes: a message given to Receive is read during the call and never kept;
// what a transaction needs later it copies. Request and response bytes handed
// to NewClient and Respond are copied too, the caller may reuse its buffer. A
// *wire.Message passed to a callback, and every slice taken from it, is lent
// until the callback returns. Bytes passed to Config.Send are lent until it
// returns.
//
// Callbacks run inside Receive, Advance, Respond or Cancel and may call every
// method of the layer except Receive and Advance. They must not block.
//
// What the layer does by itself: it absorbs retransmitted requests and
// repeats the last response; sends 100 (Trying) when the user has not
// answered an INVITE within 200 ms, or another request within the time RFC
// 4320 gives; acknowledges final responses other than 2xx; answers CANCEL and
// leaves the INVITE to the user (RFC 3261 section 16.10); refuses new
// transactions beyond its limit with 503. What it does not do: acknowledge
// 2xx, end an INVITE that rings for ever (a proxy has Timer C for this), or
// find out where a request should go.
package transaction
