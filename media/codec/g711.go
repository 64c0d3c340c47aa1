package codec

import (
	"slices"

	"github.com/zaf/g711"
)

// Values of G.711 payloads that are silence.
const (
	SilenceA byte = 0xd5
	SilenceU byte = 0xff
)

// PCMA is G.711 A-law, payload type 8.
func PCMA() Codec {
	return Codec{Name: "PCMA", PayloadType: 8, ClockRate: 8000, SampleRate: 8000, Channels: 1,
		NewEncoder: func() Encoder { return ALaw{} }, NewDecoder: func() Decoder { return ALaw{} }}
}

// PCMU is G.711 µ-law, payload type 0.
func PCMU() Codec {
	return Codec{Name: "PCMU", PayloadType: 0, ClockRate: 8000, SampleRate: 8000, Channels: 1,
		NewEncoder: func() Encoder { return MuLaw{} }, NewDecoder: func() Decoder { return MuLaw{} }}
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
