// Package prepaid joins sip/b2bua to billing/session: the calls of prepaid
// customers last as long as their money does.
//
// A [Credit] makes a call.Spender for each side of a leg that somebody pays for
// before. Its requests go to the ledger one after the other on a goroutine of
// the call, so that no shard waits for a database; the answers come back on the
// call's shard. What a call used is settled when it ends, and tried again until
// the ledger has taken it.
//
// Free time and wallets besides cash ([Funds]) are reserved for the first call
// that could use them; they pay when its record is posted (cmd/internal/books).
//
// [Settling] stands before the store of call records: a prepaid call whose node
// died is settled by its record, under the same key as its session would have
// done it, so that it is paid once however both come together.
package prepaid
