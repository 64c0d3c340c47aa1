package codec

import "strings"

// Encoder makes payloads of samples.
type Encoder interface {
	// Encode appends the payload for the samples to dst.
	Encode(dst []byte, pcm []int16) ([]byte, error)
}

// Decoder makes samples of payloads.
type Decoder interface {
	// Decode appends the samples of one payload to dst.
	Decode(dst []int16, payload []byte) ([]int16, error)
}

// Dynamic is the PayloadType of a codec that has no static one.
const Dynamic = 0xff

// Codec describes a payload format of audio.
type Codec struct {
	Name        string // encoding name of the RTP profile, such as PCMA
	PayloadType uint8  // static payload type (RFC 3551), or Dynamic
	ClockRate   int    // of RTP timestamps, Hz
	SampleRate  int    // of the audio, Hz
	Channels    int
	NewEncoder  func() Encoder
	NewDecoder  func() Decoder
}

// Is tells whether the codec has that encoding name, in any case, and clock
// rate.
func (c Codec) Is(name string, clockRate int) bool {
	return c.ClockRate == clockRate && strings.EqualFold(c.Name, name)
}

// Registry is a list of codecs in order of preference.
type Registry []Codec

// Default is PCMA, PCMU.
func Default() Registry { return Registry{PCMA(), PCMU()} }

// Lookup finds a codec by encoding name and clock rate.
func (r Registry) Lookup(name string, clockRate int) (Codec, bool) {
	for _, c := range r {
		if c.Is(name, clockRate) {
			return c, true
		}
	}
	return Codec{}, false
}

// Names lists the encoding names in order.
func (r Registry) Names() []string {
	names := make([]string, len(r))
	for i, c := range r {
		names[i] = c.Name
	}
	return names
}
