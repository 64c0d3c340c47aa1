package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/class5-go/class5/media/codec"
)

// ErrFormat means: not a WAVE file, or one of a format that is not supported.
var ErrFormat = errors.New("wav: format")

// MaxSize is the largest file Decode reads: 64 MiB, more than an hour of
// telephone audio.
const MaxSize = 64 << 20

const (
	formatPCM        = 1
	formatALaw       = 6
	formatMuLaw      = 7
	formatExtensible = 0xfffe
	maxChannels      = 8
	maxRate          = 384000
)

// Audio is a recording.
type Audio struct {
	Rate     int     // samples per second and channel
	Channels int     // at least 1
	Samples  []int16 // channels interleaved
}

// Frames is the number of samples per channel.
func (a Audio) Frames() int { return len(a.Samples) / max(a.Channels, 1) }

// Mono mixes all channels into one.
func (a Audio) Mono() Audio {
	if a.Channels <= 1 {
		return a
	}
	out := make([]int16, a.Frames())
	for i := range out {
		sum := 0
		for _, s := range a.Samples[i*a.Channels : (i+1)*a.Channels] {
			sum += int(s)
		}
		out[i] = int16(sum / a.Channels)
	}
	return Audio{Rate: a.Rate, Channels: 1, Samples: out}
}

// Convert returns the recording as one channel of the given rate.
func (a Audio) Convert(rate int) (Audio, error) {
	a = a.Mono()
	out, err := codec.Resample(a.Samples, a.Rate, rate)
	if err != nil {
		return Audio{}, err
	}
	return Audio{Rate: rate, Channels: 1, Samples: out}, nil
}

// Decode reads a file. Errors wrap ErrFormat, or come from r.
func Decode(r io.Reader) (Audio, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return Audio{}, err
	}
	if len(b) > MaxSize {
		return Audio{}, fmt.Errorf("%w: larger than %d octets", ErrFormat, MaxSize)
	}
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return Audio{}, fmt.Errorf("%w: no RIFF WAVE header", ErrFormat)
	}
	var f *format
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), uint64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		// A length beyond the end means: as far as there is something.
		body := b[:min(size, uint64(len(b)))]
		switch id {
		case "fmt ":
			if f, err = parseFormat(body); err != nil {
				return Audio{}, err
			}
		case "data":
			if f == nil {
				return Audio{}, fmt.Errorf("%w: data before fmt", ErrFormat)
			}
			if size == 0 {
				body = b // written to a pipe
			}
			return f.decode(body), nil
		}
		b = b[min(size+size%2, uint64(len(b))):]
	}
	return Audio{}, fmt.Errorf("%w: no data", ErrFormat)
}

type format struct {
	tag, channels, bits uint16
	rate                uint32
}

func parseFormat(b []byte) (*format, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("%w: fmt chunk too short", ErrFormat)
	}
	f := &format{
		tag: binary.LittleEndian.Uint16(b), channels: binary.LittleEndian.Uint16(b[2:]),
		rate: binary.LittleEndian.Uint32(b[4:]), bits: binary.LittleEndian.Uint16(b[14:]),
	}
	if f.tag == formatExtensible && len(b) >= 26 {
		f.tag = binary.LittleEndian.Uint16(b[24:]) // head of the sub-format GUID
	}
	ok := f.tag == formatPCM && (f.bits == 8 || f.bits == 16) || (f.tag == formatALaw || f.tag == formatMuLaw) && f.bits == 8
	if !ok || f.channels == 0 || f.channels > maxChannels || f.rate == 0 || f.rate > maxRate {
		return nil, fmt.Errorf("%w: tag %d, %d bits, %d channels, %d Hz", ErrFormat, f.tag, f.bits, f.channels, f.rate)
	}
	return f, nil
}

func (f *format) decode(b []byte) Audio {
	frame := int(f.channels) * int(f.bits) / 8
	b = b[:len(b)-len(b)%frame]
	var s []int16
	switch {
	case f.tag == formatALaw:
		s, _ = codec.ALaw{}.Decode(nil, b) // never fails
	case f.tag == formatMuLaw:
		s, _ = codec.MuLaw{}.Decode(nil, b)
	case f.bits == 8:
		s = make([]int16, len(b))
		for i, v := range b {
			s[i] = (int16(v) - 128) << 8 // 8-bit samples are unsigned
		}
	default:
		s = make([]int16, len(b)/2)
		for i := range s {
			s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	return Audio{Rate: int(f.rate), Channels: int(f.channels), Samples: s}
}

// Encode writes a file of 16-bit linear samples.
func Encode(w io.Writer, a Audio) error {
	if a.Rate <= 0 || a.Channels <= 0 || len(a.Samples)%a.Channels != 0 || len(a.Samples) > (1<<32-64)/2 {
		return fmt.Errorf("%w: %d Hz, %d channels, %d samples", ErrFormat, a.Rate, a.Channels, len(a.Samples))
	}
	size, frame := uint32(2*len(a.Samples)), uint32(2*a.Channels)
	le := binary.LittleEndian
	b := make([]byte, 0, 44+size)
	b = le.AppendUint32(append(b, "RIFF"...), 36+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, formatPCM), uint16(a.Channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(a.Rate)), uint32(a.Rate)*frame)
	b = le.AppendUint16(le.AppendUint16(b, uint16(frame)), 16)
	b = le.AppendUint32(append(b, "data"...), size)
	for _, s := range a.Samples {
		b = le.AppendUint16(b, uint16(s))
	}
	_, err := w.Write(b)
	return err
}
