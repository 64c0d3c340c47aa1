// Package dispatch chooses proxies for a SIP edge and watches over them.
//
// A [Pool] is a dispatcher for package relay: it gives every Call-ID to one of
// its targets by weighted rendezvous hashing, so that a target that comes, goes
// or drains moves only what it wins or loses. It learns from probes which
// targets are alive: [Pool.Tick] says who is to be asked, [Pool.Result],
// [Pool.Unreachable] and [Pool.Busy] take what came of it. None of them does
// I/O or reads a clock. [Prober] does both, with OPTIONS.
//
// # Health
//
// A target is down after three probes without answer, or after two reports that
// it is unreachable with no answer between: those come from the kernel of its
// host and leave no doubt, but one alone may be a restart. A target that has
// never answered is down after one, and up after its first answer. Others are up
// again after two answers in a row. What comes up gets its share of new work in
// twenty steps over half a minute. All of that can be set.
//
// Any final response is an answer. A 503 with Retry-After also asks to be
// spared, and the target gets nothing new for that time.
//
// While a target is down requests in its dialogs are refused, for nobody else
// knows them; new ones go to the next target. One that drains keeps its dialogs.
// If all targets are busy or drain, those get new work still: better late than
// never. Without any that is up, [Pool.Pick] finds none.
//
// With [Chassis] work leaves our own chassis only while nothing in it can take
// it. When the first target of the chassis comes up again, the work comes back
// along with its slow start.
//
// # Transactions
//
// The pool remembers where the last 65,536 requests or so went: INVITE, and
// whatever else must not be done twice. Not remembered are REGISTER and OPTIONS,
// which are most of what there is and do no harm when a retransmission meets
// another proxy, which shares the bindings. A retransmission, the CANCEL and the
// ACK to a final response other than 2xx go where their request went, whatever
// has happened to the targets since. There is one exception: once a target has
// been down for four seconds, a retransmission of the request itself goes to the
// next one. A client that goes on sending it has heard nothing from the first.
//
// The memory is half a megabyte, whatever comes. What it forgets is decided by
// the hash again, which says the same unless the targets have changed.
package dispatch
