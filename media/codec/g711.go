package codec

import (
	"slices"
	"time"

	"github.com/zaf/g711"
)

// Values of G.711 payloads that are silence.
const (
	SilenceA byte = 0xd5
	SilenceU byte = 0xff
)

// PCMA is G.711 A-law, payload type 8.
func PCMA() Codec { return PCMAAt(8000) }

// PCMU is G.711 µ-law, payload type 0.
func PCMU() Codec { return PCMUAt(8000) }

// PCMAAt is A-law with another sampling rate, which RFC 3551 (table 4) leaves
// open: one octet is one sample at any. The payload type is dynamic then.
func PCMAAt(rate int) Codec {
	return companded("PCMA", 8, rate, func(Params) (Encoder, error) { return ALaw{}, nil }, func(Params) (Decoder, error) { return ALaw{}, nil })
}

// PCMUAt is µ-law with another sampling rate.
func PCMUAt(rate int) Codec {
	return companded("PCMU", 0, rate, func(Params) (Encoder, error) { return MuLaw{}, nil }, func(Params) (Decoder, error) { return MuLaw{}, nil })
}

func companded(name string, pt uint8, rate int, enc func(Params) (Encoder, error), dec func(Params) (Decoder, error)) Codec {
	if rate != 8000 {
		pt = Dynamic
	}
	return Codec{Format: Format{Name: name, ClockRate: rate, Channels: 1}, PayloadType: pt, SampleRate: rate,
		Ptime: 20 * time.Millisecond, NewEncoder: enc, NewDecoder: dec}
}

var (
	_ Encoder = ALaw{}
	_ Decoder = ALaw{}
	_ Encoder = MuLaw{}
	_ Decoder = MuLaw{}
)

// ALaw encodes and decodes G.711 A-law. It has no state; the methods never
// fail.
type ALaw struct{}

// Encode appends one octet per sample.
func (ALaw) Encode(dst []byte, pcm []int16) ([]byte, error) {
	n := len(dst)
	dst = slices.Grow(dst, len(pcm))[:n+len(pcm)]
	for i, s := range pcm {
		dst[n+i] = g711.EncodeAlawFrame(s)
	}
	return dst, nil
}

// Decode appends one sample per octet.
func (ALaw) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := len(dst)
	dst = slices.Grow(dst, len(payload))[:n+len(payload)]
	for i, b := range payload {
		dst[n+i] = g711.DecodeAlawFrame(b)
	}
	return dst, nil
}

// MuLaw encodes and decodes G.711 µ-law. It has no state; the methods never
// fail.
type MuLaw struct{}

// Encode appends one octet per sample.
func (MuLaw) Encode(dst []byte, pcm []int16) ([]byte, error) {
	n := len(dst)
	dst = slices.Grow(dst, len(pcm))[:n+len(pcm)]
	for i, s := range pcm {
		dst[n+i] = g711.EncodeUlawFrame(s)
	}
	return dst, nil
}

// Decode appends one sample per octet.
func (MuLaw) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := len(dst)
	dst = slices.Grow(dst, len(payload))[:n+len(payload)]
	for i, b := range payload {
		dst[n+i] = g711.DecodeUlawFrame(b)
	}
	return dst, nil
}

// Between the two laws values go as they would through linear samples, to the
// code in whose interval they lie, so that a stream sounds the same whether a
// packet takes the short way or that through PCM. Tables 3 and 4 of G.711 have
// other codes for some, one step away, so that A-law which was µ-law in between
// keeps its upper seven bits without exception; here two values do not.

// ALawToMuLaw appends an A-law payload as µ-law.
func ALawToMuLaw(dst, payload []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(payload))[:n+len(payload)]
	for i, b := range payload {
		dst[n+i] = g711.Alaw2UlawFrame(b)
	}
	return dst
}

// MuLawToALaw appends a µ-law payload as A-law.
func MuLawToALaw(dst, payload []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(payload))[:n+len(payload)]
	for i, b := range payload {
		dst[n+i] = g711.Ulaw2AlawFrame(b)
	}
	return dst
}
