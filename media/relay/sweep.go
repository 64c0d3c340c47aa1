package relay

import (
	"maps"
	"slices"
	"time"
)

// sweep finds the sessions whose time is over.
func (r *Relay) sweep(now time.Time) {
	r.sweeping.Lock()
	defer r.sweeping.Unlock()
	r.look(now)
	r.collect(now)
	r.mu.RLock()
	all := slices.Collect(maps.Values(r.sessions))
	r.mu.RUnlock()
	saved := all[:0]
	for _, s := range all {
		s.mu.Lock()
		if !s.closed {
			if s.still(now) {
				r.check(s, now)
				s.mu.Unlock()
				continue
			}
			s.second(now)
			if s.r.cfg.Store != nil && (s.revised() || s.dirty || s.outdated(now)) {
				s.save()
				saved = append(saved, s)
			}
			r.check(s, now)
		}
		s.mu.Unlock()
	}
	// What waited in the sockets of streams that the kernel has now is worked
	// off by this time: their figures in user space are final.
	for _, s := range saved {
		s.mu.Lock()
		if !s.closed && s.outdated(now) {
			s.save()
		}
		s.mu.Unlock()
	}
}

// glance is what a session was like when it was looked at.
type glance struct{ at, heard, signalled time.Time }

// stillFor is how long a session in which nothing happens is passed over.
const stillFor = 5 * time.Second

// still tells whether nothing was heard of or about a session since it was looked
// at not long ago: then there is nothing to do but to see whether its time is
// over. With thousands of silent calls the rest would be most of what a relay
// does whose packets the kernel forwards.
func (s *session) still(now time.Time) bool {
	g := glance{s.looked.at, s.heard, s.signalled}
	if s.looked == g && !s.dirty && s.made == nil && now.Sub(g.at) < stillFor {
		return true
	}
	g.at = now
	s.looked = g
	return false
}

// second takes the figures of the last second.
func (s *session) second(now time.Time) {
	var sounds MOSTotals
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			st.sendReport(now)
			st.offload(now)
			if !st.sampleQuality(now.Sub(s.r.base)) {
				continue
			}
			mos := float64(st.quality.last.mos)
			sounds.Samples++
			sounds.Sum += mos
			sounds.Squares += mos * mos
			if s.r.wants(QualitySample) {
				s.notify(Event{Kind: QualitySample, Tags: l.tags, Stream: st.index, Sample: st.quality.last.export(s.r.base), At: now})
			}
		}
	}
	s.r.heardLike(sounds)
}

// check applies the time-outs to one session, which is locked.
func (r *Relay) check(s *session, now time.Time) {
	last := s.signalled
	if s.heard.After(last) {
		last = s.heard
	}
	if !s.doomed.IsZero() {
		if !now.Before(s.doomed) {
			r.release(s, regular, now)
		}
		return
	}
	limit, how := r.cfg.MediaTimeout, unheard
	switch {
	case s.early:
		// Not answered, or early media only: that may be silent while it rings.
		if now.Sub(last) >= r.cfg.OfferTimeout {
			r.release(s, notTaken, now)
		}
		return
	case s.held:
		limit, how = r.cfg.HoldTimeout, heldLong
	}
	if !s.timedOut.IsZero() {
		switch {
		case last.After(s.timedOut):
			s.timedOut = time.Time{} // they speak again
		case now.Sub(s.timedOut) >= r.cfg.ReleaseDelay:
			r.release(s, how, now)
		}
		return
	}
	if now.Sub(last) >= limit {
		s.timedOut = now
		r.stats.mediaTimeouts.Add(1)
		s.notify(Event{Kind: MediaTimeout, Report: s.report(), At: now})
	}
}

func (r *Relay) release(s *session, how ending, now time.Time) {
	rep := s.report()
	r.account(s, how, now)
	rep.Ended = now
	r.remove(s, now)
	r.stats.released.Add(1)
	s.notify(Event{Kind: Released, Report: rep, At: now})
}
