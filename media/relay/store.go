package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Store keeps the states of sessions for the next process, or for another
// node. Names are Call-IDs. Implementations are safe for concurrent use; what
// they are given holds keys, see [State].
type Store interface {
	// Save keeps the state of a session, in place of the one before.
	Save(ctx context.Context, callID string, state []byte) error
	// Delete forgets a session; it may be unknown.
	Delete(ctx context.Context, callID string) error
	// All iterates over what is kept.
	All(ctx context.Context) iter.Seq2[string, []byte]
}

// storeTimeout bounds a write of the store: signalling waits for it.
const storeTimeout = 2 * time.Second

// save writes a session to the store, if there is one. The session is locked:
// the store sees its states in order.
func (s *session) save() {
	s.dirty = false
	s.stored, s.counted = s.r.now(), s.handled()
	if s.r.cfg.Store == nil || s.closed {
		return
	}
	st, err := s.export()
	var b []byte
	if err == nil {
		b, err = json.Marshal(st)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		defer cancel()
		err = s.r.cfg.Store.Save(ctx, s.id, b)
	}
	if err != nil {
		s.r.stats.storeErrors.Add(1)
		s.r.log.Warn("state of a session not stored", "error", err)
	}
}

// forget takes a session out of the store.
func (s *session) forget() {
	if s.r.cfg.Store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := s.r.cfg.Store.Delete(ctx, s.id); err != nil {
		s.r.stats.storeErrors.Add(1)
		s.r.log.Warn("state of an ended session not removed", "error", err)
	}
}

// Restore imports what the store keeps. It is called before Run and returns
// how many sessions go on; the others are forgotten, their errors joined.
func (r *Relay) Restore(ctx context.Context) (n int, err error) {
	if r.cfg.Store == nil {
		return 0, nil
	}
	var errs []error
	for callID, b := range r.cfg.Store.All(ctx) {
		var st State
		if e := json.Unmarshal(b, &st); e != nil {
			errs = append(errs, fmt.Errorf("%w: %w", ErrState, e))
		} else if e := r.Import(ctx, st); e != nil {
			errs = append(errs, e)
		} else {
			n++
			continue
		}
		if e := r.cfg.Store.Delete(ctx, callID); e != nil {
			errs = append(errs, e)
		}
	}
	return n, errors.Join(errs...)
}

// storeInterval is how old stored figures of streams in user space may become.
const storeInterval = 5 * time.Second

// outdated tells whether figures are to be stored again. Those of streams that
// the kernel forwards are complete without what it has counted, so their last
// packets in user space are stored with the next second.
func (s *session) outdated(now time.Time) bool {
	if s.handled() == s.counted {
		return false
	}
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.rtp && !st.off && (st.kernel == nil || !st.kernel.active) {
				return now.Sub(s.stored) >= storeInterval
			}
		}
	}
	return true
}

// handled is the number of packets that user space has seen.
func (s *session) handled() (n uint64) {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil {
				n += st.received.Snapshot().Packets + st.otherIn.packets + st.rtcpIn.packets
				if st.kernel != nil {
					n += st.kernel.seen.packets
				}
				for _, d := range st.dropped {
					n += d
				}
			}
		}
	}
	return n
}

// revised tells whether an index of SRTP moved in a way that the next process
// must know of, or an address was learned.
func (s *session) revised() bool {
	sum := uint64(0)
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st == nil {
				continue
			}
			if st.media.latch.Locked() {
				sum++
			}
			if st.kernel != nil {
				sum++
			}
			if h := st.shield; h != nil {
				if h.in != nil {
					sum += 7 * h.in.Revision()
				}
				if h.out != nil {
					sum += 7 * h.out.Revision()
				}
				if h.control.out != nil {
					sum += 7 * h.control.out.Revision()
				}
			}
		}
	}
	changed := sum != s.revision
	s.revision = sum
	return changed
}
