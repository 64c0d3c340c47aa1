package dtmf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// ErrPayload means: not a telephone-event payload.
var ErrPayload = errors.New("dtmf: malformed telephone-event")

// PayloadSize is the length of one event in a payload.
const PayloadSize = 4

// Payload is one telephone-event (RFC 4733 section 2.3).
type Payload struct {
	Event    Event
	End      bool
	Volume   uint8  // -dBm0, 0 to 63
	Duration uint16 // timestamp units since the event began
}

// ParsePayload reads the first event of a payload; more may follow it. Errors
// wrap ErrPayload.
func ParsePayload(b []byte) (Payload, error) {
	if len(b) < PayloadSize || len(b)%PayloadSize != 0 {
		return Payload{}, fmt.Errorf("%w: %d octets", ErrPayload, len(b))
	}
	return Payload{Event: Event(b[0]), End: b[1]&0x80 != 0, Volume: b[1] & 0x3f, Duration: binary.BigEndian.Uint16(b[2:])}, nil
}

// Append writes the payload.
func (p Payload) Append(dst []byte) []byte {
	second := min(p.Volume, 63)
	if p.End {
		second |= 0x80
	}
	return binary.BigEndian.AppendUint16(append(dst, byte(p.Event), second), p.Duration)
}

// Scale converts the duration between RTP clocks. What does not fit into 16
// bits becomes the largest value.
func (p Payload) Scale(from, to int) Payload {
	if from != to && from > 0 {
		p.Duration = uint16(min(0xffff, (int(p.Duration)*to+from/2)/from))
	}
	return p
}

func length(units uint32, clock int) time.Duration {
	return time.Duration(units) * time.Second / time.Duration(clock)
}
