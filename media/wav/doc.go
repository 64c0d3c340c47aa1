// Package wav reads and writes WAVE files with the formats telephony uses:
// linear PCM of 8 or 16 bits, G.711 A-law and µ-law, mono or stereo, at any
// sample rate.
//
// [Decode] turns a file into samples, [Audio.Mono] and [Audio.Convert] into
// what a codec needs, [Encode] writes 16-bit PCM; [Writer] does so piece by
// piece, also as G.711. Files come from users: sizes
// are limited, lengths in chunk headers are not believed, and files that were
// cut off or written to a pipe (length unknown) are read as far as they go.
package wav
