package relay

import (
	"maps"
	"slices"
	"time"
)

// sweep finds the sessions whose time is over.
func (r *Relay) sweep(now time.Time) {
	r.mu.RLock()
	all := slices.Collect(maps.Values(r.sessions))
	r.mu.RUnlock()
	for _, s := range all {
		s.mu.Lock()
		if !s.closed {
			r.check(s, now)
		}
		s.mu.Unlock()
	}
}

// check applies the time-outs to one session, which is locked.
func (r *Relay) check(s *session, now time.Time) {
	last := s.signalled
	if s.heard.After(last) {
		last = s.heard
	}
	limit := r.cfg.MediaTimeout
	switch {
	case s.early:
		// Not answered, or early media only: that may be silent while it rings.
		if now.Sub(last) >= r.cfg.OfferTimeout {
			r.release(s, now)
		}
		return
	case s.held:
		limit = r.cfg.HoldTimeout
	}
	if !s.timedOut.IsZero() {
		switch {
		case last.After(s.timedOut):
			s.timedOut = time.Time{} // they speak again
		case now.Sub(s.timedOut) >= r.cfg.ReleaseDelay:
			r.release(s, now)
		}
		return
	}
	if now.Sub(last) >= limit {
		s.timedOut = now
		r.stats.mediaTimeouts.Add(1)
		r.events.put(Event{Kind: MediaTimeout, CallID: s.id, Report: s.report()})
	}
}

func (r *Relay) release(s *session, now time.Time) {
	rep := s.report()
	rep.Ended = now
	r.remove(s, now)
	r.stats.released.Add(1)
	r.events.put(Event{Kind: Released, CallID: s.id, Report: rep})
}
