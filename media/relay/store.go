package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// Store keeps the states of sessions for the next process. Names are Call-IDs.
// Implementations are safe for concurrent use; what they are given holds keys,
// see [State]. Package storetest is what any of them must pass.
type Store interface {
	// Save keeps the state of a session, in place of the one before.
	Save(ctx context.Context, callID string, state []byte) error
	// Delete forgets a session; it may be unknown.
	Delete(ctx context.Context, callID string) error
	// All iterates over what is kept. In place of what is damaged there is an
	// error that wraps [ErrState], which ends nothing; any other one is the last.
	All(ctx context.Context) iter.Seq2[Kept, error]
}

// Kept is a state in a [Store].
type Kept struct {
	CallID string
	State  []byte
}

// storeTimeout bounds a write of the store: of a Store, signalling waits for it.
const storeTimeout = 2 * time.Second

// save has the state of a session written to the store, if there is one: now,
// or, to a [Remote], soon. The session is locked: a store sees its states in
// order.
func (s *session) save() {
	s.dirty = false
	s.stored, s.counted = s.r.now(), s.handled()
	if s.r.cfg.Store == nil || s.closed {
		return
	}
	if s.r.behind != nil {
		s.r.behind.changed(s.id)
		return
	}
	b, err := s.encode()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err == nil {
		err = s.r.cfg.Store.Save(ctx, s.id, b)
	}
	if err != nil {
		// A state that is out of date is worse than none: see maxStoreAge.
		err = errors.Join(err, s.r.cfg.Store.Delete(ctx, s.id))
		s.r.stats.storeErrors.Add(1)
		s.r.log.Warn("state of a session not stored", "error", err)
	}
}

// encode is the state of a session as it is stored.
func (s *session) encode() ([]byte, error) {
	st, err := s.export()
	if err != nil {
		return nil, err
	}
	return json.Marshal(st)
}

// forget takes a session out of the store.
func (s *session) forget() {
	if s.r.cfg.Store == nil {
		return
	}
	if s.r.behind != nil {
		s.r.behind.changed(s.id) // it will not be there
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
// how many sessions go on; the others are forgotten. The error tells how many
// those are, and why the first of them: ErrState, ErrStale or one of Offer's. Of
// a store that is away, it is the store's.
func (r *Relay) Restore(ctx context.Context) (n int, err error) {
	switch {
	case r.cfg.Store == nil:
		return 0, nil
	case r.behind != nil:
		return r.behind.restore(ctx)
	}
	var lost losses
	for k, err := range r.cfg.Store.All(ctx) {
		more := 0
		if err == nil {
			more, err = r.restore(ctx, k, 0)
		}
		if n += more; err == nil {
			continue
		}
		if lost.add(err); k.CallID != "" {
			if err := r.cfg.Store.Delete(ctx, k.CallID); err != nil {
				return n, errors.Join(err, lost.err())
			}
		}
	}
	for _, name := range r.joinedNames() {
		if err := r.cfg.Store.Delete(ctx, name); err != nil {
			return n, errors.Join(err, lost.err())
		}
	}
	r.stats.restored.Add(uint64(n))
	r.stats.unrestored.Add(uint64(lost.n))
	return n, lost.err()
}

// restore imports a state that was current so long ago, and returns how many
// sessions more there are. A death while two were joined leaves the states of
// both and that of the one that they became, which has their ports.
func (r *Relay) restore(ctx context.Context, k Kept, age time.Duration) (more int, err error) {
	var st State
	if err := json.Unmarshal(k.State, &st); err != nil {
		return 0, fmt.Errorf("%w: not JSON of one", ErrState) // the reason would quote it
	}
	if st.CallID != k.CallID {
		return 0, fmt.Errorf("%w: of another call", ErrState)
	}
	for _, name := range st.Aliases {
		if s, err := r.lookup(name); err == nil {
			if s.id == name {
				r.discard(s, r.now())
				more--
			}
			s.mu.Unlock()
		}
	}
	if r.isJoined(st.CallID) {
		return more, nil
	}
	if err := r.receive(ctx, &st, nil, age); err != nil {
		return more, err
	}
	return more + 1, nil
}

// isJoined tells whether a name is a further one of a session.
func (r *Relay) isJoined(callID string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.aliases[callID] != nil
}

func (r *Relay) joinedNames() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Keys(r.aliases))
}

// losses are the states that were not taken over.
type losses struct {
	n     int
	first error
}

func (l *losses) add(err error) {
	if l.n++; l.first == nil {
		l.first = err
	}
}

func (l *losses) err() error {
	if l.n == 0 {
		return nil
	}
	return fmt.Errorf("relay: %d states not taken over, the first: %w", l.n, l.first)
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
			for i := range st.routes {
				sum += 7 * uint64(st.routes[i].shift)
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
