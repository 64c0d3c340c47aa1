// Package session controls prepaid calls in the manner of RFC 8506 (Diameter
// credit control, session based): money for a quota of seconds is reserved
// before a call is answered, renewed while it lasts and settled when it ends.
//
// A [Session] is one call of one account. [Session.Start] answers how long it
// may last for now, [Session.Update] prolongs that before it ends,
// [Session.Stop] pays. Requests are numbered by the caller, as by
// CC-Request-Number: the same number again gives the same answer and spends
// nothing twice, also when the answer or the process got lost in between.
//
// A [Grant] that is final says that no more will be granted: the call has to
// be cut when it is used up (Final-Unit-Indication). ValidUntil is when the
// reservation is over without a renewal (Validity-Time).
//
// # Failures
//
// When the ledger cannot be asked (section 14's CC failure handling), Start
// fails. Update either ends the call with what was granted, the default, or
// grants up to a cap that nobody reserved. Stop fails and is to be repeated.
//
// # Contract
//
// A Session starts no goroutine and reads no clock; it belongs to one
// goroutine. Its [State] is plain data: whoever replicates it can go on with
// the call on another node by [Restore].
package session
