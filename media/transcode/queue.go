package transcode

import (
	"time"

	"github.com/class5-go/class5/media/rtpwire"
)

// queueSize is the number of packets held at most, a power of two.
const queueSize = 64

// queue holds packets that wait for their turn, by sequence number.
type queue struct {
	slots []slot
	count int
}

type slot struct {
	used    bool
	header  rtpwire.Header
	payload []byte // a copy
	at      time.Time
}

// put stores a packet at most queueSize-1 ahead of next; false: there is one.
func (q *queue) put(h rtpwire.Header, payload []byte, now time.Time) bool {
	if q.slots == nil {
		q.slots = make([]slot, queueSize)
	}
	s := &q.slots[h.Sequence%queueSize]
	if s.used {
		return false
	}
	*s = slot{used: true, header: h, payload: append(s.payload[:0], payload...), at: now}
	q.count++
	return true
}

// peek is the packet of that number.
func (q *queue) peek(seq uint16) *slot {
	if q.count == 0 {
		return nil
	}
	if s := &q.slots[seq%queueSize]; s.used && s.header.Sequence == seq {
		return s
	}
	return nil
}

// first is the packet of that number, or the next behind it.
func (q *queue) first(seq uint16) *slot {
	if q.count == 0 {
		return nil
	}
	for i := range uint16(queueSize) {
		if s := q.peek(seq + i); s != nil {
			return s
		}
	}
	return nil
}

// drop gives a slot back; its payload stays readable until the next put.
func (q *queue) drop(s *slot) {
	s.used = false
	q.count--
}

func (q *queue) clear() {
	for i := range q.slots {
		q.slots[i].used = false
	}
	q.count = 0
}
