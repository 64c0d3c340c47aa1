package capture

import "math/bits"

// spare are pieces of memory of messages that were given up, by size. A busy
// store is full: what comes takes the place of what goes, and nothing is left
// for the collector.
type spare struct {
	pieces [classes][][]byte
	bytes  int
	most   int // octets kept at most
	calls  []*call
}

const (
	classes  = 16
	smallest = 8   // the smallest pieces have 2^8 octets
	mostGone = 256 // calls kept at most
	mostList = 32  // messages that their lists have room for: most calls have fewer
)

// class is the number of the least size that n octets fit, and that size: powers
// of two, and one between each and the next.
func class(n int) (c, size int) {
	b := max(bits.Len(uint(max(n, 1)-1)), smallest) // 2^(b-1) < n <= 2^b
	c, size = 2*(b-smallest), 1<<b
	if three := size / 4 * 3; b > smallest && n <= three {
		c, size = c-1, three
	}
	return c, size
}

// take returns an empty piece with room for n octets.
func (s *spare) take(n int) []byte {
	c, size := class(n)
	if c >= classes {
		return make([]byte, 0, n)
	}
	if l := s.pieces[c]; len(l) > 0 {
		p := l[len(l)-1]
		l[len(l)-1] = nil
		s.pieces[c] = l[:len(l)-1]
		s.bytes -= size
		return p
	}
	return make([]byte, 0, size)
}

// keep takes a piece back.
func (s *spare) keep(p []byte) {
	c, size := class(cap(p))
	if c >= classes || cap(p) != size || s.bytes+size > s.most {
		return
	}
	s.pieces[c] = append(s.pieces[c], p[:0])
	s.bytes += size
}

// call returns a call without messages.
func (s *spare) call(id string) *call {
	n := len(s.calls) - 1
	if n < 0 {
		return &call{id: id}
	}
	c := s.calls[n]
	s.calls[n], s.calls = nil, s.calls[:n]
	c.id = id
	return c
}

// keepCall takes a call back, and the memory of its messages.
func (s *spare) keepCall(c *call) {
	for _, m := range c.messages {
		s.keep(m.Data)
	}
	if len(s.calls) < mostGone && cap(c.messages) <= mostList {
		clear(c.messages)
		*c = call{messages: c.messages[:0]}
		s.calls = append(s.calls, c)
	}
}
