package record

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

// chunk holds packets that wait to be written, one behind the other.
type chunk struct {
	b []byte
}

// headSize is what stands in front of each packet: length, stream, time,
// addresses.
const headSize = 2 + 2 + 8 + 18 + 18

// packet is one that was captured. Slices point into the chunk.
type packet struct {
	stream   int
	at       int64 // nanoseconds since the recording began
	from, to netip.AddrPort
	data     []byte
}

// put appends a packet; false: there is no room.
func (c *chunk) put(p *packet) bool {
	if len(c.b)+headSize+len(p.data) > cap(c.b) {
		return false
	}
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(len(p.data)))
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(p.stream))
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(p.at))
	c.b = appendAddr(c.b, p.from)
	c.b = appendAddr(c.b, p.to)
	c.b = append(c.b, p.data...)
	return true
}

// each calls f for every packet.
func (c *chunk) each(f func(*packet)) {
	var p packet
	for b := c.b; len(b) >= headSize; {
		n := headSize + int(binary.BigEndian.Uint16(b))
		p.stream = int(binary.BigEndian.Uint16(b[2:]))
		p.at = int64(binary.BigEndian.Uint64(b[4:]))
		p.from, p.to = readAddr(b[12:]), readAddr(b[30:])
		p.data = b[headSize:n]
		f(&p)
		b = b[n:]
	}
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As16()
	return binary.BigEndian.AppendUint16(append(b, ip[:]...), a.Port())
}

func readAddr(b []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[:16])).Unmap(), binary.BigEndian.Uint16(b[16:]))
}

// pool is the memory of all recordings.
type pool struct {
	mu   sync.Mutex
	free []*chunk
	left int // chunks that may still be made
}

func (p *pool) get() *chunk {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		c := p.free[n-1]
		p.free = p.free[:n-1]
		return c
	}
	if p.left == 0 {
		return nil
	}
	p.left--
	return &chunk{b: make([]byte, 0, chunkSize)}
}

func (p *pool) put(c *chunk) {
	c.b = c.b[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, c)
}
