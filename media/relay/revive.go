package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// errSilent ends the wait for a store at the start.
var errSilent = fmt.Errorf("relay: the store does not answer within %v", behindPatience)

// restore imports what the store has. Before it returns what seals is written anew,
// with indices that jumped: another death may come at once. It has all the time that
// it needs as long as something comes of it.
func (b *behind) restore(parent context.Context) (n int, err error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	late := time.AfterFunc(behindPatience, func() { cancel(errSilent) })
	defer late.Stop()
	came := func() { late.Reset(behindPatience) }
	x := restoring{b: b, came: came, seen: map[string]bool{}}
	err = patiently(ctx, func(ctx context.Context) (err error) {
		x.age, err = b.store.Open(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	x.opened, b.open = time.Now(), true
	came()
	err = patiently(ctx, x.read)
	x.finish(context.WithoutCancel(ctx))
	b.r.stats.restored.Add(uint64(max(x.n, 0)))
	b.r.stats.unrestored.Add(uint64(x.lost.n))
	if err == nil {
		b.takeWhole()
		err = b.rewrite(ctx, func(s *session) bool { return s.seals() }, came)
	}
	return x.n, errors.Join(err, x.lost.err())
}

// restoring is the import of what a store has. States are read by one goroutine
// and imported by several.
type restoring struct {
	b      *behind
	came   func() // something did
	age    time.Duration
	opened time.Time
	seen   map[string]bool

	mu     sync.Mutex
	n      int
	lost   losses
	joined []Kept // sessions that others became part of: their turn is last
}

// read goes through the store. What was seen before a failure is not read again.
func (x *restoring) read(ctx context.Context) (err error) {
	states := make(chan Kept, 2*behindSessions)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for k := range states {
				x.take(context.WithoutCancel(ctx), k)
			}
		})
	}
	defer workers.Wait()
	defer close(states)
	for k, err := range x.b.store.All(ctx) {
		switch {
		case err != nil && !errors.Is(err, ErrState):
			return err
		case k.CallID != "" && x.seen[k.CallID]:
		case err != nil:
			x.note(0, err)
		default:
			states <- k
		}
		x.seen[k.CallID] = true
		x.came()
	}
	return nil
}

// take imports a state.
func (x *restoring) take(ctx context.Context, k Kept) {
	var st State
	if err := json.Unmarshal(k.State, &st); err != nil {
		x.note(0, fmt.Errorf("%w: not JSON of one", ErrState)) // the reason would quote it
		return
	}
	if len(st.Aliases) > 0 {
		x.mu.Lock()
		x.joined = append(x.joined, k)
		x.mu.Unlock()
		return
	}
	x.restore(ctx, k.CallID, &st)
}

// finish imports the sessions that others became part of: who died meanwhile left
// those too.
func (x *restoring) finish(ctx context.Context) {
	for _, k := range x.joined {
		var st State
		if err := json.Unmarshal(k.State, &st); err == nil { // as before
			x.restore(ctx, k.CallID, &st)
		}
	}
}

// restore goes on with a session. What it was when the store was opened is older by
// now.
func (x *restoring) restore(ctx context.Context, callID string, st *State) {
	age := x.age
	if age >= 0 {
		age += time.Since(x.opened)
	}
	x.note(x.b.r.restore(ctx, callID, st, age))
}

func (x *restoring) note(more int, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.n += more; err != nil {
		x.lost.add(err)
	}
	x.came()
}

// patiently tries again what a store that is away refuses.
func patiently(ctx context.Context, f func(context.Context) error) error {
	var before error // the last failure that was not the end of patience
	for {
		err := f(ctx)
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = context.Cause(ctx)
			if errors.Is(err, errSilent) && before != nil {
				err = before
			}
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		before = err
		select {
		case <-ctx.Done():
			return err
		case <-time.After(behindPause):
		}
	}
}
