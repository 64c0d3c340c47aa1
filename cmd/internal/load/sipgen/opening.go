package sipgen

import (
	"context"
	"fmt"
	"time"
)

// opened is the number of connections that are made before each has carried an
// operation: an edge may close those that say nothing for long.
const opened = 1000

// open makes the connections, each with one operation, and takes the figures of
// that.
func (r *Run) open(ctx context.Context, result *Result) error {
	before, err := r.usage()
	if err != nil {
		return err
	}
	share := r.cfg.Streams.Conns / len(r.lanes)
	for n := 0; n < share; {
		n = min(n+max(opened/len(r.lanes), 1), share)
		for i, l := range r.lanes {
			if err := l.streams.extend(ctx, n, i*share); err != nil {
				return err
			}
		}
		if err := r.greet(ctx, uint64(n*len(r.lanes))); err != nil {
			return err
		}
	}
	after, err := r.usage()
	if err != nil {
		return err
	}
	result.Opened, result.Opening = r.cfg.Streams.Conns, after.Sub(before)
	r.limit.Store(0)
	if r.cfg.Count > 0 {
		r.limit.Store(r.begun.Load() + r.cfg.Count)
	}
	return nil
}

// greet lets operations begin up to a total, one on each fresh connection, and
// waits for their ends.
func (r *Run) greet(ctx context.Context, total uint64) error {
	r.limit.Store(total)
	now := time.Now()
	if err := r.pace(ctx, now, now.Add(30*time.Second)); err != nil {
		return err
	}
	if r.begun.Load() < total {
		return fmt.Errorf("sipgen: only %d of %d connections took a message", r.begun.Load(), total)
	}
	return nil
}
