// Package rate prices calls by a tariff.
//
// [Rate] says what a call costs, [Explain] why, and [MaxDuration] how long a
// call may last for some money. All three are pure functions of a
// tariff.Snapshot and a [Call]; the same two always give the same price, on
// any node and in any year.
//
// # How a call is priced
//
// The fee is matched once. An answered call pays the connect fee. Its first
// interval is charged by the init interval of the rate in force at the answer.
// Every further interval that begins within the call is charged as a whole, by
// the follow interval of the rate in force at its beginning; it may last over
// the end of a window. Prices are summed as an exact fraction and rounded once
// for the leg, or each interval is rounded by itself, as the tariff's rounding
// says.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine and
// reads no clock. Rate and MaxDuration allocate nothing, and take time in
// proportion to the borders of the calendar that a call crosses, not to its
// length.
package rate
