// Package rerate prices call records once more: to see what another tariff
// would have brought, and to correct what a wrong one did.
//
// [Plan] prices the records of an iterator with a function of the caller, on
// several processors, and returns a [Diff]: per account what is paid now and
// what would be, and each record whose prices differ. Nothing is written: that
// is the answer to "what if". [Apply] stores the differing records as the next
// generation. What the store's hook posts for a record and what it replaces
// reverses the old entries and makes the new ones in one transaction.
//
// # Contract
//
// A Diff does not depend on the number of processors. Applying one twice is
// the same as once: each record has the generation that follows the one it was
// planned from, and a store takes a generation once. A record that changed
// since the plan was made is not overwritten: [Apply] is for the revision and
// generation that the plan saw, and the store keeps the newest.
//
// The package imports the standard library and billing alone. Plan starts
// goroutines and waits for them.
package rerate
