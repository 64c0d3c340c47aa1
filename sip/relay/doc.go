// Package relay is a stateless SIP edge, the element between the networks of
// the clients and the proxies of a carrier (RFC 3261 section 16.11). It keeps
// nothing of a message once that is on its way: what it needs to know when the
// answer comes travels in the message, signed. It may be restarted between any
// two messages, or several may share the work packet by packet, as long as they
// have the same keys and the same table of listeners.
//
// # What it writes
//
// In a REGISTER from outside, a Path (RFC 3327, RFC 5626) whose user part is a
// token that names the client's flow:
//
//	Path: <sip:TOKEN@10.0.0.1:5070;lr;ob>
//
// In requests that may create a dialog, a pair of Record-Routes (RFC 5658), one
// for each side, with the flow of the client in the outer one:
//
//	Record-Route: <sip:10.0.0.1:5070;r2;lr>
//	Record-Route: <sip:TOKEN@192.0.2.1:5060;transport=tcp;r2;lr>
//
// In every request, a Via with a branch that follows from the request (the
// CANCEL and the ACK to a final response other than 2xx get that of their
// INVITE) and the flow that the responses take:
//
//	Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK...;ft=TOKEN;lp=FOOTPRINT
//
// The footprint tells a request that comes round unchanged (482) from one that
// spirals. With hooks set, the Via also carries oc (RFC 7339), a proof that the
// client was reached by it, or the media node of the call.
//
// And in requests from outside the header field P-Edge, see [Edge]. It notes
// received and rport in the client's Via, counts Max-Forwards down and removes
// header fields that only elements of the carrier may write. Everything else,
// the body above all, leaves as it came.
//
// # What it hears
//
// A proxy may say in any response to a client whose credentials were good or not:
//
//	P-Edge-Result: auth=fail;user=alice%40example.com;nonce=own;class=register
//
// auth is ok or fail; user, %-escaped, may be absent; class is for people.
// nonce=own says that the credentials, though wrong, answer a challenge which was
// sent to this very address: then the client has proved its address, and its ban
// is no longer one for datagrams of an address that others may have forged. It
// must not be said of a challenge that somebody else can have been sent;
// digest.Result.Answered is made for it. The header field goes to the [Guard] and
// no further. What oc says in our Via goes to the [Overload].
//
// # How it decides
//
// The side a message belongs to is that of the listener it came by, never
// something in it. Tokens are checked with a [token.Ring]:
//
//   - A request from outside in a dialog must show the Record-Route pair of that
//     dialog and behind it a Route to one of the proxies, and goes there.
//   - Any other request from outside may show a Route to the edge, with or
//     without the token of a Path, and goes where a [Dispatcher] says.
//   - A request from inside goes on the flow of the last token in its Routes to
//     the edge. When that was a connection which is closed, the answer is 430:
//     the edge never connects to a client. Without a token a [Resolver] is
//     asked.
//   - A response goes on the flow in the topmost Via, when that is from here and
//     leads to the other side.
//
// A request of a dialog is accepted from another flow than its token names: the
// signature shows that the client was in the dialog, and P-Edge shows the flow it
// has now.
//
// What is refused is answered by a response whose To-tag follows from the
// request, so that its ACK is known and absorbed; responses and ACKs are never
// answered. [Cause] lists all that can become of a message.
//
// # What may be added
//
// The hooks in [Config] are off when nil: a [Guard] against strangers, an
// [Overload] control, [Inside] for connections to proxies, [Media] to bring the
// media of calls near the client, and a [Resolver] for the way to peers. The last
// two may take their time: what they have to ask others about waits in the relay,
// bounded in number, size and age. A [Repair] sends again what is lost between
// the edge and its proxies and nobody else repeats: by UDP, while the client is on
// a connection, or with a connection to a proxy that ends. Listeners may hide the
// Contacts of the inside. [CompatNGCP] adds what proxies of Sipwise NGCP expect.
//
// None of these changes where a message goes that has a token, and what they
// remember may be lost.
//
// # Use
//
// [Relay] is a [transport.Handler]. [Relay.Handle] is the same as a function
// from one message to another, for other transports and for tests; it knows no
// Repair. Both run without locks, without allocations for messages that are
// relayed, and without blocking, as long as the Dispatcher and the hooks do. What
// they are lent they neither keep nor change. [Relay.Run] is the goroutine that
// Repair and a slow Resolver need, [Streams.Run] that of connections to proxies.
package relay
