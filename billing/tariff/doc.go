// Package tariff compiles fees, zones and calendars into an immutable
// [Snapshot] that answers in a fraction of a microsecond what a call costs by
// the second and until when.
//
// A [Builder] collects fees, one by one or from a CSV deck, and builds the
// snapshot. A snapshot never changes, may be used by any number of goroutines
// and carries a hash: the same hash is the same tariff to the last digit. A
// new deck is a new snapshot; keep the current one in an atomic.Pointer and
// swap it while calls are being rated.
//
// # Which fee
//
// Fees of one direction compete by the longest prefix of the destination that
// matches, and among those by the longest prefix of the source. A fee whose
// source does not match leaves the field to a shorter destination.
//
// # Which rate
//
// A fee has a rate, and may have further ones by name, such as "offpeak". The
// calendar of the tariff says by weekday and time of day which name is in
// force; outside of all windows the fee's own rate is. Windows are half open,
// [from, to), in the time zone of the tariff. The hour that is lost in spring
// is in no window, the one that comes twice in autumn is in its windows both
// times.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine and
// reads no clock. Matching allocates nothing.
package tariff
