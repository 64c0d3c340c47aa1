package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/class5-go/class5/media/codec"
)

// ErrFull means: a file cannot become longer than 4 GiB.
var ErrFull = errors.New("wav: file is full")

// Encoding is how samples stand in a file.
type Encoding uint8

// The encodings of a Writer.
const (
	Linear Encoding = iota // 16-bit PCM
	ALaw                   // G.711
	MuLaw
)

// Format of a file to be written.
type Format struct {
	Rate     int // samples per second and channel
	Channels int // 1 to 8, interleaved
	Encoding Encoding
}

const (
	unknownSize = 1<<32 - 1
	maxData     = 1<<32 - 1024
)

// Writer writes a file piece by piece. Until Close its header says that the
// length is unknown, which readers take as: to the end. It is not safe for
// concurrent use, and allocates nothing once its buffer has grown.
type Writer struct {
	w      io.Writer
	f      Format
	size   uint64 // octets of samples
	header []byte
	buf    []byte
}

// NewWriter writes the header. Close rewrites it if w is an io.WriteSeeker at
// its beginning, such as a file. Errors wrap ErrFormat, or come from w.
func NewWriter(w io.Writer, f Format) (*Writer, error) {
	if f.Rate <= 0 || f.Rate > maxRate || f.Channels <= 0 || f.Channels > maxChannels || f.Encoding > MuLaw {
		return nil, fmt.Errorf("%w: %d Hz, %d channels, encoding %d", ErrFormat, f.Rate, f.Channels, f.Encoding)
	}
	x := &Writer{w: w, f: f}
	x.header = x.head(unknownSize, unknownSize)
	if _, err := w.Write(x.header); err != nil {
		return nil, err
	}
	return x, nil
}

// head makes the header for a length of the file and of the samples.
func (w *Writer) head(riff, data uint32) []byte {
	le := binary.LittleEndian
	tag, octets := uint16(formatPCM), 2
	switch w.f.Encoding {
	case ALaw:
		tag, octets = formatALaw, 1
	case MuLaw:
		tag, octets = formatMuLaw, 1
	}
	frame := uint32(octets * w.f.Channels)
	b := le.AppendUint32(append(w.header[:0], "RIFF"...), riff)
	b = append(b, "WAVEfmt "...)
	if tag == formatPCM {
		b = le.AppendUint32(b, 16)
	} else {
		b = le.AppendUint32(b, 18)
	}
	b = le.AppendUint16(le.AppendUint16(b, tag), uint16(w.f.Channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(w.f.Rate)), uint32(w.f.Rate)*frame)
	b = le.AppendUint16(le.AppendUint16(b, uint16(frame)), uint16(8*octets))
	if tag != formatPCM { // size of an extension, and a chunk that counts frames
		b = le.AppendUint16(b, 0)
		b = le.AppendUint32(append(b, "fact"...), 4)
		if data == unknownSize {
			b = le.AppendUint32(b, 0)
		} else {
			b = le.AppendUint32(b, data/frame)
		}
	}
	return le.AppendUint32(append(b, "data"...), data)
}

// Write appends samples, whole frames of all channels. Errors wrap ErrFormat,
// or are ErrFull, or come from the underlying writer; after those the file is
// only good up to the last Write that succeeded.
func (w *Writer) Write(samples []int16) error {
	if len(samples)%w.f.Channels != 0 {
		return fmt.Errorf("%w: %d samples of %d channels", ErrFormat, len(samples), w.f.Channels)
	}
	b := w.buf[:0]
	switch w.f.Encoding {
	case ALaw:
		b, _ = codec.ALaw{}.Encode(b, samples) // never fails
	case MuLaw:
		b, _ = codec.MuLaw{}.Encode(b, samples)
	default:
		for _, s := range samples {
			b = append(b, byte(s), byte(uint16(s)>>8))
		}
	}
	w.buf = b
	if w.size+uint64(len(b)) > maxData {
		return ErrFull
	}
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	w.size += uint64(len(b))
	return nil
}

// Frames is the number of samples per channel so far.
func (w *Writer) Frames() int64 {
	octets := 2
	if w.f.Encoding != Linear {
		octets = 1
	}
	return int64(w.size) / int64(octets*w.f.Channels)
}

// Close completes the header where that is possible. It does not close the
// underlying writer.
func (w *Writer) Close() error {
	if w.size%2 != 0 { // chunks have an even length
		if _, err := w.w.Write([]byte{0}); err != nil {
			return err
		}
	}
	s, ok := w.w.(io.WriteSeeker)
	if !ok {
		return nil
	}
	if _, err := s.Seek(0, io.SeekStart); err != nil {
		return err
	}
	total := uint64(len(w.header)) - 8 + w.size + w.size%2
	if _, err := s.Write(w.head(uint32(total), uint32(w.size))); err != nil {
		return err
	}
	_, err := s.Seek(0, io.SeekEnd)
	return err
}
