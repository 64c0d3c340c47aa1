package play

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/wav"
)

// rate is the sample and timestamp rate of what an [Endpoint] plays.
const rate = 8000

// Errors of prompts, to be tested with errors.Is.
var (
	ErrEmpty    = errors.New("play: empty recording")
	ErrVariants = errors.New("play: a prompt in too many codecs")
)

// maxVariants bounds the codecs and packet lengths that one prompt is encoded
// for.
const maxVariants = 32

// Prompt is a recording. It is encoded once for each codec and packet length,
// when first needed, and shared by all who play it. Its methods are safe for
// concurrent use.
type Prompt struct {
	rate int
	pcm  []int16 // mono

	mu       sync.Mutex
	variants map[variant]*encoding
	octets   int // of all variants
}

// variant is a way to encode a prompt.
type variant struct {
	format codec.Format
	params codec.Params
}

// encoding is one that is there or being made.
type encoding struct {
	once   sync.Once
	frames *Frames
	err    error
}

// NewPrompt takes 8 kHz mono samples, ready to be sent as G.711 in packets of
// 20 ms. The slice is not kept.
func NewPrompt(pcm []int16) *Prompt {
	p := &Prompt{rate: rate, pcm: append([]int16(nil), pcm...), variants: map[variant]*encoding{}}
	for _, c := range []codec.Codec{codec.PCMA(), codec.PCMU()} {
		_, _ = p.Frames(c, codec.Params{}) // G.711 never fails
	}
	return p
}

// ReadPrompt reads a WAVE file of any rate and number of channels; prompts of
// an [Endpoint] are made for 8 kHz.
func ReadPrompt(r io.Reader) (*Prompt, error) {
	a, err := wav.Decode(r)
	if err != nil {
		return nil, err
	}
	if a, err = a.Convert(rate); err != nil {
		return nil, err
	}
	if a.Frames() == 0 {
		return nil, ErrEmpty
	}
	return NewPrompt(a.Samples), nil
}

// FromAudio makes a prompt that keeps the rate of the recording; each codec
// gets it at its own. Channels are mixed into one.
func FromAudio(a wav.Audio) (*Prompt, error) {
	a = a.Mono()
	if a.Frames() == 0 || a.Rate <= 0 {
		return nil, ErrEmpty
	}
	return &Prompt{rate: a.Rate, pcm: a.Samples, variants: map[variant]*encoding{}}, nil
}

// Samples is the length; 8,000 are a second.
func (p *Prompt) Samples() int { return int(int64(len(p.pcm)) * rate / int64(p.rate)) }

// Duration is the length.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(int64(len(p.pcm)) * int64(time.Second) / int64(p.rate))
}

// Size is the memory the prompt takes, in octets.
func (p *Prompt) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return 2*len(p.pcm) + p.octets
}

func (p *Prompt) grow(octets int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.octets += octets
}

// Frames returns the prompt in packets of a codec. Params are those of the
// encoder: format parameters of who listens, and the packet length.
func (p *Prompt) Frames(c codec.Codec, params codec.Params) (*Frames, error) {
	if params.Ptime == 0 {
		params.Ptime = c.Ptime
	}
	params.Ptime = c.FitPtime(params.Ptime)
	key := variant{c.Format, params}
	p.mu.Lock()
	e := p.variants[key]
	if e == nil {
		if len(p.variants) >= maxVariants {
			p.mu.Unlock()
			return nil, fmt.Errorf("%w: %d", ErrVariants, maxVariants)
		}
		e = &encoding{}
		p.variants[key] = e
	}
	p.mu.Unlock()
	e.once.Do(func() {
		if e.frames, e.err = encode(p, c, params); e.err == nil {
			p.grow(e.frames.size())
		}
	})
	return e.frames, e.err
}
