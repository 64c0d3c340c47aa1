// Package sqlledger is a ledger.Ledger in SQLite, MariaDB or MySQL, by one
// schema and one set of queries.
//
// # Use
//
// The schema comes as migrations for goose, [Migrations]; [Migrate] runs them
// with a version table of their own. [New] makes a ledger over a pool, each
// of whose requests is a transaction of its own and is run again when the
// server ended it for a deadlock.
//
// [Ledger.In] gives the same ledger inside a transaction of the caller, so
// that what is paid for can be stored together with the payment. A request
// that is refused leaves the transaction usable and nothing behind. An
// [ErrRetry] means that the whole transaction has to be run again. Whoever
// makes several requests in one transaction should make them in the order of
// accounts, and on MariaDB and MySQL at READ COMMITTED, to meet few deadlocks.
//
// # Tables
//
// They begin with ledger_: nodes with their epochs, accounts with their
// documents, wallets, holds, the journal, and keys with the first answers. A
// request locks the row of its node and those of its accounts first; what is
// read after that is read as it is now, whatever snapshot the transaction has.
//
// A request is about ten statements. The driver's interpolateParams makes each
// of them one round trip to MariaDB or MySQL.
//
// The tests run on SQLite and a MariaDB of their own, and on MySQL when
// CLASS5_MYSQL_DSN names a database of one, which they empty, in the form of its
// driver: user:password@tcp(127.0.0.1:3306)/class5. Those of ship/sqlstore do the
// same: run one package at a time.
//
// # Clocks
//
// The database's clock is never asked. Holds are over by the At of requests.
package sqlledger
