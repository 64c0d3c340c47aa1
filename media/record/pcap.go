package record

import (
	"encoding/binary"
	"io"
	"time"
)

const (
	pcapMagic   = 0xa1b23c4d // with nanoseconds
	linkTypeRaw = 101        // packets begin with the IP header
	udp         = 17
)

// pcapWriter writes UDP packets as a capture file. IP and UDP headers are made
// up of the addresses.
type pcapWriter struct {
	w     io.Writer
	start time.Time
	buf   []byte
}

func newPCAP(w io.Writer, start time.Time) (*pcapWriter, error) {
	b := binary.LittleEndian.AppendUint32(nil, pcapMagic)
	b = binary.LittleEndian.AppendUint32(b, 4<<16|2) // version 2.4
	b = binary.LittleEndian.AppendUint64(b, 0)       // zone, accuracy
	b = binary.LittleEndian.AppendUint32(b, 65535)
	b = binary.LittleEndian.AppendUint32(b, linkTypeRaw)
	_, err := w.Write(b)
	return &pcapWriter{w: w, start: start}, err
}

func (w *pcapWriter) write(p *packet) error {
	at := w.start.Add(time.Duration(p.at))
	v4 := p.from.Addr().Is4() && p.to.Addr().Is4()
	size := 40 + 8 + len(p.data)
	if v4 {
		size = 20 + 8 + len(p.data)
	}
	b := binary.LittleEndian.AppendUint32(w.buf[:0], uint32(at.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Nanosecond()))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	if v4 {
		b = appendIPv4(b, p, size)
	} else {
		b = appendIPv6(b, p)
	}
	w.buf = b
	_, err := w.w.Write(b)
	return err
}

func appendIPv4(b []byte, p *packet, size int) []byte {
	head := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, 0, 0, 0x40, 0, 64, udp, 0, 0)
	src, dst := p.from.Addr().As4(), p.to.Addr().As4()
	b = append(append(b, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(b[head+10:], ^fold(sum(0, b[head:])))
	return appendUDP(b, p) // its checksum may be absent
}

func appendIPv6(b []byte, p *packet) []byte {
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(p.data)))
	b = append(b, udp, 64)
	src, dst := p.from.Addr().As16(), p.to.Addr().As16()
	b = append(append(b, src[:]...), dst[:]...)
	at := len(b)
	b = appendUDP(b, p)
	// RFC 8200 section 8.1: the checksum is mandatory.
	s := sum(sum(sum(udp+uint32(8+len(p.data)), src[:]), dst[:]), b[at:])
	c := ^fold(s)
	if c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(b[at+6:], c)
	return b
}

func appendUDP(b []byte, p *packet) []byte {
	b = binary.BigEndian.AppendUint16(b, p.from.Port())
	b = binary.BigEndian.AppendUint16(b, p.to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(p.data)))
	return append(append(b, 0, 0), p.data...)
}

// sum adds 16-bit words for the Internet checksum (RFC 1071).
func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
