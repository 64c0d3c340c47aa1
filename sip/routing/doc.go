// Package routing decides where a call goes.
//
// [Router.Plan] takes the facts of a request (who calls, from where, which
// Request-URI) and answers with a [Plan]: deliver to a subscriber's
// registered contacts, hand to an application or to a foreign network, or refuse
// with a status. It
// asks a [Directory] and touches nothing else, so the same code serves a live
// call, a simulation and an explanation: every plan carries a trace of the
// rules that were looked at, the values they saw and why they were taken.
//
// Numbers: a user part that looks like a telephone number (digits, visual
// separators, a leading "+" or "00"; RFC 3966 section 5.1.1) is compared in
// its E.164 form without "+"; any other user part is compared as it stands.
package routing
