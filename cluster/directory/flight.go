package directory

import (
	"context"
	"errors"
	"sync"
)

// flight is one load in progress.
type flight struct {
	mark    mark
	done    chan struct{}
	profile *Profile
	err     error
}

type flights struct {
	mu      sync.Mutex
	running map[key]*flight
}

// do runs fn for the first who asks for a key and gives its answer to those
// who ask meanwhile. Who comes after an invalidation does not join a load
// from before it: its answer may be what was invalidated. again means that
// the load ended with the context of its runner, not with an answer.
func (f *flights) do(ctx context.Context, k key, m mark, fn func() (*Profile, error)) (p *Profile, err error, again bool) {
	f.mu.Lock()
	if other := f.running[k]; other != nil && other.mark == m {
		f.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx), false
		}
		return other.profile, other.err, errors.Is(other.err, errAborted)
	}
	own := &flight{mark: m, done: make(chan struct{}), err: errAborted}
	f.running[k] = own
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		if f.running[k] == own {
			delete(f.running, k)
		}
		f.mu.Unlock()
		close(own.done)
	}()
	p, err = fn()
	if err == nil || ctx.Err() == nil {
		own.profile, own.err = p, err
	}
	return p, err, false
}

// errAborted is the outcome of a load whose runner gave up.
var errAborted = errors.New("directory: load given up")
