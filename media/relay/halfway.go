package relay

import (
	"context"
	"time"
)

// halfway is how long sessions that are to be handed over wait for handshakes
// that are under way.
const halfway = time.Second

// awaitHandshakes lets DTLS handshakes end that a party has spoken in: half of
// one is nothing that another process could go on with. None begins any more;
// who wants to sends its first flight again, to that process.
func (r *Relay) awaitHandshakes(ctx context.Context) {
	r.noHandshakes.Store(true)
	ctx, cancel := context.WithTimeout(ctx, r.halfway)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.shaking() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *Relay) shaking() bool {
	for d := range r.associations {
		if d.run != nil && d.heard && !d.over {
			return true
		}
	}
	return false
}

// resumeHandshakes lets them begin again.
func (r *Relay) resumeHandshakes() {
	r.noHandshakes.Store(false)
	for d := range r.associations {
		d.begin()
	}
}

// associations are those of all sessions, each with its session locked.
func (r *Relay) associations(yield func(*association) bool) {
	for id := range r.List() {
		if s, err := r.lookup(id); err == nil && !s.associations(yield) {
			return
		}
	}
}

func (s *session) associations(yield func(*association) bool) bool {
	defer s.mu.Unlock()
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil || st.shield == nil {
				continue
			}
			for _, d := range []*association{st.shield.dtls, st.shield.control.dtls} {
				if d != nil && !yield(d) {
					return false
				}
			}
		}
	}
	return true
}
