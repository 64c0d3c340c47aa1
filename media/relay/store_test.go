package relay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// fakeStore is a store in memory that can be away and lose things. The zero
// value works, but for its clock.
type fakeStore struct {
	now func() time.Time

	mu      sync.Mutex
	away    bool
	stuck   chan struct{} // writes wait for it
	states  map[string]string
	owner   int
	opened  bool
	lost    bool
	current time.Time
	began   bool
	writes  int
	applied [][]relay.Change
}

var errAway = errors.New("away")

func (f *fakeStore) locked(ctx context.Context, do func() error) error {
	f.mu.Lock()
	stuck := f.stuck
	f.mu.Unlock()
	if stuck != nil {
		select {
		case <-stuck:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return errAway
	}
	return do()
}

func (f *fakeStore) Open(ctx context.Context) (age time.Duration, err error) {
	err = f.locked(ctx, func() error {
		age = -1
		if !f.began && !f.current.IsZero() {
			age = f.now().Sub(f.current)
		}
		f.owner++
		f.opened, f.began, f.lost = true, true, false
		if f.states == nil {
			f.states = map[string]string{}
		}
		return nil
	})
	return age, err
}

func (f *fakeStore) Apply(ctx context.Context, changes []relay.Change) error {
	return f.locked(ctx, func() error {
		if f.lost || !f.opened {
			return relay.ErrStoreLost
		}
		f.writes++
		f.applied = append(f.applied, changes)
		for _, c := range changes {
			if len(c.State) == 0 {
				delete(f.states, c.CallID)
			} else {
				f.states[c.CallID] = string(c.State)
			}
		}
		return nil
	})
}

func (f *fakeStore) Confirm(ctx context.Context, ago time.Duration) error {
	return f.locked(ctx, func() error {
		if f.lost {
			return relay.ErrStoreLost
		}
		f.current, f.began = f.now().Add(-ago), false
		return nil
	})
}

func (f *fakeStore) Retain(ctx context.Context, keep func(string) bool) error {
	return f.locked(ctx, func() error {
		maps.DeleteFunc(f.states, func(id, _ string) bool { return !keep(id) })
		return nil
	})
}

func (f *fakeStore) All(ctx context.Context) iter.Seq2[relay.Kept, error] {
	return func(yield func(relay.Kept, error) bool) {
		var all map[string]string
		if err := f.locked(ctx, func() error { all = maps.Clone(f.states); return nil }); err != nil {
			yield(relay.Kept{}, err)
			return
		}
		for id, state := range all {
			if !yield(relay.Kept{CallID: id, State: []byte(state)}, nil) {
				return
			}
		}
	}
}

// set changes what the store does.
func (f *fakeStore) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeStore) has(ids ...string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		if f.states[id] == "" {
			return false
		}
	}
	return len(f.states) == len(ids)
}

// called is a call of two parties under a name.
func (g *rig) called(id string) (a, b *party) {
	g.Helper()
	a, b = g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	out, err := g.Offer(g.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: a.sdp()})
	if err != nil {
		g.Fatal(err)
	}
	b.heard(out)
	if out, err = g.Answer(g.Context(), relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: b.sdp()}); err != nil {
		g.Fatal(err)
	}
	a.heard(out)
	return a, b
}

// refusing is a store that refuses some times, and does not answer then.
type refusing struct {
	fakeStore

	times int
}

func (f *refusing) Open(ctx context.Context) (time.Duration, error) {
	if f.times--; f.times >= 0 {
		return 0, errAway
	}
	<-ctx.Done()
	return 0, fmt.Errorf("of the store: %w", ctx.Err())
}

// TestRestoreAway: why nothing could be taken over says what the store said, or
// that it said nothing, not that the wait was ended.
func TestRestoreAway(t *testing.T) {
	for times, want := range []string{"relay: the store does not answer within 5s", "away", "away"} {
		synctest.Test(t, func(t *testing.T) {
			r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}, Store: &refusing{times: times}})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.Restore(t.Context()); n != 0 || err == nil || err.Error() != want {
				t.Errorf("%d, %v, want %q", n, err, want)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := r.Restore(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		})
	}
}

// TestBehind: signalling does not wait for a store that is stuck or away; when
// it is back, what is current is there and what has ended is not; so it is when
// it has lost everything.
func TestBehind(t *testing.T) {
	known := make(chan struct{})
	f := &fakeStore{stuck: known} // the relay begins to write before its clock is known here
	g := newRig(t, func(c *relay.Config) { c.Store = f })
	f.now = g.clock.now
	close(known)
	end := func(id string) {
		t.Helper()
		if _, err := g.Delete(t.Context(), relay.DeleteRequest{CallID: id}); err != nil {
			t.Fatal(err)
		}
	}
	g.called("1")
	g.called("2")
	g.eventually("both are kept", func() bool { return f.has("1", "2") })

	stuck := make(chan struct{})
	f.set(func() { f.stuck = stuck })
	began := time.Now()
	g.called("3")
	end("1")
	if d := time.Since(began); d > time.Second {
		t.Errorf("signalling waited for %v", d)
	}
	g.eventually("something waits", func() bool { return g.Totals().StoreWaiting > 0 })
	f.set(func() { f.stuck = nil; close(stuck) })
	g.eventually("2 and 3 are kept", func() bool { return f.has("2", "3") })

	f.set(func() { f.away = true })
	g.called("4")
	end("2")
	g.called("5")
	end("5")
	g.eventually("failures are counted", func() bool { return g.Totals().StoreErrors > 0 })
	f.set(func() { f.away = false })
	g.eventually("3 and 4 are kept", func() bool { return f.has("3", "4") })

	rewrites := g.Totals().StoreRewrites
	f.set(func() { f.lost, f.states = true, map[string]string{"old": "{}"} })
	g.clock.advance(2 * time.Second)
	g.eventually("all is written again", func() bool { return f.has("3", "4") })
	g.eventually("and confirmed", func() bool { return g.Totals().StoreWaiting == 0 && g.Totals().StoreLag < time.Second })
	if n := g.Totals().StoreRewrites; n != rewrites+1 {
		t.Errorf("%d rewrites, %d before", n, rewrites)
	}
}
