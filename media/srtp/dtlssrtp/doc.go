// Package dtlssrtp makes SRTP keys by a DTLS handshake on the media path (RFC
// 5763, RFC 5764) over a socket that belongs to somebody else: a relay pushes
// the DTLS datagrams of a port in and gives a function that sends.
//
// [Start] begins an [Association] with the role that signalling agreed on
// ([AnswerSetup], [AnsweredSetup]) and the peer's fingerprints from its SDP. The
// handshake runs in a goroutine of its own until it succeeds, fails or times
// out; after that the association stays to repeat its last flight, should the
// peer have missed it. [Association.Close] ends it and waits for it.
//
// The peer's certificate counts only if its fingerprint is one of those in the
// SDP (RFC 8122); chains, names and dates are not looked at. [Keys] has the
// master keys of both directions and makes the two SRTP contexts.
//
// What the peer can make us keep is bounded: a queue of [Config].Queue datagrams
// of at most [MaxDatagram] octets, one handshake, for at most [Config].Timeout.
// An association is not moved to another process: its keys are, and a later
// handshake with the same [Certificate] makes new ones.
package dtlssrtp
