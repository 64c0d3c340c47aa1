// Package chain prices a call for every party that has a share in it: the
// customers on both sides, the resellers above each of them to any depth, and
// the carriers that the call came from or went to.
//
// # Who pays
//
//   - A call of a customer is priced for the customer and its resellers, each
//     by its own tariff, direction out.
//   - A call to a foreign network is priced for that carrier too, direction
//     out, on the caller's side: it is a cost of the call that was placed.
//   - A call to a customer is priced for the customer and its resellers,
//     direction in, on the callee's side.
//   - A call from a foreign network is priced for that carrier, direction in, on
//     the callee's side.
//   - A call between two foreign networks has both carriers and nobody else.
//
// A call placed without a fee is an error of that call; one received without a
// fee costs nothing.
//
// # Contract
//
// Which party has which tariff is the business of a [Directory] that the
// caller provides; a [Rater] keeps nothing. The package imports the standard
// library only, starts no goroutine and reads no clock.
package chain
