// Package digest authenticates SIP requests: RFC 8760 (digest with MD5,
// SHA-256 and SHA-512-256) and RFC 7616, as RFC 3261 §22 uses them, for
// servers and for clients.
//
// # Server
//
// A [Server] keeps no state per challenge. A nonce carries its time and a
// random number under an HMAC, so every node that shares the key ring
// ([Keys]) accepts a challenge made by any other, and a restart forgets
// nothing. The ring holds the key that signs and older ones that still
// verify: rotate by putting the new key in front.
//
// What has to be remembered, which nonce counts were used, lives in a
// [Window] of fixed size. It is local to the process: a captured request may
// be played once more against another node while its nonce lives. Where the
// window has no room it forgets old nonces and refuses them from then on as
// stale, which costs their owners one more round trip and nobody else
// anything. Only nonces used with the right password take a place.
//
// [Server.Verify] answers with a [Result]; [Server.Status] turns it into the
// status to send and [Server.AppendResponse] writes the whole response, with
// one challenge for each algorithm, strongest first (RFC 8760 §2.4).
//
// # Whose answer it is
//
// A server that knows where requests come from may say so by Exchange.Origin. Then
// the nonce carries a mark of the place it was sent to, and Result.Answered tells
// guessers who can receive there from those who forge the address of somebody
// else. Credentials are good from anywhere, as before.
//
// # What an attacker sees
//
// An unknown user costs the same computation as a wrong password and gets the
// same answer, nonce and all. What the [Credentials] behind it cost is theirs
// to even out: a cache that remembers unknown users as well is enough. A
// request whose nonce is not ours or has run out is refused before the
// credentials are asked for, so that a flood of made-up requests costs one
// HMAC each. RFC 7616 §3.3 would have the password checked before stale=true
// is said; we say it to everybody, which tells nothing about any user.
//
// Passwords are never stored: Credentials give HA1, the digest of
// user:realm:password (see [HA1]), one for each algorithm.
//
// # Client
//
// A [Client] takes the challenges of a 401 or 407, picks the strongest it
// knows and writes the header value for the next request, counting as it
// goes.
//
// # Ownership
//
// Byte slices handed in are lent until the call returns. Slices in a Result
// refer to the message that was verified, and live as long as it does.
// A Server and a Window may be used by any number of goroutines; a Client
// belongs to one. Nothing here blocks, except for what the Credentials do.
package digest
