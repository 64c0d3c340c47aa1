package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// A write has so many sessions and octets at most: the server works on nothing
	// else meanwhile.
	behindSessions = 128
	behindOctets   = 1 << 20
	// behindPatience is how long a process that begins waits for what the store
	// has, and one that ends for what it takes.
	behindPatience = 5 * time.Second
	// After a failure it is tried again after so long, doubled up to the second.
	behindPause, behindLongestPause = 50 * time.Millisecond, 2 * time.Second
)

// behind writes states to a Store, from one goroutine. What waits are names: a
// state is what a session is when its turn comes.
type behind struct {
	r     *Relay
	store Store
	wake  chan struct{}

	// turn is held for a write, so that who takes it knows that none is under way.
	turn sync.Mutex
	open bool // by this process, and nothing lost since

	mu      sync.Mutex
	queue   []string // names in the order in which they changed
	queued  map[string]bool
	writing int  // names taken out of queue that are not written yet
	limit   int  // of queue; above it, all is written
	whole   bool // all is to be written, and what is not here to be forgotten
	paused  bool
	over    bool // another process writes
	cancel  context.CancelFunc
	current time.Time // all was written that had changed until then
	failing error
}

func newBehind(r *Relay, store Store) *behind {
	return &behind{r: r, store: store, wake: make(chan struct{}, 1), queued: map[string]bool{}, limit: 2*r.cfg.MaxSessions + 1024, whole: true}
}

// changed notes that a session is not any more what was written, or has ended.
func (b *behind) changed(callID string) {
	b.mu.Lock()
	if !b.paused && !b.over && !b.queued[callID] {
		if len(b.queue) < b.limit {
			b.queue, b.queued[callID] = append(b.queue, callID), true
		} else {
			b.whole = true
		}
	}
	b.mu.Unlock()
	b.signal()
}

func (b *behind) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run writes until ctx is done.
func (b *behind) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	pause := behindPause
	for ctx.Err() == nil {
		err := b.work(ctx)
		if errors.Is(err, ErrStoreTaken) || ctx.Err() != nil {
			return
		}
		wait := b.wake
		if err != nil {
			wait = nil // it has to be left alone for a while
			tick.Reset(pause)
			pause = min(2*pause, behindLongestPause)
		} else if pause != behindPause {
			pause = behindPause
			tick.Reset(time.Second)
		}
		select {
		case <-ctx.Done():
		case <-wait:
		case <-tick.C:
		}
	}
}

// work writes what there is to write and confirms it.
func (b *behind) work(ctx context.Context) error {
	for {
		more, err := b.step(ctx)
		b.note(err)
		if err != nil || !more {
			return err
		}
	}
}

// note tells the log when writing begins to fail and when it works again.
func (b *behind) note(err error) {
	b.mu.Lock()
	before := b.failing
	b.failing = err
	b.over = b.over || errors.Is(err, ErrStoreTaken)
	b.mu.Unlock()
	switch {
	case err == nil && before != nil:
		b.r.log.Info("states of sessions are stored again")
	case err != nil:
		b.r.stats.storeErrors.Add(1)
		if before == nil || errors.Is(err, ErrStoreTaken) {
			b.r.log.Error("states of sessions are not stored", "error", err)
		}
	}
}

// step does one write; more tells whether another one is due at once.
func (b *behind) step(parent context.Context) (more bool, err error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	b.mu.Lock()
	idle := b.paused || b.over
	b.cancel, b.whole = cancel, b.whole || !b.open
	b.mu.Unlock()
	if idle {
		return false, nil
	}
	if !b.open {
		if err := timed(ctx, func(ctx context.Context) error { _, err := b.store.Open(ctx); return err }); err != nil {
			return false, err
		}
		b.open = true
	}
	if b.takeWhole() {
		return true, b.rewrite(ctx, func(*session) bool { return true }, func() {})
	}
	return b.write(ctx)
}

// timed gives a question to the store its time.
func timed(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return ask(ctx)
}

// takeWhole tells whether all is to be written.
func (b *behind) takeWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	whole := b.whole
	if b.whole = false; whole {
		b.queue = nil
		clear(b.queued)
	}
	return whole
}

// rewrite writes sessions and forgets what is kept of others. The caller has the
// turn. those are the ones to write: the others are kept as they are; came is called
// when some were written.
func (b *behind) rewrite(ctx context.Context, those func(*session) bool, came func()) (err error) {
	b.r.stats.storeRewrites.Add(1)
	defer func() {
		if err != nil {
			b.mu.Lock()
			b.whole = true
			b.mu.Unlock()
		}
	}()
	began := b.r.now()
	for ids := range slices.Chunk(b.sessions(those), behindSessions) {
		for len(ids) > 0 {
			changes := b.changes(ids)
			if err := b.apply(ctx, changes); err != nil {
				return err
			}
			ids = ids[len(changes):]
			came()
		}
	}
	if err := b.lost(b.store.Retain(ctx, b.r.has)); err != nil {
		return err
	}
	return b.confirm(ctx, began)
}

// sessions are the names of some.
func (b *behind) sessions(those func(*session) bool) (ids []string) {
	for id := range b.r.List() {
		if s, err := b.r.lookup(id); err == nil {
			if those(s) {
				ids = append(ids, id)
			}
			s.mu.Unlock()
		}
	}
	return ids
}

// write writes the first sessions of the queue.
func (b *behind) write(ctx context.Context) (more bool, err error) {
	began := b.r.now()
	b.mu.Lock()
	ids := slices.Clone(b.queue[:min(len(b.queue), behindSessions)])
	rest := len(b.queue) - len(ids)
	for _, id := range ids {
		delete(b.queued, id) // what changes from now on is written once more
	}
	b.queue, b.writing = b.queue[len(ids):], len(ids)
	b.mu.Unlock()
	changes := b.changes(ids)
	if len(changes) > 0 {
		err = b.apply(ctx, changes)
	}
	if err == nil {
		ids = ids[len(changes):]
	}
	b.back(ids)
	if err != nil {
		return false, err
	}
	if rest+len(ids) > 0 {
		return true, nil
	}
	return false, b.confirm(ctx, began)
}

// back puts sessions before the others again.
func (b *behind) back(ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.writing = 0; len(ids) == 0 {
		return
	}
	rest := b.queue
	b.queue = make([]string, 0, len(ids)+len(rest))
	for _, id := range ids {
		if !b.queued[id] {
			b.queue, b.queued[id] = append(b.queue, id), true
		}
	}
	b.queue = append(b.queue, rest...)
}

// changes are the present states of the first of some sessions.
func (b *behind) changes(ids []string) (list []Change) {
	size := 0
	for _, id := range ids {
		if size >= behindOctets {
			break
		}
		c := Change{CallID: id}
		if s, err := b.r.lookup(id); err == nil {
			if s.id == id { // or it is part of that one now
				s.stored, s.counted = b.r.now(), s.handled()
				if c.State, err = s.encode(); err != nil {
					b.r.log.Warn("state of a session not stored", "error", err)
				}
			}
			s.mu.Unlock()
		}
		size += len(c.State)
		list = append(list, c)
	}
	return list
}

func (b *behind) apply(ctx context.Context, changes []Change) error {
	return b.lost(timed(ctx, func(ctx context.Context) error { return b.store.Apply(ctx, changes) }))
}

// lost has all written again when the store is not what it was.
func (b *behind) lost(err error) error {
	if errors.Is(err, ErrStoreLost) {
		b.open = false
	}
	return err
}

// confirm says that all was current at a time, unless that was said not long
// ago.
func (b *behind) confirm(ctx context.Context, at time.Time) error {
	b.mu.Lock()
	due := at.Sub(b.current) >= time.Second || at.Before(b.current)
	b.mu.Unlock()
	if !due {
		return nil
	}
	err := b.lost(timed(ctx, func(ctx context.Context) error { return b.store.Confirm(ctx, max(b.r.now().Sub(at), 0)) }))
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.current = at
	b.mu.Unlock()
	return nil
}

// pause ends writing: when it returns nothing is under way.
func (b *behind) pause() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.paused = true
	if b.cancel != nil {
		b.cancel()
	}
	b.mu.Unlock()
	b.turn.Lock()
	b.turn.Unlock() //nolint:staticcheck // who had it is waited for
}

// resume goes on after pause. All is written: nobody noted what changed.
func (b *behind) resume() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.paused, b.whole = false, true
	b.mu.Unlock()
	b.signal()
}

// finish writes what is left at the end of the process, figures included.
func (b *behind) finish() {
	for id := range b.r.List() {
		if s, err := b.r.lookup(id); err == nil {
			if s.dirty || s.revised() || s.handled() != s.counted {
				b.changed(id)
			}
			s.mu.Unlock()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), behindPatience)
	defer cancel()
	_ = b.work(ctx) // is told to the log
}

// waiting is how many sessions wait to be written, and since when something may
// be missing.
func (b *behind) waiting() (n int, since time.Duration) {
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.current.IsZero() {
		since = max(b.r.now().Sub(b.current), 0)
	}
	return len(b.queue) + b.writing, since
}

// away tells whether the last write failed.
func (b *behind) away() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failing != nil
}

// has tells whether there is a session of that name.
func (r *Relay) has(callID string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sessions[callID] != nil
}
