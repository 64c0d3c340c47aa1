package transaction

import (
	"math/bits"
	"time"
)

// The wheel keeps deadlines in 6 levels of 64 slots; a slot of level n spans
// 64^n ticks of a millisecond, so that 2 years fit. Setting and stopping are
// constant time and allocate nothing, which matters because almost every
// timer of SIP is stopped or moved before it fires.
const (
	tick     = int64(1e6) // nanoseconds
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 6
	// One slot of the top level less than the whole ring, so that the farthest
	// deadline never lands in the slot that is current.
	maxHorizon = int64(slots-1) << (slotBits * (levels - 1)) // ticks
)

// expirer is what a deadline belongs to.
type expirer interface {
	expire(now time.Time)
}

// timer is one deadline in a wheel. The zero value is stopped.
type timer struct {
	next, prev *timer
	when       int64 // tick; meaningful while list is set
	list       *slot
	owner      expirer
}

// slot is a ring of timers around its own root.
type slot struct {
	head, tail *timer
	level, pos uint8
}

type wheel struct {
	elapsed  int64 // ticks; everything due up to here has fired
	count    int
	occupied [levels]uint64
	ring     [levels][slots]slot
}

func (w *wheel) init() {
	for l := range w.ring {
		for i := range w.ring[l] {
			w.ring[l][i].level, w.ring[l][i].pos = uint8(l), uint8(i)
		}
	}
}

// set arms t for the first tick at or after the time at (nanoseconds since
// the layer's base), wherever t stood before.
func (w *wheel) set(t *timer, at int64) {
	w.stop(t)
	when := (at + tick - 1) / tick
	// What is set for a moment that has passed waits for the next tick, so that
	// an owner that always re-arms for now cannot hold advance in its loop.
	when = min(max(when, w.elapsed+1), w.elapsed+maxHorizon)
	t.when = when
	w.insert(t)
	w.count++
}

func (w *wheel) insert(t *timer) {
	level := 0
	if diff := uint64(t.when ^ w.elapsed); diff >= slots {
		level = min((63-bits.LeadingZeros64(diff))/slotBits, levels-1)
	}
	pos := uint64(t.when) >> (slotBits * level) & (slots - 1)
	s := &w.ring[level][pos]
	t.list, t.next, t.prev = s, nil, s.tail
	if s.tail != nil {
		s.tail.next = t
	} else {
		s.head = t
	}
	s.tail = t
	w.occupied[level] |= 1 << pos
}

// stop disarms t; it does nothing when t is not armed.
func (w *wheel) stop(t *timer) {
	if t.list == nil {
		return
	}
	w.unlink(t)
	w.count--
}

func (w *wheel) unlink(t *timer) {
	s := t.list
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		s.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		s.tail = t.prev
	}
	if s.head == nil {
		w.occupied[s.level] &^= 1 << s.pos
	}
	t.list, t.next, t.prev = nil, nil, nil
}

// soonest is the slot that is due first and the tick at which it begins: the
// exact deadline on level 0, a lower bound above.
func (w *wheel) soonest() (*slot, int64, bool) {
	for level := range levels {
		if w.occupied[level] == 0 {
			continue
		}
		shift := slotBits * level
		now := uint64(w.elapsed) >> shift
		ahead := bits.TrailingZeros64(bits.RotateLeft64(w.occupied[level], -int(now&(slots-1))))
		begin := int64(now+uint64(ahead)) << shift
		return &w.ring[level][(now+uint64(ahead))&(slots-1)], begin, true
	}
	return nil, 0, false
}

// advance fires everything due up to at (now in nanoseconds since the base), in
// the order of deadlines. Timers armed by what it calls fire in the same run when
// they are due.
func (w *wheel) advance(at int64, now time.Time) {
	target := at / tick
	for {
		s, begin, ok := w.soonest()
		if !ok || begin > target {
			break
		}
		w.elapsed = max(w.elapsed, begin)
		for t := s.head; t != nil; t = s.head {
			if s.level == 0 {
				w.stop(t)
				t.owner.expire(now)
				continue
			}
			w.unlink(t)
			w.insert(t)
		}
	}
	w.elapsed = max(w.elapsed, target)
}
