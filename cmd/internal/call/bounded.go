package call

import (
	"context"
	"sync"
	"time"
)

// bounded is a context with a deadline whose timer starts when somebody waits
// for it. Most of what a core asks is answered from memory, where nobody does,
// and a timer made and stopped for each request was a twenty-fifth of a
// registration.
type bounded struct {
	until time.Time

	mu       sync.Mutex
	inner    context.Context // with the timer; nil: nobody waits
	stop     context.CancelFunc
	canceled bool
}

var _ context.Context = (*bounded)(nil)

// Deadline implements context.Context.
func (b *bounded) Deadline() (time.Time, bool) { return b.until, true }

// Done implements context.Context.
func (b *bounded) Done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inner == nil {
		b.inner, b.stop = context.WithDeadline(context.Background(), b.until)
		if b.canceled {
			b.stop()
		}
	}
	return b.inner.Done()
}

// Err implements context.Context.
func (b *bounded) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.inner != nil:
		return b.inner.Err()
	case b.canceled:
		return context.Canceled
	case !time.Now().Before(b.until):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context. What it knows is how package context finds
// the one with the timer, so that contexts made of this one need no goroutine.
func (b *bounded) Value(key any) any {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inner == nil {
		return nil
	}
	return b.inner.Value(key)
}

func (b *bounded) cancel() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.canceled = true; b.stop != nil {
		b.stop()
	}
}
