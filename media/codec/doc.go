// Package codec turns samples into RTP payloads and back: G.711 A-law and
// µ-law, and conversion between sample rates.
//
// A [Codec] is a description by value with functions that make an [Encoder]
// and a [Decoder]; a [Registry] is a list of them, so that a program chooses
// its codecs without global registration. Samples are 16-bit linear, channels
// interleaved.
//
// Encoders and decoders append to a slice of the caller and allocate nothing
// when it has room. They are not safe for concurrent use. [Resampler] is a
// polyphase filter for streams; [Resample] converts a recording at once.
package codec
