package play

import (
	"errors"
	"io"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/wav"
)

// rate is the sample and timestamp rate of everything this package plays.
const rate = 8000

// Prompt is a recording, ready to be sent. It is immutable.
type Prompt struct {
	alaw, mulaw []byte
}

// NewPrompt encodes 8 kHz mono samples. The slice is not kept.
func NewPrompt(pcm []int16) *Prompt {
	p := &Prompt{}
	p.alaw, _ = codec.ALaw{}.Encode(nil, pcm) // G.711 never fails
	p.mulaw, _ = codec.MuLaw{}.Encode(nil, pcm)
	return p
}

// ReadPrompt reads a WAVE file of any rate and number of channels.
func ReadPrompt(r io.Reader) (*Prompt, error) {
	a, err := wav.Decode(r)
	if err != nil {
		return nil, err
	}
	if a, err = a.Convert(rate); err != nil {
		return nil, err
	}
	if a.Frames() == 0 {
		return nil, errors.New("play: empty recording")
	}
	return NewPrompt(a.Samples), nil
}

// Samples is the length; 8,000 are a second.
func (p *Prompt) Samples() int { return len(p.alaw) }

// law is a G.711 variant.
type law uint8

const (
	alaw law = iota
	mulaw
)

func (p *Prompt) encoded(l law) []byte {
	if l == mulaw {
		return p.mulaw
	}
	return p.alaw
}

func (l law) silence() byte {
	if l == mulaw {
		return codec.SilenceU
	}
	return codec.SilenceA
}
