// Package dialog keeps one record for each call that passes a
// record-routing element: who called whom, both tags, targets, route sets and
// CSeqs, when it rang, was answered and ended, and why.
//
// A [Tracker] is a sans-I/O state machine. Feed it the initial INVITE
// ([Tracker.Begin]), every response that goes upstream ([Tracker.Response])
// and every request inside the dialog ([Tracker.Request]); call
// [Tracker.Advance] when the time it last returned has come. It tells an
// [Observer] of each record exactly once that it was opened (first 2xx of the
// call) and exactly once that it is closed, whether by BYE from either side,
// a refusal, CANCEL, an expired session timer (RFC 4028), the longest
// permitted duration or the owner's word ([Tracker.End]).
//
// A call that forks and is answered twice stays one record (RFC 3261 section
// 13.2.2.4): it opens with the first 2xx and closes when the last of its
// dialogs has ended, so that the time between start and stop covers every
// second in which somebody could talk. A dialog that the caller never
// acknowledged does not count for that.
//
// Ownership: a Tracker belongs to one goroutine and takes no locks; no method
// blocks or keeps the message it is given. Records handed to the Observer may
// be read until the callback returns. [Registry] is the table of running
// calls that other goroutines may read.
package dialog
