package rtpwire

import (
	"encoding/binary"
	"iter"
)

// RTCP packet types (RFC 3550 section 12.1, RFC 4585, RFC 3611).
const (
	SenderReport       = 200
	ReceiverReport     = 201
	SourceDescription  = 202
	Goodbye            = 203
	ApplicationDefined = 204
	TransportFeedback  = 205
	PayloadFeedback    = 206
	ExtendedReport     = 207
)

// RTCPPacket is one packet of a compound.
type RTCPPacket struct {
	Type  uint8
	Count uint8  // report count, source count or feedback format: 5 bits
	SSRC  uint32 // first word of the body, 0 when the body is empty
	Body  []byte // behind the 4-octet header, padding included
}

// ValidRTCP tells whether b is a sequence of RTCP packets whose lengths add up
// to exactly len(b). Reduced-size RTCP (RFC 5506) is valid; the first packet
// need not be a report.
func ValidRTCP(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		n, ok := rtcpLen(b)
		if !ok {
			return false
		}
		b = b[n:]
	}
	return true
}

// ValidSRTCP tells whether b starts like RTCP. Only the first header and SSRC
// are in the clear (RFC 3711 section 3.4).
func ValidSRTCP(b []byte) bool { return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }

func rtcpLen(b []byte) (int, bool) {
	if len(b) < 4 || b[0]>>6 != 2 || b[1] < 192 || b[1] > 223 {
		return 0, false
	}
	n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	return n, n <= len(b)
}

// RTCP iterates over the packets of a compound and stops at the first that is
// malformed.
func RTCP(b []byte) iter.Seq[RTCPPacket] {
	return func(yield func(RTCPPacket) bool) {
		for len(b) > 0 {
			n, ok := rtcpLen(b)
			if !ok {
				return
			}
			p := RTCPPacket{Type: b[1], Count: b[0] & 0x1f, Body: b[4:n]}
			if n >= 8 {
				p.SSRC = binary.BigEndian.Uint32(b[4:])
			}
			if !yield(p) {
				return
			}
			b = b[n:]
		}
	}
}
