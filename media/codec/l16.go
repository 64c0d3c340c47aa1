package codec

import (
	"fmt"
	"slices"
	"time"
)

// L16 is uncompressed audio in network order (RFC 3551 section 4.5.11).
// Payload types 10 and 11 are stereo and mono at 44,100 Hz.
func L16(rate, channels int) Codec {
	pt := uint8(Dynamic)
	switch {
	case rate == 44100 && channels == 2:
		pt = 10
	case rate == 44100 && channels == 1:
		pt = 11
	}
	return Codec{Format: Format{Name: "L16", ClockRate: rate, Channels: channels}, PayloadType: pt, SampleRate: rate,
		Ptime:      20 * time.Millisecond,
		NewEncoder: func(p Params) (Encoder, error) { return newLinear(p, channels) },
		NewDecoder: func(p Params) (Decoder, error) { return newLinear(p, channels) },
	}
}

type linear struct{ channels int }

func newLinear(p Params, channels int) (linear, error) {
	if p.Channels != channels {
		return linear{}, fmt.Errorf("%w: L16 of %d channels from %d", ErrParams, channels, p.Channels)
	}
	return linear{channels}, nil
}

// Encode makes two octets of a sample.
func (linear) Encode(dst []byte, pcm []int16) ([]byte, error) {
	n := len(dst)
	dst = slices.Grow(dst, 2*len(pcm))[:n+2*len(pcm)]
	for i, s := range pcm {
		dst[n+2*i], dst[n+2*i+1] = byte(uint16(s)>>8), byte(s)
	}
	return dst, nil
}

// Decode makes a sample of two octets. A rest that is no frame of all
// channels is an error.
func (l linear) Decode(dst []int16, payload []byte) ([]int16, error) {
	if len(payload)%(2*l.channels) != 0 {
		return dst, fmt.Errorf("%w: L16 of %d octets", ErrPayload, len(payload))
	}
	n := len(dst)
	dst = slices.Grow(dst, len(payload)/2)[:n+len(payload)/2]
	for i := range dst[n:] {
		dst[n+i] = int16(uint16(payload[2*i])<<8 | uint16(payload[2*i+1]))
	}
	return dst, nil
}
