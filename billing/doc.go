// Package billing holds the values that every part of a billing chain speaks
// of: exact money, what a signalling element reports about a call, and the
// call detail record made of it.
//
// # Money
//
// An [Amount] is a whole number of millionths of a currency unit together
// with the currency. Every operation is checked: a result that does not fit
// is [ErrOverflow], two currencies in one sum are [ErrCurrency]. Reports add
// amounts up in a [Total] of 128 bits. No function of this package takes or
// returns a binary fraction, and none ever will.
//
// Prices are finer than amounts. A [Price] is a decimal of twelve places per
// so many seconds, because "0.10 per minute" has no exact decimal per second.
// A [Cost] sums such prices as an exact fraction and is rounded once, by a
// [Rounding] that is data and not code.
//
// # Calls
//
// An [Event] is what a proxy, a back-to-back user agent or a test writes down
// when a call leg begins, is answered, goes on, ends or fails. Events are
// idempotent: the same event twice says no more than once. A [LegKey] names
// the leg and comes out the same on any node that holds the same call record.
//
// A [CDR] is the record made of a leg's events, with one [Party] for each
// contract that pays or is paid.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine, reads
// no clock and keeps no state. Decoders copy what they keep: the bytes given
// to them may be reused at once.
package billing
