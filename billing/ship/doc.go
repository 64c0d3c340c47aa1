// Package ship carries call records to the central database, each exactly once,
// and from there to files for others.
//
// # In
//
// A [Shipper] reads the events of a spool, makes records of them, has them
// priced by a function of the caller, and stores them. Records, prices, what
// the store's hook adds (journal, balances, fraud counters) and the position
// in the spool are one transaction of the [Store]. After any crash the spool
// is read again from the position, and what comes a second time changes
// nothing: a record is known by the key of its leg, its generation and its
// revision.
//
// # Faults
//
//   - The store is down, slow, read-only or rolls back: the batch is tried
//     again, after pauses that grow. The spool grows meanwhile.
//   - Nobody knows whether a commit happened: the batch is stored again.
//   - Bytes of the spool are damaged, an event or a record makes no sense: it
//     is put aside, in the same transaction, and [Shipper.Replay] tries it
//     again. The others go on.
//   - A record has no tariff: it is stored without a price and counted.
//
// # Out
//
// An [Exporter] writes the records that a stream has not had yet to files, and
// hands them to a [Sink]: temporary name first, then the final one. What is in
// a file, its SHA-256 and how far the stream got are one transaction; the file
// is sent until the sink took it. Sent again, it is the same file byte by byte.
//
// # Running calls
//
// With [Config.Interims] a Shipper also stores interim records: what is known
// of a call that is still running, made of its interim marks, numbered by call
// from 1 without gaps. They are stored and exported as exactly as the others,
// but never rated or paid, and in a place of their own; the record of the ended
// call, which has the same key and number 0, takes the place of all of them.
//
// # Contract
//
// A Shipper starts no goroutine: Run is the caller's. The package knows no SQL;
// sqlstore does, for SQLite, MariaDB and MySQL. Sub-packages parquet and sftp
// bring formats and sinks with dependencies of their own.
package ship
