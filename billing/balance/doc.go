// Package balance computes what customers have: cash, free time and any other
// wallets, by balance intervals, packages, top-ups and usage.
//
// An [Account] is plain data. [Open] makes one, [Add] and [Redeem] top it up,
// [Charge] takes a priced usage out of it, [Advance] opens balance intervals
// up to an instant, [Set] corrects it. Each is a pure function: it leaves the
// account it is given alone and returns the changed one together with the
// journal entries that explain the change, and with events such as a new lock
// level. What was agreed with the customer comes in as [Terms].
//
// # Intervals
//
// A [Rule] lays intervals [start, end) over time, without gap or overlap
// through every change of clocks. At a border, cash is carried over or
// discarded; of free cash only what was used counts; free time is given anew.
//
// # Money
//
// A positive [Entry] was taken out of a wallet: a balance after is the one
// before less its entries, and every entry has two sides that sum up to
// nothing. Prices stay exact until they are rounded once for a usage; the
// parts paid by several wallets and what is due sum up to that price.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine, reads no
// clock and keeps no state. Functions may be called from any goroutine. Errors
// leave nothing half done.
package balance
