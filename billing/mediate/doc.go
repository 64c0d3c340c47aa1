// Package mediate turns the events of call legs into call detail records.
//
// A [Mediator] is a pure state machine. [Mediator.Feed] takes events in any
// order, repeated or not, and returns the records that they complete; time
// comes in as an argument of [Mediator.Expire] and [Mediator.Restart]. The
// final record of a leg depends on the set of its events and on nothing else,
// so a log of events may be read twice, and a standby's log beside the
// primary's.
//
// # Rules
//
//   - A leg that was never answered gives a record of duration 0 with the
//     status of its final response.
//   - An answered leg is complete with its first stop; the duration runs from
//     the answer to that stop and is never negative.
//   - A leg whose stop is missing is closed by evidence, after [Config.MaxAge]
//     of silence or at a restart: it ends at the last interim mark, is flagged
//     and may be charged. Without any mark it is recorded as failed, without a
//     duration. [Config.MissingStop] chooses otherwise.
//   - The legs of one Call-ID share its end: an answered leg without a stop of
//     its own, such as a forward, ends with the first stop of its call. Suffixes
//     of back-to-back user agents do not count, see [BaseCallID]. A call that was
//     transferred ends with the one that it became. Neither holds for a leg that
//     is proven to have gone on later.
//   - What becomes known after a record was made gives the next revision of
//     it, if it changes anything.
//
// # Durability
//
// A Mediator does no I/O. Whoever runs it has two ways to survive a crash,
// and may use both. Either the state ([Mediator.AppendBinary]) is stored in
// the transaction that stores records and log position. Or the log is read
// again from [Mediator.Low], the position of the oldest event of a leg that is
// still open; records made before come out again then and are recognised by
// key and revision.
//
// A record with a key that is known, and no higher revision, is a repetition
// and must be dropped by the store.
//
// A Mediator belongs to one goroutine. It keeps the events it is given,
// media figures included.
package mediate
