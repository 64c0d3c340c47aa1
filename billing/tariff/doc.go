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
// Fees are apart by direction and by service: calls, messages, data. Among
// those of a call, the first of these that has one decides: a provider that the
// number was ported to, the type of the number, the exact destination, the
// longest prefix, the longest match of a regular expression, the longest
// expression that matches. Each of them asks for user@domain before the user,
// and among fees for one destination the longest source wins. A fee whose
// source does not match leaves the field to others, such as a shorter prefix.
//
// # Which rate
//
// A fee has a rate, and may have any number of further ones by name, such as
// "offpeak". The calendar of the tariff says by weekday and time of day, and by
// special date, which name is in force; outside of all windows the fee's own
// rate is. A special date wins over the weekday for its own span only. Windows
// are half open, [from, to), or end with a whole second, in the time zone of
// the tariff or of the customer. The hour that is lost in spring is in no
// window, the one that comes twice in autumn is in its windows both times. Two
// rates in one window are an error.
//
// # What a rate says
//
// A call is charged by the interval: the first, the further ones, and tiers
// from some second on with a connect fee of their own. Prices have twelve
// decimals per so many seconds or units and may be zero or negative. A one-off
// price may be due at some second, and a cap may make the rest of a call free or
// end it.
//
// # Decks
//
// [Builder.ReadCSV] reads this module's own layout, [Builder.ReadNGCP] that of
// Sipwise NGCP and [ReadCGRateS] a CGRateS tariff plan. All take a deck as a
// whole or not at all and say in which lines the faults are. [Snapshot.Lint] and
// [Snapshot.LintMargin] look for what is allowed and likely not meant.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine and
// reads no clock. Matching allocates nothing.
package tariff
