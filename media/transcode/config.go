package transcode

import (
	"errors"
	"fmt"
	"time"

	"github.com/class5-go/class5/media/codec"
)

// Errors of this package, to be tested with errors.Is. Those of Push are
// counted in Stats; the packet is dropped.
var (
	ErrConfig  = errors.New("transcode: configuration")
	ErrPacket  = errors.New("transcode: not an RTP packet")
	ErrType    = errors.New("transcode: unknown payload type")
	ErrLate    = errors.New("transcode: packet is late or a duplicate")
	ErrPayload = errors.New("transcode: payload")
)

// Input is a payload type that may arrive.
type Input struct {
	PayloadType uint8
	Codec       codec.Codec // with the Fmtp that we told the sender
}

// Output is what leaves.
type Output struct {
	PayloadType uint8
	Codec       codec.Codec   // with the Fmtp of the receiver
	Ptime       time.Duration // 0: as it comes in
	// Event is the payload type of telephone-event at the clock rate of Codec;
	// 0: none, and events become tones in the audio.
	Event uint8
	// Noise is the payload type of comfort noise at that clock rate; 0: none,
	// and comfort noise becomes audio.
	Noise uint8
}

// Jitter bounds the delay of the jitter buffer. The zero value is no buffer:
// packets leave as they come.
type Jitter struct {
	Min, Max time.Duration
}

// MaxJitter is the largest delay a buffer may have.
const MaxJitter = time.Second

// Pauses says what is sent while a source sends nothing, as those with
// discontinuous transmission do: receivers without it, gateways above all,
// take that for a broken line. A receiver that has comfort noise is left to
// itself. The zero value sends nothing.
type Pauses struct {
	// After is how late a packet has to be; 0: nothing is filled. It should be
	// more than the jitter of the network: a packet that comes later than that
	// is put behind what was filled, and makes all that follow later. With a
	// jitter buffer, whose delay stands for it, what is invented for lost packets
	// comes first.
	After time.Duration
	// Noise is what is heard; nil: silence.
	Noise *codec.NoiseModel
}

// Config of one direction of a stream.
type Config struct {
	Inputs []Input // audio, comfort noise and telephone-event
	Output Output
	Jitter Jitter
	// Reorder is how many packets are held while one before them is missing,
	// when there is no jitter buffer and a codec needs the order; 0: 3.
	Reorder int
	// Detect turns tones in the audio into events, or reports them where
	// Output has no events.
	Detect bool
	// Clean delays the audio by 60 ms when Detect makes events, so that nothing
	// of a tone is heard before its event.
	Clean bool
	// Silence suppresses silent audio and sends comfort noise instead, when
	// Output has it. It is a level in -dBov, such as 60; 0: off.
	Silence uint8
	// Pauses are filled when the source sends nothing.
	Pauses Pauses
	// Mix adds to what is sent; nil: nothing is. While it has something to add,
	// packets are made at the pace of the source, and by the clock while that sends
	// none. Audio into which nothing is mixed goes as it came where the codec has no
	// state (G.711, L16).
	Mix Mixer
	// SSRC of what leaves; 0: at random.
	SSRC uint32
	// SourceSSRC takes that of the first source instead, as copies for recorders
	// do: they find the same speaker under the same name.
	SourceSSRC bool
}

func (c *Config) check() error {
	if len(c.Inputs) == 0 || c.Output.Codec.Kind != codec.Audio || c.Output.Codec.ClockRate <= 0 {
		return fmt.Errorf("%w: no input, or the output is no audio", ErrConfig)
	}
	if c.Jitter.Min < 0 || c.Jitter.Max < c.Jitter.Min || c.Jitter.Max > MaxJitter || c.Reorder < 0 || c.Reorder > queueSize/2 {
		return fmt.Errorf("%w: jitter buffer of %v to %v, %d packets", ErrConfig, c.Jitter.Min, c.Jitter.Max, c.Reorder)
	}
	if c.Pauses.After < 0 {
		return fmt.Errorf("%w: pauses of %v", ErrConfig, c.Pauses.After)
	}
	if c.Output.Noise == 0 {
		c.Silence = 0 // nothing can stand for it, so that nothing has to be decoded
	}
	if c.Reorder == 0 {
		c.Reorder = 3
	}
	return nil
}

// Stats are what happened so far.
type Stats struct {
	Received, Sent uint64 // packets
	Malformed      uint64 // not RTP
	UnknownType    uint64 // payload type without Input
	Late           uint64 // after their turn, duplicates included
	Lost           uint64 // that never came
	Refused        uint64 // payloads that the codec did not take
	Concealed      uint64 // samples per channel that were invented
	Recovered      uint64 // packets that were found in the one behind
	Shortened      uint64 // samples per channel that were left out to catch up
	// Delay is that of the jitter buffer.
	Delay time.Duration
}
