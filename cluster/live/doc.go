// Package live is what a running node lets web pages see of it: calls in
// progress, registrations, the messages of a recent call, counters.
//
// A [Source] is the same whether the node runs in this process or in another
// one: [Handler] serves a Source as JSON under a shared secret, [NewClient]
// reads it from there, and [Join] puts several nodes together. A node that
// does not answer is left out and reported beside what the others said
// ([Counts.Missing]); it never makes a page fail.
package live
