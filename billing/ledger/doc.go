// Package ledger keeps balances where several programs spend from them at the
// same time: money is reserved while a call runs and settled when it ends, and
// every movement is a line of a journal with two sides.
//
// [Ledger] is what sessions and posting programs ask for. [Memory] implements
// it in this package, sqlledger in SQLite, MariaDB and MySQL, redisledger in
// Redis in front of one of those; the suite in ledgertest holds them to the
// same behaviour.
//
// # Requests
//
// Every request carries a key. The first request with a key is carried out;
// the same one again gives [ErrDuplicate] with the first answer in it, so a
// request whose answer got lost is simply sent again ([Again] makes that an
// ordinary answer). A key with another request is [ErrKey]. A request that
// failed leaves its key unused.
//
// Requests also carry the node that makes them, and the epoch of its lease.
// Once a ledger saw a higher epoch of that node, by a request or by Fence,
// lower ones get [ErrFenced] and change nothing: what a standby took over, the
// node that it replaced cannot spend any more.
//
// # Reservations
//
// A hold sets an amount of a wallet aside until an instant. What is available
// is the balance, less the floor, less all holds that are not over. No request
// ever takes a wallet below its floor but a forced Post. Settling pays at most
// what the hold and what is available allow, and says what was short.
//
// # Units
//
// Values are whole numbers in the unit of the wallet, as in package balance:
// micro-units of money, milliseconds or things.
//
// # State
//
// An account may carry a document, such as a balance.Account in JSON. Post
// hands it to a function and stores what that returns, together with the
// entries, in one step that no other request for the account interrupts.
package ledger
