// Package announce is a user agent that answers every call at once and gives
// it a voice: the test number of a platform, an announcement, an echo.
//
// An [Agent] is a sans-I/O core on the transaction layer, meant to be run by a
// shard (package sip/shard) behind a proxy that routes to it as to any other
// contact. What is heard is the business of a [Player], which turns an SDP
// offer into an answer and a running media session.
//
// The agent repeats its 2xx until the ACK comes (RFC 3261 section 13.3.1.4)
// and hangs up when none does, when the call has lasted too long or when the
// player has nothing more to say. Requests of its own go back on the flow of
// the INVITE: the element there is the first of the route set.
package announce
