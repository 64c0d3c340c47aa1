// Package geo keeps the media of calls near the subscribers of an edge: the edge
// itself, not the proxy behind it, has media relays near the clients rewrite the
// session descriptions that pass, so that packets go from client to relay to
// client and never through the core. [Anchor] is a [relay.Media] that asks relays
// over the control protocol of rtpengine.
//
//	anchor, err := geo.New(geo.Config{Relays: nodes, Outside: "pub", Inside: "priv", Secret: key, Wake: wake})
//	go anchor.Run(ctx)
//	edge, err := relay.New(relay.Config{Media: anchor, ...})
//
// # What is kept
//
// Nothing of a call. The relay of a call, by its place in Config.Relays, and a
// memo travel in the signed tokens of the edge: another edge with the same keys
// and the same list of relays, or the same edge after a restart, goes on with the
// call. The list may grow at its end; a relay that leaves it gets weight -1
// first. A question to a relay and its answer exist while the message waits.
//
// The cookie of a question follows from the branch that the edge gives a
// transaction, CSeq, method, status, To tag and body. A retransmission has the
// same cookie, and the relay repeats its answer; what is repeated through
// the other edge of a pair, which the relay takes for another client, is a
// repeated offer, for which it has the same ports.
//
// # Sessions
//
// A call may pass the same edge twice, from the caller to the core and from there
// to the called party. Each passage is a session of its own, with one leg
// outside and one inside, named by the Call-ID, a slash and two hexadecimal
// digits from the memo: the direction and, inward, five bits of a keyed hash of
// the client's address, so that whoever learns a Call-ID is not by that in its
// session. The branches of a fork share a session and are told apart by via-branch.
//
// # What is done when
//
//	INVITE, UPDATE with a description       offer, the message waits
//	INVITE without                          a relay is chosen, which must be up
//	18x, 2xx to INVITE, UPDATE, PRACK       answer, or offer when the INVITE had none
//	PRACK with a description                offer, or answer when the INVITE had none
//	ACK with a description                  answer
//	2xx without, after an offer             answer without description: 183 was reliable
//	3xx to 6xx to the INVITE of a dialog    delete at once, the response waits
//	final response to BYE, not 401, 407     delete, nothing waits
//
// A CANCEL does nothing: its INVITE is answered 487. Who gives up without any
// answer, or whose BYE nobody answers, leaves the session to the time-outs of the
// relay. A second PRACK with a description after an INVITE without is
// taken for an answer, which the relay refuses.
//
// # When it fails
//
// Media never goes past the relays. A new call goes to the next relay when one
// does not answer or is full; with none left it is answered 503. A description
// that the relay refuses is answered 488, a body in which one could hide 415. A
// response that cannot be anchored is dropped and comes again or not; an ACK
// leaves without its body. A relay that does not answer is down: it gets no
// further messages until a ping, every two seconds, is answered. Requests in
// dialogs of such a relay are answered 503 when they have a description, and
// pass when not.
//
// At most 1,024 questions are open; what exceeds them is treated as if no relay
// had answered.
package geo
