package transcode

import (
	"iter"

	"github.com/class5-go/class5/media/dtmf"
	"github.com/class5-go/class5/media/rtpwire"
)

// TailRoom is the spare capacity behind each packet of Packets, for an SRTP
// tag.
const TailRoom = 32

// Packets collects what is to be sent, and the digits that were heard. It
// belongs to the caller, who uses one for many streams and empties it after
// sending. The zero value is ready.
type Packets struct {
	// Digits are in order; each begins and ends once.
	Digits []dtmf.Digit

	buf   []byte
	spans []span
}

type span struct{ from, to int }

// Reset empties it and keeps the memory.
func (p *Packets) Reset() { p.buf, p.spans, p.Digits = p.buf[:0], p.spans[:0], p.Digits[:0] }

// Len is the number of packets.
func (p *Packets) Len() int { return len(p.spans) }

// At is the i-th packet, valid until Reset. It may be changed in place, and
// has TailRoom octets of capacity behind it.
func (p *Packets) At(i int) []byte {
	s := p.spans[i]
	return p.buf[s.from : s.to : s.to+TailRoom]
}

// All iterates over the packets.
func (p *Packets) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range p.spans {
			if !yield(p.At(i)) {
				return
			}
		}
	}
}

// begin writes a header; what is appended to the result is the payload.
func (p *Packets) begin(h rtpwire.Header) []byte { return h.Append(p.buf) }

// end takes what begin gave, with the payload.
func (p *Packets) end(b []byte) {
	from := 0
	if n := len(p.spans); n > 0 {
		from = p.spans[n-1].to + TailRoom
	}
	p.spans = append(p.spans, span{from, len(b)})
	var room [TailRoom]byte
	p.buf = append(b, room[:]...)
}
