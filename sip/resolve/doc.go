// Package resolve finds the servers of a SIP domain (RFC 3263): NAPTR, then SRV
// with priorities and weights (RFC 2782), then A and AAAA records; and it finds
// another server when one does not answer.
//
// # Three parts
//
// A [Resolver] asks the DNS, keeps what it learned for as long as the records
// say, and gives an [Answer]: all targets of a [Question] in tiers. Its methods
// block and take a context. [Resolver.Targets] puts the targets in an order to
// try them in.
//
// A [Cache] is for those who must not block, such as an edge that relays
// datagrams: [Cache.Pick] answers from what is known and otherwise says Pending,
// asks in the background and calls a function when it knows.
//
// [Peers] maps what a Cache picked to a flow of package transport.
//
// # One transaction, one target
//
// A proxy without state must send a retransmission, the CANCEL and the ACK of a
// request to where the request went (RFC 3263 section 4.4). Pick therefore takes
// the transaction's branch as a key: the weighted choice follows from a keyed
// hash of it and is the same on every node with the same secret. Over all
// branches the targets of a tier get their share by weight.
//
// # Failing over without transactions
//
// A sender that repeats its request tells that no answer came. The cache
// remembers for a fixed number of branches where they went and when, and whether
// [Cache.Answered] was called. A request that comes again after the attempt limit
// (3.5 s, which is the third retransmission of RFC 3261) without an answer goes
// to the next target, and the silent one is dead for a while. [Dead] is the list
// of such targets; [Cache.Fail] puts one there at once, with the time of a
// Retry-After. When all targets are dead, the one that failed first is tried.
// Losing this memory loses nothing but the time until the next failure is found.
//
// # Limits
//
// Caches have a fixed number of places. An RRset is read up to 64 records, an
// answer up to 256 targets, aliases are followed over 8 steps, a lookup costs at
// most 256 queries, and as many lookups run at once as configured.
//
// # Security
//
// A sips URI only gives targets over TLS, whatever the DNS says. Prefixes that no
// name may lead to can be denied. Query ids and source ports are random, and an
// answer must repeat the question; with Client.MixCase also its random case.
//
// All methods may be called from many goroutines. Arguments are lent for the
// call.
package resolve
