package relay

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Remote].
var (
	// ErrStoreLost means that the store does not have what was written to it: it
	// was emptied, or went back to an earlier content. All has to be written again,
	// after another Open.
	ErrStoreLost = errors.New("relay: store lost what it was given")
	// ErrStoreTaken means that another process has opened the same states since.
	// Nothing is written over what it writes.
	ErrStoreTaken = errors.New("relay: another process keeps its sessions in the same place of the store")
)

// Remote is a [Store] that signalling does not wait for, as it is behind a
// network and may be away for a while. The relay writes to it behind its back, from
// one goroutine, in the order in which sessions change; a session that changes
// again before it is its turn is written once. When the store was away, or lost
// something, all that is current is written.
type Remote interface {
	Store
	// Open makes this process the one that writes: others get ErrStoreTaken from
	// now on. age is how long ago all that is kept was known to be current, as
	// Confirm said; negative: that is not known.
	Open(ctx context.Context) (age time.Duration, err error)
	// Apply writes changes in their order, all of them or none. Of one that failed
	// nobody knows which; nothing of it may come into effect after a later one.
	Apply(ctx context.Context, changes []Change) error
	// Confirm says that so long ago all was current that is kept now, and that
	// this process lives: the states of one that does not end by themselves.
	Confirm(ctx context.Context, ago time.Duration) error
	// Retain forgets all sessions but those that keep is true for.
	Retain(ctx context.Context, keep func(callID string) bool) error
}

// Change is a new state of a session, or its end.
type Change struct {
	CallID string
	State  []byte // empty: the session has ended
}

// ErrStale means that a state is not imported because it may be too old: see
// [Relay.Restore]. It wraps ErrState.
var ErrStale = staleError{}

type staleError struct{}

func (staleError) Error() string {
	return "relay: state of a session: an SRTP index might be used twice"
}
func (staleError) Unwrap() error { return ErrState }

// maxStoreAge is how long ago the states of a store may have been current for
// sessions that protect packets. A packet has 16 bits of its 48-bit index; the
// state must know the rest, which it does for 32,768 packets. An SSRC of 2,000
// packets a second sends so many in 16 s, of which storeInterval and the second
// of the next look are gone before a state is written.
const maxStoreAge = 10 * time.Second

// stale tells whether a state that was current so long ago, or nobody knows
// when, must not be gone on with.
func (st *State) stale(age time.Duration) bool {
	return (age < 0 || age > maxStoreAge) && st.seals()
}

// seals tells whether packets are protected with keys of the state.
func (st *State) seals() bool {
	for _, l := range st.Legs {
		for i := range l.Streams {
			if s := &l.Streams[i]; s.Out != nil || s.OutRTCP != nil {
				return true
			}
		}
	}
	return false
}

// numbersPerSecond is more than a coder, or digits that are put into a stream,
// send in a second.
const numbersPerSecond = 200

// skipped is how far numbers of the relay's own jump when a state is gone on
// with that was current so long ago: more than can have been sent since it was
// written.
func skipped(age time.Duration) uint16 {
	return uint16(numbersPerSecond * (min(age, maxStoreAge) + storeInterval + 2*time.Second) / time.Second)
}
