package relay

import "time"

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

// seals tells whether the session protects packets with keys of its own.
func (s *session) seals() bool {
	for _, l := range s.legs {
		for _, st := range l.streams {
			if st != nil && st.shield != nil && (st.shield.out != nil || st.shield.control.out != nil) {
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
