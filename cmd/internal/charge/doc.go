// Package charge carries billing events from a proxy to the central database:
// spool, mediation, rating, one transaction.
//
// [Recorder.Record] returns when an event is on disk. From there
// [Recorder.Run] reads on, by package ship: events become records, records get
// prices for all parties by the contracts and tariffs of the directory, and
// records and reading position are stored in one transaction. While the
// database is away the spool grows and nothing is lost; what is read twice
// after a crash is stored once, because a record has the same key every time.
package charge
