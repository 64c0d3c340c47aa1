// Package sqlstore keeps call records, their prices, positions of spools,
// export streams and what was put aside in an SQL database: SQLite, MariaDB or
// MySQL, by one schema and one set of statements.
//
// [Store.Store] is one transaction. Options.Hook runs in it and sees which
// records came into force and which ones they take the place of: what it
// writes by the same transaction, such as journal entries, balances and fraud
// counters, is there exactly once and together with the record.
//
// # Contract
//
// The caller opens the database with a driver of its choice: the driver's name
// must be "sqlite" or "mysql". On SQLite transactions should begin at once for
// writing (_txlock=immediate) and synchronous should be FULL, since the source
// of a record is forgotten after the commit. On MariaDB
// innodb_flush_log_at_trx_commit must be 1 for the same reason.
//
// [Migrate] makes the tables in a database that has none. A program that keeps
// more in it makes [Migrations] part of its own history instead, in their order.
//
// Errors of the database come as the driver made them. After any of them the
// same call may be made again, deadlocks included.
package sqlstore
