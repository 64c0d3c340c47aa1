// Package fraud watches what customers spend and says when it is too much.
//
// [Limits] bound the money of an hour, a day and a month and the number of
// calls in a window; those of a contract replace those of its profile, which
// replace the system's, each period by itself ([Merge]). A [Counter] holds the
// sums of one contract. [Counter.Add] counts a priced call in the periods that
// hold its end, [Counter.Check] judges the sums together with what running
// calls have reserved. Both answer with a [Verdict]: whom to tell, the lock
// level to set, whether running calls are to be cut.
//
// A limit is exceeded when the sum has reached it. It is announced once: again
// only in the next period, or after the sum fell below the limit by the
// hysteresis. A lock lasts until the period ends or [Counter.Unlock], which
// gives the customer the whole limits once more.
//
// The package imports the standard library only, starts no goroutine and reads
// no clock. A Counter is plain data, to be stored in the transaction that
// stores the calls.
package fraud
