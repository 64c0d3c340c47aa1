package record

import (
	"errors"
	"log/slog"
	"time"

	"github.com/class5-go/class5/media/wav"
)

// Errors, to be tested with errors.Is.
var (
	ErrClosed     = errors.New("record: closed")
	ErrRecordings = errors.New("record: too many recordings")
	ErrSpec       = errors.New("record: specification")
	ErrName       = errors.New("record: file name")
	ErrFileSize   = errors.New("record: file has reached its limit")
)

// Config of a [Recorder].
type Config struct {
	// Dir is the directory that holds all files. It is made if missing.
	Dir string
	// Memory bounds what waits to be written, of all recordings together, in
	// octets; default 64 MiB. Each recording that is active takes 32 KiB at
	// least.
	Memory int
	// MaxRecordings at a time; default 1,000.
	MaxRecordings int
	// MaxFile is the largest file; default 2 GiB, at most 4 GiB less 1 MiB.
	MaxFile int64
}

// Option changes what is not configuration.
type Option func(*Recorder)

// WithLogger sets the logger; the default discards.
func WithLogger(l *slog.Logger) Option { return func(r *Recorder) { r.log = l } }

// WithClock replaces time.Now; times given to [Recording.Packet] are of the
// same clock.
func WithClock(now func() time.Time) Option { return func(r *Recorder) { r.now = now } }

// Mix is how the sides of a call become channels.
type Mix uint8

const (
	// Mixed adds all up into one channel.
	Mixed Mix = iota
	// Stereo puts streams of channel 0 left and of channel 1 right.
	Stereo
)

// String is what %t stands for.
func (m Mix) String() string {
	if m == Stereo {
		return "stereo"
	}
	return "mix"
}

func (m Mix) channels() int { return 1 + int(m) }

// Spec is what is to be recorded, and how.
type Spec struct {
	CallID string
	Label  string
	// Pattern makes file names, without the ending. It may have directories.
	// %c: the call identifier, %t: the kind of file ("mix", "stereo", "pcap",
	// "meta"), %l: the label, %r: 8 random characters, %Y %m %d %H %M %S %u:
	// when it began, in UTC, down to microseconds, %N with a number N: the next N
	// characters of the call identifier, %%: a percent sign. Default "%c-%t".
	Pattern string
	// Metadata is written to the metadata file as it is.
	Metadata string
	PCAP     bool // packets
	WAV      bool // audio
	Mix      Mix
	Rate     int          // sample rate of the audio, Hz; default 8,000
	Encoding wav.Encoding // of the WAV file: linear, or G.711 at half the size
	// Sinks get the audio too. They are closed at the end.
	Sinks []Sink
}

// Sink takes audio. Methods are called by one goroutine and may take their
// time: the recording waits, the call does not.
type Sink interface {
	// WritePCM takes samples, channels interleaved. The slice is not kept. After
	// an error the sink gets nothing more but Close.
	WritePCM(pcm []int16) error
	Close() error
}

// Decoder makes samples of payloads.
type Decoder interface {
	// Decode appends the samples of one payload to dst, channels interleaved.
	Decode(dst []int16, payload []byte) ([]int16, error)
}

// Payload is a payload type that a stream may use.
type Payload struct {
	Type     uint8
	Name     string // for the metadata
	Clock    int    // of RTP timestamps, Hz
	Rate     int    // of the decoded audio, Hz; default Clock
	Channels int    // of the decoded audio; default 1
	// New makes a decoder. nil: the payload is known and has no audio, such as
	// telephone-event.
	New func() Decoder
}

// Stream is one direction of a media stream: what one party sends.
type Stream struct {
	Label    string
	Tag      string
	CallID   string // of the party, where it is not that of the recording
	Channel  int    // in stereo, 0: left, 1: right
	Payloads []Payload
}

// Limits.
const (
	MaxStreams  = 64    // of a recording
	MaxPacket   = 16000 // octets
	MaxMetadata = 64 << 10
	MaxRate     = 48000

	chunkSize     = 32 << 10
	flushInterval = 200 * time.Millisecond
)
