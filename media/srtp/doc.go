// Package srtp protects and unprotects RTP and RTCP packets (RFC 3711, RFC
// 6188, RFC 7714) in place and without allocation, with a state that another
// process can take over.
//
// A [Context] serves one direction of one key: a leg of a call has one that
// protects with our key and one that unprotects with the peer's. [NewContext]
// takes a [Suite], the master key and the master salt, as they come out of SDES
// (package srtp/sdes) or a DTLS handshake (package srtp/dtlssrtp).
//
// # Packets
//
// [Context.Protect] works on buf[:n] and needs [Context.Overhead] octets of
// room behind it; [Context.Unprotect] works on a whole packet. Both return the
// new length. After an error the packet must not be used: its octets may have
// been destroyed. Errors of packets are the plain variables of this package, to
// be compared and counted ([Reason]).
//
// # What an attacker can do
//
// Packets are authenticated before they change anything: the index of an SSRC,
// its replay window, or the list of SSRCs. A packet of an unknown SSRC costs one
// tag (two near the start of the sequence numbers) and no memory. Replayed packets
// are dropped by a window of 128 packets ([WithReplayWindow]). A context has at
// most [MaxSSRC] SSRCs: a receiver then gives up the one that has been silent
// for longest, if at least 1,024 packets of others came since, and else refuses;
// a sender always refuses, because an SSRC that came back would use its indices
// a second time.
//
// With [Session].UnauthenticatedRTP nothing of this holds for RTP: anyone can
// move the index. RTCP stays authenticated.
//
// # Indices
//
// A sender refuses an index that it has used ([ErrIndexUsed]): two packets under
// the same key, SSRC and index give the XOR of their contents away. A receiver
// that takes over a state tries the roll-over counter as it was, one more and
// one less, each under authentication; so it does with 0 and 1 for the first
// packet of an SSRC when its sequence number is small.
//
// [Context.Export] writes the state without any key: per SSRC the 48-bit index,
// the replay windows and the SRTCP index, and what each key has been used for.
// [Context.Import] reads it into a new context of the same key. A sender that
// was imported only moves forward: it refuses everything up to the exported
// index, and everything below the first packet it protects; its SRTCP index
// jumps ahead. If the exporting context is still there, [Context.Retire] it first,
// and no index can be used twice. If it died, some packets after the export may
// have been sent: a relay whose source has moved on is safe; who makes his own
// sequence numbers must go on well above [Context.Index]. [Context.Revision]
// tells when a state is worth exporting at once.
//
// # Engines
//
// The transforms of single packets are an [Engine]: [Native] is the default;
// package srtp/pionsrtp has one over pion/srtp. What is said above holds for
// any engine.
//
// A Context never blocks and is not safe for concurrent use.
package srtp
