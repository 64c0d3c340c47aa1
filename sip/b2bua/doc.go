// Package b2bua is a back-to-back user agent: two dialogs, one call (RFC 3261
// section 6, RFC 7092). Towards the caller it is the user agent that answers,
// towards the callee the one that calls, and it can end the call on both sides
// by itself: that is what a call needs whose time is limited.
//
// [B2BUA.Start] takes an INVITE and a plan of targets. What one side sends
// inside the dialog goes to the other (re-INVITE, UPDATE, PRACK, INFO, REFER,
// NOTIFY and whatever else), with tags, CSeq, RAck, routes and Contact of the
// other dialog; offers, answers and all header fields that no rule names pass
// as they are, after a [Handler] has seen them. BYE and CANCEL are answered
// here. Each answer of a fork is a dialog of its own on both sides, until one
// of them is answered by a 2xx; further ones are acknowledged and ended here. [Call.Inform] sends an INFO of
// this element's own to one side.
//
// # Credit
//
// A plan with an [Authorizer] is asked before the callee is called. Its
// [Grant] says for how long; without one the caller gets 402 or what the
// refusal says. The grant is renewed before its end and, while it rings,
// before the reservation behind it is over. When it is used up, both sides get
// a BYE with a Reason (RFC 3326). Somebody who comes to pay for a part of the
// call later may make the grant less ([Call.Regranted]). A [Warner] hears of that some time before.
//
// An Authorizer that does not answer in time ends the call with what was
// granted; with [Config.Overrun] the call may go on for a while beyond that.
// Whether a ledger behind it can be asked is the Authorizer's own matter.
//
// # Contract
//
// A B2BUA lives on the goroutine of its [transaction.Layer] and shares its
// contract: no clock, no lock, no goroutine, messages lent to callbacks until
// they return. The Layer's User hands over what belongs to calls: requests
// with a To tag ([B2BUA.Request], which says whether the dialog is one of
// these), [B2BUA.Ack], [B2BUA.Cancel], [B2BUA.ServerFailed].
//
// Of each call that Start took on, Handler.Ended is told exactly once, before
// anybody hears of the end; Authorizer.End exactly once for each Begin.
//
// The Call-ID of the caller's leg is kept on the callee's unless the plan
// names another: elements that choose by Call-ID (a load balancer, a shard)
// then see both legs. The tags differ always. A Replaces for a dialog of this
// call, in an attended transfer, is passed as it is and not translated.
package b2bua
