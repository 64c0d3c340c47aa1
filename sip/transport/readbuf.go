package transport

import "sync"

// readBuf holds what was read from a stream and not yet cut into messages.
// Connections that wait have none.
type readBuf struct {
	b     []byte
	r, w  int // b[r:w] is to be cut
	class int
}

// bufClasses are the sizes; the last one takes the largest message with its
// WebSocket header and the beginning of another.
func bufClasses() [3]int { return [3]int{4 << 10, 16 << 10, maxMessage + 1 + 4<<10} }

// bufPool keeps read buffers by size.
type bufPool [3]sync.Pool

func (p *bufPool) get(class int) *readBuf {
	if b, ok := p[class].Get().(*readBuf); ok {
		return b
	}
	return &readBuf{b: make([]byte, bufClasses()[class]), class: class}
}

func (p *bufPool) put(b *readBuf) {
	b.r, b.w = 0, 0
	p[b.class].Put(b)
}

// grow moves what b holds into a larger buffer, if there is one.
func (p *bufPool) grow(b *readBuf) *readBuf {
	if b.class+1 == len(p) {
		return b
	}
	g := p.get(b.class + 1)
	g.w = copy(g.b, b.b[b.r:b.w])
	p.put(b)
	return g
}

// compact moves the unfinished rest to the front.
func (b *readBuf) compact() {
	if b.r > 0 {
		b.w = copy(b.b, b.b[b.r:b.w])
		b.r = 0
	}
}

func (b *readBuf) bytes() []byte { return b.b[b.r:b.w] }
func (b *readBuf) space() []byte { return b.b[b.w:] }
