package rtpwire

import "encoding/binary"

// HeaderSize is the length of an RTP header without CSRC list and extension.
const HeaderSize = 12

// Header is an RTP header (RFC 3550 section 5.1) without its CSRC list and
// extension.
type Header struct {
	Marker      bool
	PayloadType uint8 // 7 bits
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
}

// Parse validates an RTP packet and returns its header and payload, without
// padding. ok is false when it is not RTP version 2 or a length does not fit.
func Parse(b []byte) (h Header, payload []byte, ok bool) {
	h, n, ok := ParseHeader(b)
	if !ok {
		return Header{}, nil, false
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		pad := int(b[end-1])
		if pad == 0 || n+pad > end {
			return Header{}, nil, false
		}
		end -= pad
	}
	return h, b[n:end], true
}

// ParseHeader validates the header only and returns its length with CSRC list
// and extension. Padding is not looked at.
func ParseHeader(b []byte) (h Header, n int, ok bool) {
	if len(b) < HeaderSize || b[0]>>6 != 2 {
		return Header{}, 0, false
	}
	n = HeaderSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return Header{}, 0, false
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	// A padded packet has at least the octet that counts its padding.
	if n > len(b) || b[0]&0x20 != 0 && n == len(b) {
		return Header{}, 0, false
	}
	return Header{
		Marker:      b[1]&0x80 != 0,
		PayloadType: b[1] & 0x7f,
		Sequence:    binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}, n, true
}

// Append writes the 12 octets of the header to dst. Payload type bits above
// the seventh are lost.
func (h Header) Append(dst []byte) []byte {
	second := h.PayloadType & 0x7f
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, 0x80, second)
	dst = binary.BigEndian.AppendUint16(dst, h.Sequence)
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	return binary.BigEndian.AppendUint32(dst, h.SSRC)
}
