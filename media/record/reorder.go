package record

import (
	"slices"

	"github.com/class5-go/class5/media/rtpwire"
)

const (
	maxHeld  = 64        // packets that wait for an earlier one
	maxWait  = 200 * 1e6 // nanoseconds that they wait
	restarts = 1000      // a sequence number this far behind is a new beginning
)

// held is an RTP packet out of order.
type held struct {
	h       rtpwire.Header
	at      int64
	payload []byte
}

// reorder puts the packets of a source in the order of their sequence
// numbers.
type reorder struct {
	begun bool
	ssrc  uint32
	next  uint16
	wait  []held // by sequence number
	spare [][]byte
	late  uint64 // came too late, or twice
}

// push takes a packet and calls out for all that are in order now.
func (r *reorder) push(h rtpwire.Header, at int64, payload []byte, out func(*held)) {
	if !r.begun || h.SSRC != r.ssrc {
		r.flush(out)
		r.begun, r.ssrc, r.next = true, h.SSRC, h.Sequence
	}
	ahead := int16(h.Sequence - r.next)
	switch {
	case ahead < -restarts, ahead > restarts:
		r.flush(out)
		r.next = h.Sequence
	case ahead < 0:
		r.late++
		return
	}
	if h.Sequence == r.next {
		r.next++
		out(&held{h, at, payload})
	} else if !r.hold(h, at, payload) {
		r.late++
		return
	}
	r.release(at, out)
}

// hold keeps a copy; false: it is there already.
func (r *reorder) hold(h rtpwire.Header, at int64, payload []byte) bool {
	i, found := slices.BinarySearchFunc(r.wait, h.Sequence, func(p held, seq uint16) int { return int(int16(p.h.Sequence - seq)) })
	if found {
		return false
	}
	var b []byte
	if n := len(r.spare); n > 0 {
		b, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	r.wait = slices.Insert(r.wait, i, held{h, at, append(b[:0], payload...)})
	return true
}

// release gives out what has nothing missing in front of it, or has waited
// long enough.
func (r *reorder) release(now int64, out func(*held)) {
	n := 0
	for n < len(r.wait) {
		p := &r.wait[n]
		if p.h.Sequence != r.next && len(r.wait)-n <= maxHeld && !r.overdue(r.wait[n:], now) {
			break
		}
		r.next = p.h.Sequence + 1
		out(p)
		r.spare = append(r.spare, p.payload)
		n++
	}
	r.wait = slices.Delete(r.wait, 0, n)
}

func (r *reorder) overdue(wait []held, now int64) bool {
	for i := range wait {
		if now-wait[i].at > maxWait {
			return true
		}
	}
	return false
}

func (r *reorder) flush(out func(*held)) { r.release(1<<62, out) }
