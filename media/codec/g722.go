package codec

import (
	"fmt"
	"slices"
	"time"

	"github.com/gotranspile/g722"
)

// G722 is ITU-T G.722 at 64 kbit/s, payload type 9. Its samples are 16 kHz;
// its RTP clock is 8 kHz, by a mistake that was kept (RFC 3551 section 4.5.2).
func G722() Codec {
	return Codec{Format: Format{Name: "G722", ClockRate: 8000, Channels: 1}, PayloadType: 9, SampleRate: 16000,
		Ptime:      20 * time.Millisecond,
		NewEncoder: func(Params) (Encoder, error) { return &g722Encoder{g722.NewEncoder(g722.Rate64000, 0)}, nil },
		NewDecoder: func(Params) (Decoder, error) { return &g722Decoder{g722.NewDecoder(g722.Rate64000, 0)}, nil },
	}
}

type g722Encoder struct{ enc *g722.Encoder }

// Encode makes one octet of two samples.
func (e *g722Encoder) Encode(dst []byte, pcm []int16) ([]byte, error) {
	if len(pcm)%2 != 0 {
		return dst, fmt.Errorf("%w: G722 needs an even number of samples, not %d", ErrFrame, len(pcm))
	}
	n := len(dst)
	dst = slices.Grow(dst, len(pcm)/2)[:n+len(pcm)/2]
	return dst[:n+e.enc.Encode(dst[n:], pcm)], nil
}

type g722Decoder struct{ dec *g722.Decoder }

// Decode makes two samples of each octet.
func (d *g722Decoder) Decode(dst []int16, payload []byte) ([]int16, error) {
	n := len(dst)
	dst = slices.Grow(dst, 2*len(payload))[:n+2*len(payload)]
	return dst[:n+d.dec.Decode(dst[n:], payload)], nil
}
