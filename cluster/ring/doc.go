// Package ring says which of several members a key belongs to, without anything
// shared but their names: weighted rendezvous hashing. Every member is given a
// number drawn from key, name and weight, and the highest wins. So
//
//   - each gets the share of keys that is its share of weight;
//   - when a member comes, it takes its share from the others and nothing moves
//     between them; when one goes, only what it had moves;
//   - a member whose weight grows only takes, one whose weight falls only gives.
//
// The time of [Ring.Pick] grows with the number of members: 2 ns for each. It
// neither allocates nor locks, and a [Ring] may be used by many goroutines.
//
// Only the standard library is needed. A [Ring] has the method Pick that sip/dispatch
// asks of one.
package ring
