// Package sdes negotiates SRTP keys in SDP: crypto attributes (RFC 4568), with
// the suites of package srtp, opportunistic use on plain profiles (RFC 8643),
// and the policy options that rtpengine's SDES and OSRTP flags name.
//
// [Parse] and [Attribute.Format] turn the value of an a=crypto line into an
// [Attribute] and back; [Attribute.Context] makes the SRTP context of its keys.
//
// A relay between two parties keeps a [Leg] for each: what the party announced,
// with the keys it sends with, and what we announce to it, with the keys we send
// with. An offer from A to B is [Leg.Receive] on A's leg and [Leg.Offer] on B's;
// the answer is Receive on B's and [Leg.Answer] on A's. After that each leg has
// one attribute each way. Where both legs agreed on the same suite the key is
// passed through, so that a relay need not decrypt ([SameKeys]).
//
// Everything here is a function of its arguments; random keys are read from
// where the caller says. Nothing prints keys but Format.
package sdes
