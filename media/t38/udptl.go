package t38

import (
	"encoding/binary"
	"iter"
)

// Limits of one packet.
const (
	MaxSecondary = 64   // redundant copies
	MaxFEC       = 64   // parity packets
	MaxIFP       = 8192 // octets of one field
)

// Packet is a UDPTL packet. Make one with [Parse].
type Packet struct {
	Sequence uint16
	Primary  []byte // the IFP packet of this sequence number
	// FEC: errors are repaired by parity; otherwise by copies.
	FEC bool
	// Count is the number of copies or parity packets.
	Count int
	// Span is the distance of the packets that a parity packet is computed of.
	Span     int
	recovery []byte // the fields, as they stand
}

// Parse validates a packet and all lengths in it. ok is false when something
// does not fit, when octets are left over, or a limit is exceeded.
func Parse(b []byte) (p Packet, ok bool) {
	if len(b) < 4 {
		return Packet{}, false
	}
	p.Sequence = binary.BigEndian.Uint16(b)
	if p.Primary, b, ok = field(b[2:]); !ok || len(b) == 0 {
		return Packet{}, false
	}
	p.FEC = b[0]&0x80 != 0
	b = b[1:]
	limit := MaxSecondary
	if p.FEC {
		// An integer without bounds: its length, then its octets.
		if len(b) < 2 || b[0] != 1 || b[1] == 0 || b[1]&0x80 != 0 {
			return Packet{}, false
		}
		p.Span, b, limit = int(b[1]), b[2:], MaxFEC
	}
	p.Count, b, ok = length(b)
	if !ok || p.Count > limit {
		return Packet{}, false
	}
	p.recovery = b
	for range p.Count {
		if _, b, ok = field(b); !ok {
			return Packet{}, false
		}
	}
	return p, len(b) == 0
}

// Recovery iterates over the copies, that of the packet before first, or over
// the parity packets.
func (p Packet) Recovery() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		b := p.recovery
		for range p.Count {
			var f []byte
			if f, b, _ = field(b); !yield(f) {
				return
			}
		}
	}
}

// length reads a length determinant of packed encoding rules (X.691 clause
// 11.9). Fragmented values, of 16,384 and more, do not occur in datagrams.
func length(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0]&0x80 == 0:
		return int(b[0]), b[1:], true
	case len(b) >= 2 && b[0]&0xc0 == 0x80:
		return int(b[0]&0x3f)<<8 | int(b[1]), b[2:], true
	}
	return 0, nil, false
}

// field reads an open type or octet string.
func field(b []byte) (f, rest []byte, ok bool) {
	n, b, ok := length(b)
	if !ok || n > len(b) || n > MaxIFP {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return append(b, 0x80|byte(n>>8), byte(n))
}

func appendField(b, f []byte) []byte { return append(appendLength(b, len(f)), f...) }

// Append writes a packet with redundant copies of the packets before it, the
// last one first. Fields are at most [MaxIFP] long, and at most [MaxSecondary].
func Append(dst []byte, sequence uint16, primary []byte, copies ...[]byte) []byte {
	dst = appendField(binary.BigEndian.AppendUint16(dst, sequence), primary)
	return appendFields(append(dst, 0), copies)
}

// AppendFEC writes a packet with parity packets of the given span, 1 to 127.
func AppendFEC(dst []byte, sequence uint16, primary []byte, span int, parity ...[]byte) []byte {
	dst = appendField(binary.BigEndian.AppendUint16(dst, sequence), primary)
	return appendFields(append(dst, 0x80, 1, byte(span&0x7f)), parity)
}

func appendFields(dst []byte, fields [][]byte) []byte {
	dst = appendLength(dst, len(fields))
	for _, f := range fields {
		dst = appendField(dst, f)
	}
	return dst
}
