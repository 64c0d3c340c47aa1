package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Errors of a [Store].
var (
	// ErrStoreLost means that the store does not have what was written to it: it
	// was emptied, or went back to an earlier content. All has to be written again,
	// after another Open.
	ErrStoreLost = errors.New("relay: store lost what it was given")
	// ErrStoreTaken means that another process has opened the same states since.
	// Nothing is written over what it writes.
	ErrStoreTaken = errors.New("relay: another process keeps its sessions in the same place of the store")
)

// Store keeps the states of sessions for the next process. Names are Call-IDs.
// Signalling does not wait for it, as it may be slow or away for a while: the
// relay writes to it behind its back, from one goroutine, in the order in which
// sessions change; a session that changes again before it is its turn is written
// once. When the store was away, or lost something, all that is current is
// written.
//
// Implementations are safe for concurrent use; what they are given holds keys,
// see [State]. Package storetest is what any of them must pass.
type Store interface {
	// Open makes this process the one that writes: others get ErrStoreTaken from
	// now on. age is how long ago all that is kept was known to be current, as
	// Confirm said; negative: that is not known.
	Open(ctx context.Context) (age time.Duration, err error)
	// Apply writes changes in their order, all of them or none. Of one that failed
	// nobody knows which; nothing of it may come into effect after a later one.
	Apply(ctx context.Context, changes []Change) error
	// Confirm says that so long ago all was current that is kept now, and that
	// this process lives: the states of one that does not may end by themselves.
	Confirm(ctx context.Context, ago time.Duration) error
	// Retain forgets all sessions but those that keep is true for.
	Retain(ctx context.Context, keep func(callID string) bool) error
	// All iterates over what is kept. In place of what is damaged there is an
	// error that wraps [ErrState], which ends nothing; any other one is the last.
	All(ctx context.Context) iter.Seq2[Kept, error]
}

// Change is a new state of a session, or its end.
type Change struct {
	CallID string
	State  []byte // empty: the session has ended
}

// Kept is a state in a [Store].
type Kept struct {
	CallID string
	State  []byte
}

const (
	// storeTimeout bounds a question to the store.
	storeTimeout = 2 * time.Second
	// maxState bounds a state that is written. That of a call with all that a
	// session may have is below a tenth of it.
	maxState = 4 << 20
)

// save has the state of a session written to the store soon, if there is one.
// The session is locked.
func (s *session) save() {
	s.dirty = false
	s.stored, s.counted = s.r.now(), s.handled()
	if s.r.behind != nil && !s.closed {
		s.r.behind.changed(s.id)
	}
}

// hurry is save for what the look of the next second would find out: the shorter a
// store does not know of an SSRC, the less often that is renamed after a death.
func (s *session) hurry() {
	if s.r.behind != nil {
		s.revised()
		s.save()
	}
}

// encode is the state of a session as it is stored.
func (s *session) encode() ([]byte, error) {
	st, err := s.export()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(st)
	if len(b) > maxState {
		return nil, fmt.Errorf("%w: %d octets", ErrState, len(b))
	}
	return b, err
}

// forget takes a session out of the store.
func (s *session) forget() {
	if s.r.behind != nil {
		s.r.behind.changed(s.id) // it will not be there
	}
}

// Restore imports what the store keeps. It is called before Run and returns
// how many sessions go on; the others are forgotten. The error tells how many
// those are, and why the first of them: ErrState, ErrStale or one of Offer's. Of
// a store that is away, it is the store's.
func (r *Relay) Restore(ctx context.Context) (n int, err error) {
	if r.behind == nil {
		return 0, nil
	}
	return r.behind.restore(ctx)
}

// restore imports a state that was current so long ago, and returns how many
// sessions more there are. A death while two were joined leaves the states of
// both and that of the one that they became, which has their ports.
func (r *Relay) restore(ctx context.Context, callID string, st *State, age time.Duration) (more int, err error) {
	if st.CallID != callID {
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
	if err := r.receive(ctx, st, nil, age); err != nil {
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
