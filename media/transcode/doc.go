// Package transcode turns one direction of an RTP stream into another codec:
// packets in, packets out.
//
// A [Transcoder] has neither socket nor clock. [Transcoder.Push] takes a
// received packet and the time; [Transcoder.Advance] does what is due without
// one, when [Transcoder.Next] says so. Both append to a [Packets] of the
// caller, which holds what is to be sent until it is emptied.
//
// Without a jitter buffer packets leave as they come, each at once: numbers
// and timestamps are those of the source, moved by a constant, under an SSRC
// of its own. Where codecs have no state (G.711, or the same codec on both
// sides) order and gaps pass through as well; elsewhere a packet waits for the
// ones before it, for three packets or 60 ms. With a jitter buffer they leave
// by the clock.
//
// Lost packets are concealed up to 120 ms, and taken from the next one where
// the codec keeps copies (Opus). Silence that the source left out stays a gap
// of the timestamps. Comfort noise and telephone events pass with their clock
// and numbers mapped, or become audio where the other side has no such
// payload.
//
// [Transcoder.Export] and [Transcoder.Import] hand the numbers on to another
// process. A Transcoder is not safe for concurrent use. After the first
// packets it allocates nothing.
package transcode
