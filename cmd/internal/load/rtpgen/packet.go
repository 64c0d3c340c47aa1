package rtpgen

import (
	"encoding/binary"

	"github.com/class5-go/class5/media/rtpwire"
)

const (
	payloadSize = 160 // 20 ms of G.711
	packetSize  = rtpwire.HeaderSize + payloadSize
	payloadType = 8
	magic       = 0x6c6f6164
)

// fill writes a packet: the header, and at the beginning of the payload a mark,
// the call and the time in nanoseconds.
func fill(b []byte, call int, sequence uint32, ssrc uint32, now int64) []byte {
	b = rtpwire.Header{
		Marker: sequence == 0, PayloadType: payloadType, Sequence: uint16(sequence), Timestamp: sequence * payloadSize, SSRC: ssrc,
	}.Append(b[:0])
	b = b[:packetSize]
	p := b[rtpwire.HeaderSize:]
	binary.BigEndian.PutUint32(p, magic)
	binary.BigEndian.PutUint32(p[4:], uint32(call))
	binary.BigEndian.PutUint64(p[8:], uint64(now))
	return b
}

// arrived is what a packet says.
type arrived struct {
	call     int
	sequence uint16
	sent     int64
}

// read checks the form of a packet; fault is empty when it is well.
func read(b []byte) (a arrived, fault string) {
	h, p, ok := rtpwire.Parse(b)
	switch {
	case !ok:
		return a, "not RTP"
	case len(b) != packetSize || len(p) != payloadSize:
		return a, "packet of another length"
	case h.PayloadType != payloadType:
		return a, "packet of another type"
	case binary.BigEndian.Uint32(p) != magic:
		return a, "packet with another content"
	}
	return arrived{call: int(binary.BigEndian.Uint32(p[4:])), sequence: h.Sequence, sent: int64(binary.BigEndian.Uint64(p[8:]))}, ""
}
