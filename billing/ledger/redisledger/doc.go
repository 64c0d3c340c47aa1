// Package redisledger puts Redis in front of a ledger: the reservations of
// running calls are cut there, from leases that the ledger below holds.
//
// A lease is an ordinary hold of the ledger below, which journals it before a
// part of it is spent. Cutting from it is one script in Redis. Only what does
// not fit into the lease, and every payment, goes to the ledger below.
//
// # What losing Redis does
//
// A lease belongs to one [Ledger] and to what that remembers of the pool in
// Redis. A pool that is missing, belongs to another lease or is older than
// what was seen of it already, as after a restart from an old copy, is never
// cut from again; a new lease is taken of what the ledger below has left. The
// old lease stays held there until it is over, so its credit is not granted a
// second time. Calls that were reserved from it are paid from it.
//
// # Bounds
//
// The server is one, without cluster slots. Values are below 2^53: scripts
// count in doubles. Requests for one wallet of one account go through a Ledger
// one after the other; those for others at the same time.
package redisledger
