// Package rate prices calls by a tariff.
//
// [Rate] says what a call costs, [Explain] why, and [MaxDuration] how long a
// call may last for some money. [Replay] makes a price again from its
// explanation alone, and [Fragments] splits it at the changes of the rate in
// force. All are pure functions of a tariff.Snapshot and a [Call]; the same two
// always give the same price, on any node and in any year.
//
// # How a call is priced
//
// The fee is matched once. An answered call pays the connect fee. Its first
// interval is charged by the init interval of the rate in force at the answer.
// Every further interval that begins within the call is charged as a whole, by
// the follow interval, or the tier, of the rate in force at its beginning; it
// may last over the end of a window, at that rate unless the tariff says that
// each rate has its part ([tariff.CrossSplit]). A one-off price and whether free
// seconds may pay are read from the rate in force at the answer, once. Prices
// are summed as an exact fraction and rounded once for the leg, or each interval
// is rounded by itself, as the tariff's rounding says. A cap that is free holds
// the sum down; one that disconnects ends the call before the interval that
// would pass it.
//
// Messages and data are priced in the same way, a unit for a second, by the
// rate in force at their time.
//
// # Contract
//
// The package imports the standard library only, starts no goroutine and
// reads no clock. Rate and MaxDuration allocate nothing, and take time in
// proportion to the borders of the calendar that a call crosses, not to its
// length.
package rate
