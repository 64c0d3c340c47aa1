// Package directory is the provisioning store: domains, customers,
// subscribers with credentials and numbers, billing profiles and fees, admins
// and their sessions, and the call detail records. It runs on a SQLite file
// and, unchanged, on MariaDB or MySQL: one schema, one set of queries.
//
// # Use
//
// [Open] connects, [Store.Migrate] brings the schema up to date,
// [Store.Bootstrap] fills an empty one. Repositories such as
// [Store.Subscribers] have small methods, each a transaction of its own;
// [Store.Update] puts several into one. Every method blocks on the database
// as long as its context allows, and may be called from any goroutine.
//
// Lists are pages in the order of ids ([Page], [List]). Rows carry a revision:
// a change names the one its author saw, and is refused with [ErrStale] when
// somebody was faster. Values are checked before they are stored; texts hold
// no control and no direction characters, so they can be put on a line of any
// protocol.
//
// Errors are the sentinels of this package, [FieldError] for one field, or
// the error of the context. Their text never holds a driver's; [Cause] finds
// that for a log.
//
// # Reads for calls
//
// A [Reader] answers what registrations and calls ask from memory: a
// [Profile] by user and domain or by number, whether a domain is ours, the
// [Tariff] of a billing profile. A look-up in memory takes no lock that is
// held while the database is asked, and allocates nothing. Every change is
// written to a log in its own transaction; readers in the same process are
// told when it is committed, those of other processes follow the log
// ([Reader.Run]).
//
// # Secrets
//
// Passwords of subscribers are stored as digest HA1, of admins as argon2id,
// tokens of sessions as SHA-256. A password is in clear text in the answer
// that created it, as a [Secret], and nowhere else.
//
// # Identifiers, money, time
//
// Identifiers are small integers from 1 for each kind, given out by a counter
// in the transaction that uses them. Amounts are micro-units, times
// milliseconds in UTC; both are whole numbers made by the program.
package directory
