// Package codec turns samples into RTP payloads and back: G.711 A-law and
// µ-law, G.722, Opus, L16 and comfort noise; it names what is only passed
// through, and converts sample rates and channels.
//
// A [Codec] is a description by value with functions that make an [Encoder]
// and a [Decoder] for negotiated [Params]; a [Registry] is a list of them.
// [Default] makes one; a program appends its own codecs to it, or writes
// another. Nothing is registered globally. [Format.Match] tells whether two
// sides mean the same bits.
//
// Samples are 16-bit linear, channels interleaved. Encoders and decoders
// append to a slice of the caller and allocate nothing when it has room; G.711
// never fails. They are not safe for concurrent use.
//
// [Resampler] is a polyphase filter for streams, [Converter] adds channels,
// [Resample] converts a recording at once. [Concealment] fills gaps for
// decoders that are no [Concealer]. [AnalyzeNoise] and [NoiseSource] are the
// two ends of comfort noise.
//
// Opus is a translation of the reference implementation into Go; a panic in it
// becomes an error of one packet.
package codec
