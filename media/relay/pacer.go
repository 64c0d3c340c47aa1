package relay

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// pacer runs what sessions have to do at a time of their own: connectivity
// checks, handshakes, playing. Sessions that only forward are not in it.
type pacer struct {
	mu       sync.Mutex
	sessions map[*session]struct{}
	wake     chan struct{}
}

// pace is how exact the times are.
const pace = 2 * time.Millisecond

func newPacer() *pacer {
	return &pacer{sessions: map[*session]struct{}{}, wake: make(chan struct{}, 1)}
}

// add makes the pacer look after a session.
func (p *pacer) add(s *session) {
	p.mu.Lock()
	p.sessions[s] = struct{}{}
	p.mu.Unlock()
	p.nudge()
}

func (p *pacer) remove(s *session) {
	p.mu.Lock()
	delete(p.sessions, s)
	p.mu.Unlock()
}

func (p *pacer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run serves the sessions until ctx is done.
func (p *pacer) run(ctx context.Context, r *Relay) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(p.round(r))
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// round runs the sessions whose time has come and returns the time until the
// next one.
func (p *pacer) round(r *Relay) time.Duration {
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.sessions))
	p.mu.Unlock()
	now, wait := r.now(), time.Second
	for _, s := range all {
		due := s.due.Load()
		if due == 0 {
			continue
		}
		if left := time.Duration(due) - now.Sub(r.base); left > 0 {
			wait = min(wait, left)
			continue
		}
		s.mu.Lock()
		if !s.closed {
			s.run(now)
		}
		s.mu.Unlock()
		if due := s.due.Load(); due != 0 {
			wait = min(wait, time.Duration(due)-now.Sub(r.base))
		}
	}
	return max(wait, pace)
}

// run does what is due. The session is locked.
func (s *session) run(now time.Time) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				st.run(now)
			}
		}
	}
	s.schedule()
}

func (s *stream) run(now time.Time) {
	if h := s.shield; h != nil && h.ice != nil {
		h.ice.run(now)
	}
	s.due(now)
	s.mixDue(now)
	s.lateDue(now)
	s.pressLate(now)
	for i := range s.routes {
		s.routes[i].goOn(s, now)
	}
	s.play(now)
	s.pierce(now)
}

// schedule computes when run has to be called next.
func (s *session) schedule() {
	var next time.Time
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			if d := st.deadline(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
				next = d
			}
		}
	}
	due := int64(0)
	if !next.IsZero() {
		due = max(int64(next.Sub(s.r.base)), 1)
	}
	if before := s.due.Swap(due); due != 0 && (before == 0 || due < before) {
		s.r.pacer.nudge()
	}
}

// wake makes run be called at a time, if it is not earlier already.
func (s *session) wake(at time.Time) {
	if at.IsZero() {
		return
	}
	due := max(int64(at.Sub(s.r.base)), 1)
	if before := s.due.Load(); before == 0 || due < before {
		s.due.Store(due)
		s.r.pacer.nudge()
	}
}

// deadline is when the stream has something to do; zero: not until something
// happens.
func (s *stream) deadline() (first time.Time) {
	add := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if h := s.shield; h != nil && h.ice != nil {
		add(h.ice.agent.Deadline())
	}
	if s.playing != nil {
		add(s.playing.due)
	}
	add(s.mixDeadline())
	add(s.piercing)
	add(s.nextPressed())
	if s.extra != nil {
		add(s.extra.late.next())
	}
	for i := range s.routes {
		if c := s.routes[i].coder; c != nil {
			add(c.Next())
		}
		if j := s.routes[i].inject; j != nil {
			add(j.due)
		}
	}
	return first
}
