package directory

import (
	"context"
	"sync"
)

// memo holds what was made of a row, and others of the database, by its id
// until a change. Of several who ask for one at once, one loads it.
type memo[T any] struct {
	most int // entries kept; 0 means all

	mu      sync.Mutex
	entries map[int64]*memoEntry[T]
	version uint64 // number of changes
}

type memoEntry[T any] struct {
	loading gate
	value   *T     // nil: not loaded, or changed since; guarded by memo.mu
	changed uint64 // version of the last change
}

func newMemo[T any](most int) memo[T] { return memo[T]{most: most, entries: map[int64]*memoEntry[T]{}} }

func (c *memo[T]) entry(id int64) (*memoEntry[T], *T, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		if c.most > 0 && len(c.entries) >= c.most {
			// Whoever is loading one keeps it for himself.
			c.entries = map[int64]*memoEntry[T]{}
		}
		e = &memoEntry[T]{loading: make(gate, 1), changed: c.version}
		c.entries[id] = e
	}
	return e, e.value, c.version
}

func (c *memo[T]) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	if e := c.entries[id]; e != nil {
		e.value, e.changed = nil, c.version
	}
}

func (c *memo[T]) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	for _, e := range c.entries {
		e.value, e.changed = nil, c.version
	}
}

func (c *memo[T]) get(ctx context.Context, id int64, load func(context.Context, int64) (*T, error)) (*T, error) {
	e, value, _ := c.entry(id)
	if value != nil {
		return value, nil
	}
	if err := e.loading.enter(ctx); err != nil {
		return nil, err
	}
	defer e.loading.leave()
	now, value, version := c.entry(id)
	if now == e && value != nil { // who was before us loaded it
		return value, nil
	}
	value, err := load(ctx, id)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.entries[id] != e: // thrown away meanwhile
	case err != nil:
		delete(c.entries, id) // ids that do not exist take no memory
	case e.changed <= version:
		e.value = value
	}
	return value, err
}

// gate is a lock that can be waited for under a context.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) leave() { <-g }
