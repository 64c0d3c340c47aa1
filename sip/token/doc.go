// Package token makes and checks the signed flow tokens of a SIP edge: short
// strings that say on which listener and from which address, over which
// connection, a peer is reached. The edge writes them into its Path,
// Record-Route and Via, forgets everything, and finds the way back when they
// return (RFC 5626 section 5.2 describes the idea, RFC 3327 and RFC 5658 the
// places).
//
// # Form
//
// A token is base64url without padding, so that it can be the user part of a
// URI or the value of a header parameter as it is. Inside, most significant
// octet first:
//
//	1        version (upper four bits, 1) and key id (lower four)
//	1        purpose (upper three bits), transport (next four), 1 for IPv6 (last)
//	1        listener index
//	4 or 16  remote address
//	2        remote port
//	8        generation, for stream transports only
//	10       AES-CMAC over all of the above and a bound text, cut to 80 bits
//
// That is 26 characters for UDP over IPv4, 36 for a stream over IPv4, 42 and 52
// over IPv6. Nothing in it is secret: it is signed, not encrypted.
//
// What must not be read, such as the Contact of an element inside, is sealed by
// [Ring.SealSecret]: encrypted as well, and as long as the text needs. [Explain]
// takes apart whatever this package has made.
//
// # What a token is good for
//
// The purpose is part of what is signed, so that a token out of a Path is worth
// nothing in a Via. A token can also be bound to a text that stands beside it,
// such as the branch of the Via or the Call-ID of the dialog; it then opens only
// with the same text. What remains is that whoever has seen a token may send it
// again in the same place: it grants a way, not an identity.
//
// # Keys
//
// A [Ring] seals with one key and opens with that and others. To change keys
// on several nodes without losing a token, give all of them the new key as an
// accepted one, then as the active one, and remove the old one when its tokens
// have ended. [Ring.Replace] swaps all keys at once while others use the ring.
//
// The MAC of tokens and signatures is AES-CMAC (RFC 4493) and not HMAC, because
// an edge computes four for each request: what is signed is one to eight blocks
// of AES, which a processor with instructions for it encrypts in constant time. Its keys are
// derived from the secrets by HMAC-SHA-256, one for each use.
//
// [Hasher] is for values that must not change when keys do, such as a
// transaction's branch. They prove nothing to anybody, so that SipHash is enough.
//
// # Concurrency and memory
//
// All methods may be called from many goroutines and none blocks. Results are
// appended to the caller's buffer; arguments are neither kept nor changed.
// Seal, Open, Sign, Verify, SealSecret, OpenSecret
// and Append do not allocate when the buffer has room.
package token
