package directory

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// TestFlights: who asks for the same meanwhile gets the same answer, who asks
// after a change asks anew, and a runner that gives up leaves the others to
// try for themselves.
func TestFlights(t *testing.T) {
	for name, c := range map[string]struct {
		second  mark
		giveUp  bool
		runs    int
		joined  bool
		goAgain bool
	}{
		"at the same time": {runs: 1, joined: true},
		"after a change":   {second: mark{seq: 1}, runs: 2},
		"after a creation": {second: mark{creation: 1}, runs: 2},
		"runner gives up":  {giveUp: true, runs: 1, goAgain: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := flights{running: map[key]*flight{}}
				k := key{"alice", "example.com"}
				first := &Profile{}
				release := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				runs := 0
				var wg sync.WaitGroup
				wg.Go(func() {
					_, _, _ = f.do(ctx, k, mark{}, func() (*Profile, error) {
						runs++
						<-release
						return first, ctx.Err()
					})
				})
				synctest.Wait()
				wg.Go(func() {
					p, err, again := f.do(t.Context(), k, c.second, func() (*Profile, error) {
						runs++
						return &Profile{}, nil
					})
					if (p == first) != c.joined || again != c.goAgain || !again && err != nil {
						t.Errorf("joined %v, again %v, %v", p == first, again, err)
					}
				})
				synctest.Wait()
				if c.giveUp {
					cancel()
				}
				close(release)
				wg.Wait()
				if runs != c.runs || len(f.running) != 0 {
					t.Errorf("%d loads, %d left running", runs, len(f.running))
				}
			})
		})
	}
}

func TestFlightsWaitUnderContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flights{running: map[key]*flight{}}
		release := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _, _ = f.do(t.Context(), key{}, mark{}, func() (*Profile, error) { <-release; return nil, ErrNotFound })
		})
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err, again := f.do(ctx, key{}, mark{}, func() (*Profile, error) { return nil, nil })
		if !errors.Is(err, context.Canceled) || again {
			t.Errorf("%v, again %v", err, again)
		}
		close(release)
		wg.Wait()
	})
}
