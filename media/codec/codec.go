package codec

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors of this package, to be tested with errors.Is.
var (
	// ErrPassThrough means: the codec is known by name only.
	ErrPassThrough = errors.New("codec: no encoder and decoder")
	// ErrPayload means: a payload is not one of the codec.
	ErrPayload = errors.New("codec: malformed payload")
	// ErrFrame means: a number of samples that the codec cannot encode at once.
	ErrFrame = errors.New("codec: frame length")
	// ErrParams means: a sample rate, channel count or ptime that the codec
	// does not have.
	ErrParams = errors.New("codec: parameters")
)

// Encoder makes payloads of samples.
type Encoder interface {
	// Encode appends the payload for the samples to dst. A codec with
	// discontinuous transmission may append nothing: then nothing is sent.
	Encode(dst []byte, pcm []int16) ([]byte, error)
}

// Decoder makes samples of payloads.
type Decoder interface {
	// Decode appends the samples of one payload to dst.
	Decode(dst []int16, payload []byte) ([]int16, error)
}

// Concealer is a Decoder that fills gaps by itself. For the others there is
// [Concealment].
type Concealer interface {
	// Conceal appends n samples per channel in place of a lost packet.
	Conceal(dst []int16, n int) []int16
}

// Recoverer is a Decoder that finds a copy of a lost packet in the one that
// follows (in-band forward error correction).
type Recoverer interface {
	// Recover appends the n samples per channel before those of next, by what
	// next says of them or, where it says nothing, by concealment. Decode of
	// next follows.
	Recover(dst []int16, next []byte, n int) []int16
}

// Dynamic is the PayloadType of a codec that has no static one.
const Dynamic = 0xff

// Kind tells what a payload format carries.
type Kind uint8

// The kinds of payload formats. An offer of Noise and Event alone is no offer
// of audio.
const (
	Audio Kind = iota
	Noise      // comfort noise, RFC 3389
	Event      // telephone events, RFC 4733
)

// Codec describes a payload format of audio. It is a value; a program makes
// its own by filling one in.
type Codec struct {
	Format
	Kind        Kind
	PayloadType uint8 // static payload type (RFC 3551), or Dynamic
	SampleRate  int   // of the audio, Hz: the highest it carries
	// Rates are the sample rates its encoder and decoder take and give
	// without conversion; nil: SampleRate only.
	Rates []int
	// Ptime is the usual length of a packet.
	Ptime time.Duration
	// Ptimes are the lengths it can have; nil: any.
	Ptimes []time.Duration
	// NewEncoder and NewDecoder are nil when the codec is only passed
	// through: use Codec.Encoder and Codec.Decoder. Params are complete.
	NewEncoder func(Params) (Encoder, error)
	NewDecoder func(Params) (Decoder, error)
}

// Params are what was negotiated for one direction of one stream, and how the
// samples are wanted. The zero value is the codec as it is.
type Params struct {
	// Fmtp are the format parameters of the side that decodes.
	Fmtp string
	// Ptime is the audio of one packet; 0: Codec.Ptime.
	Ptime time.Duration
	// SampleRate and Channels of the samples; 0: those of the codec.
	SampleRate, Channels int
}

// CanTranscode tells whether the codec can encode and decode.
func (c Codec) CanTranscode() bool { return c.NewEncoder != nil && c.NewDecoder != nil }

// Encoder makes an encoder. Errors wrap ErrPassThrough or ErrParams.
func (c Codec) Encoder(p Params) (Encoder, error) {
	if c.NewEncoder == nil {
		return nil, fmt.Errorf("%w: %v", ErrPassThrough, c.Format)
	}
	p, err := c.complete(p)
	if err != nil {
		return nil, err
	}
	return c.NewEncoder(p)
}

// Decoder makes a decoder. Errors wrap ErrPassThrough or ErrParams.
func (c Codec) Decoder(p Params) (Decoder, error) {
	if c.NewDecoder == nil {
		return nil, fmt.Errorf("%w: %v", ErrPassThrough, c.Format)
	}
	p, err := c.complete(p)
	if err != nil {
		return nil, err
	}
	return c.NewDecoder(p)
}

func (c Codec) complete(p Params) (Params, error) {
	if p.Ptime == 0 {
		p.Ptime = c.Ptime
	}
	if p.SampleRate == 0 {
		p.SampleRate = c.SampleRate
	}
	if p.Channels == 0 {
		p.Channels = max(c.Channels, 1)
	}
	if p.Ptime != c.FitPtime(p.Ptime) || !c.Takes(p.SampleRate) || p.Channels < 1 || p.Channels > max(c.Channels, 1) {
		return p, fmt.Errorf("%w: %v with %d Hz, %d channels, %v", ErrParams, c.Format, p.SampleRate, p.Channels, p.Ptime)
	}
	return p, nil
}

// MaxPtime bounds the length of a packet.
const MaxPtime = 200 * time.Millisecond

// FitPtime is the longest possible packet that is not longer than d: d itself
// if the codec can make it, the usual length when d is 0.
func (c Codec) FitPtime(d time.Duration) time.Duration {
	if d <= 0 {
		return c.Ptime
	}
	if c.Ptimes == nil {
		return min(d, MaxPtime)
	}
	fit := c.Ptimes[0]
	for _, p := range c.Ptimes {
		if p <= d {
			fit = p
		}
	}
	return fit
}

// Takes tells whether encoder and decoder work at that sample rate.
func (c Codec) Takes(rate int) bool {
	for _, r := range c.Rates {
		if r == rate {
			return true
		}
	}
	return rate == c.SampleRate
}

// Registry is a list of codecs in order of preference.
type Registry []Codec

// Lookup finds a codec by encoding name and clock rate. Where a codec exists
// in mono and stereo it finds mono.
func (r Registry) Lookup(name string, clockRate int) (Codec, bool) {
	for _, c := range r {
		if c.Is(name, clockRate) {
			return c, true
		}
	}
	return Codec{}, false
}

// Find finds the codec of a negotiated format by name, clock rate and
// channels. Its Fmtp is that of f.
func (r Registry) Find(f Format) (Codec, bool) {
	for _, c := range r {
		if c.same(f) {
			c.Fmtp = f.Fmtp
			return c, true
		}
	}
	return Codec{}, false
}

// Static finds the codec of a static payload type (RFC 3551 section 6).
func (r Registry) Static(payloadType uint8) (Codec, bool) {
	for _, c := range r {
		if c.PayloadType == payloadType && payloadType != Dynamic {
			return c, true
		}
	}
	return Codec{}, false
}

// Named finds a codec by what people write: a name, or name/rate, or
// name/rate/channels.
func (r Registry) Named(s string) (Codec, bool) {
	for _, c := range r {
		full := c.Format.String()
		if strings.EqualFold(c.Name, s) || strings.EqualFold(full, s) ||
			len(s) > len(c.Name) && strings.HasPrefix(strings.ToLower(full), strings.ToLower(s)+"/") {
			return c, true
		}
	}
	return Codec{}, false
}

// Names lists the encoding names in order, each once.
func (r Registry) Names() []string {
	names := make([]string, 0, len(r))
	seen := make(map[string]bool, len(r))
	for _, c := range r {
		if !seen[c.Name] {
			seen[c.Name] = true
			names = append(names, c.Name)
		}
	}
	return names
}
