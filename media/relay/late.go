package relay

import (
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/rtpwire"
)

// maxLate is how many packets of a stream are held back at most: what a delay
// of MaxDelay needs at the usual 20 ms.
const maxLate = 512

// late holds packets of a party back for a time: the delay buffer.
type late struct {
	delay time.Duration // 0: nothing is held back
	ring  []latePacket
	first int
	count int
	room  []byte // for the one that leaves
}

type latePacket struct {
	b   []byte
	due time.Time
}

// hold takes a packet; it is copied. When there is no room for it the oldest
// leaves early.
func (s *stream) hold(b []byte, now time.Time, q sender) {
	l := &s.extra.late
	if l.ring == nil {
		l.ring = make([]latePacket, maxLate)
	}
	if l.count == maxLate {
		s.releaseLate(now, q)
	}
	p := &l.ring[(l.first+l.count)%maxLate]
	p.b, p.due = append(p.b[:0], b...), now.Add(l.delay)
	l.count++
	s.leg.session.wake(l.ring[l.first].due)
}

// releaseLate sends the oldest packet on its way.
func (s *stream) releaseLate(now time.Time, q sender) {
	l := &s.extra.late
	p := &l.ring[l.first]
	l.first, l.count = (l.first+1)%maxLate, l.count-1
	if l.room == nil {
		l.room = make([]byte, udploop.MaxPacket)
	}
	b := append(l.room[:0], p.b...)
	h, _, ok := rtpwire.ParseHeader(b)
	cause := DropMalformed
	if ok {
		cause, ok = s.deliver(h, b, now, q)
	}
	if !ok {
		s.lose(cause)
	}
}

// lateDue sends what was held back long enough; all of it, once nothing is to
// be held back any more.
func (s *stream) lateDue(now time.Time) {
	q := sender{session: s.leg.session}
	for s.extra != nil && s.extra.late.count > 0 {
		l := &s.extra.late
		if l.delay > 0 && l.ring[l.first].due.After(now) {
			return
		}
		s.releaseLate(now, q)
	}
}

// next is when a packet is due; zero: there is none.
func (l *late) next() time.Time {
	if l.count == 0 {
		return time.Time{}
	}
	return l.ring[l.first].due
}

// delays makes the delay of the leg that of the stream.
func (s *stream) delays() {
	if d := s.leg.delay; d > 0 && s.rtp && s.kind == "audio" {
		s.ask().late.delay = d
		s.leg.session.r.pacer.add(s.leg.session)
	} else if s.extra != nil {
		s.extra.late.delay = 0
		s.lateDue(s.leg.session.r.now())
	}
}
