package play

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/class5-go/class5/media/codec"
)

// Frames are the payloads of a prompt in one codec and packet length. They are
// immutable and shared.
type Frames struct {
	prompt  *Prompt
	codec   codec.Codec
	params  codec.Params
	units   uint32 // of the RTP clock in a packet
	payload []byte
	ends    []uint32 // of each frame in payload

	once  sync.Once
	again *Frames // of the passes behind the first
}

// encode makes frames.
func encode(p *Prompt, c codec.Codec, params codec.Params) (*Frames, error) {
	f := &Frames{prompt: p, codec: c, params: params, units: uint32(int64(c.ClockRate) * int64(params.Ptime) / int64(time.Second))}
	if f.units == 0 {
		return nil, fmt.Errorf("play: %w: packets of %v", codec.ErrParams, params.Ptime)
	}
	enc, err := c.Encoder(params)
	if err != nil {
		return nil, fmt.Errorf("play: %w", err)
	}
	return f, f.pass(enc)
}

// pass encodes the prompt once; the last frame is filled up with silence.
func (f *Frames) pass(enc codec.Encoder) error {
	to, channels := f.params.SampleRate, f.params.Channels
	if to == 0 {
		to = f.codec.SampleRate
	}
	if channels == 0 {
		channels = max(f.codec.Channels, 1)
	}
	pcm, err := codec.Resample(f.prompt.pcm, f.prompt.rate, to)
	if err != nil {
		return fmt.Errorf("play: %w", err)
	}
	n := int(int64(to) * int64(f.params.Ptime) / int64(time.Second))
	frame := make([]int16, n*channels)
	for len(pcm) > 0 {
		part := pcm[:min(n, len(pcm))]
		pcm = pcm[len(part):]
		clear(frame)
		for i, s := range part {
			for ch := range channels {
				frame[i*channels+ch] = s
			}
		}
		if f.payload, err = enc.Encode(f.payload, frame); err != nil {
			return fmt.Errorf("play: %w", err)
		}
		f.ends = append(f.ends, uint32(len(f.payload)))
	}
	return nil
}

// loop returns the frames of further passes. A codec with a memory (G.722,
// Opus) has to encode the beginning as what follows the end: a decoder that
// has just heard the end would make a crack of the frames of a first pass.
func (f *Frames) loop() *Frames {
	f.once.Do(func() {
		f.again = f
		enc, err := f.codec.Encoder(f.params)
		if err != nil {
			return
		}
		first, next := f.empty(), f.empty()
		if first.pass(enc) != nil || next.pass(enc) != nil || next.Len() != f.Len() || bytes.Equal(next.payload, f.payload) {
			return
		}
		next.once.Do(func() { next.again = next })
		f.again = next
		f.prompt.grow(next.size())
	})
	return f.again
}

func (f *Frames) empty() *Frames {
	return &Frames{prompt: f.prompt, codec: f.codec, params: f.params, units: f.units}
}

// Codec is what the payloads are of.
func (f *Frames) Codec() codec.Codec { return f.codec }

// Ptime is the audio of one frame.
func (f *Frames) Ptime() time.Duration { return f.params.Ptime }

// Len is the number of frames.
func (f *Frames) Len() int { return len(f.ends) }

// At is the payload of a frame. It must not be changed. Empty: the codec sends
// nothing for this one.
func (f *Frames) At(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = f.ends[i-1]
	}
	return f.payload[from:f.ends[i]:f.ends[i]]
}

func (f *Frames) size() int { return len(f.payload) + 4*len(f.ends) }
