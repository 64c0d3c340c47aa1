package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver asks the DNS and remembers. Make it with [New], end it with Close.
type Resolver struct {
	cfg     Config
	sets    *table[setKey, *rrset]
	running chan struct{} // a place for each lookup under way
	dead    *Dead

	serving context.Context
	end     context.CancelFunc

	mu      sync.Mutex
	closed  bool
	wg      sync.WaitGroup
	flights map[setKey]*flight
	queries atomic.Uint64
}

// New makes a Resolver.
func New(cfg Config) (*Resolver, error) {
	if cfg.Exchange == nil {
		return nil, errors.New("resolve: a resolver needs an Exchanger")
	}
	cfg = cfg.withDefaults()
	for _, p := range cfg.Protocols {
		if int(p) >= len(services) || p == 0 {
			return nil, fmt.Errorf("%w: %v", ErrTransport, p)
		}
	}
	r := &Resolver{cfg: cfg, running: make(chan struct{}, cfg.Lookups), dead: NewDead(30 * time.Second), flights: make(map[setKey]*flight)}
	r.sets = newTable[setKey](cfg.RRsets, func(s *rrset) int64 { return s.used.Load() })
	r.serving, r.end = context.WithCancel(context.Background())
	return r, nil
}

// Close gives up what is under way and waits for its goroutines. A closed
// Resolver answers with ErrClosed.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.wg.Wait()
	return nil
}

// Queries returns how many queries were sent.
func (r *Resolver) Queries() uint64 { return r.queries.Load() }

// Dead is the list of failed targets that Targets goes by; the caller marks them.
func (r *Resolver) Dead() *Dead { return r.dead }

// Locate returns all that is known of q. When the answer is an error, Expires is
// still the time for which that holds.
func (r *Resolver) Locate(ctx context.Context, q Question) (Answer, error) {
	q, err := q.normal()
	if err != nil {
		return Answer{}, err
	}
	if t, ok := q.numeric(); ok {
		if err := r.allows(t); err != nil {
			return Answer{}, fmt.Errorf("%w: %v", err, t)
		}
		return Answer{Tiers: [][]Server{{{Targets: []Target{t}}}}, Expires: r.cfg.Now().Add(r.cfg.MaxTTL)}, nil
	}
	select {
	case r.running <- struct{}{}:
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	case <-r.serving.Done():
		return Answer{}, ErrClosed
	}
	defer func() { <-r.running }()
	return r.locate(ctx, q, 0)
}

// Targets returns the targets for q in the order to try them in: by priority,
// within one at random by weight, the dead ones last. A caller that gives each
// 3.5 s finds the second in time.
func (r *Resolver) Targets(ctx context.Context, q Question) ([]Target, error) {
	a, err := r.Locate(ctx, q)
	if err != nil {
		return nil, err
	}
	return a.order(r.cfg.Now(), r.cfg.Random(), r.dead), nil
}

// allows tells whether an address given as a number may be used.
func (r *Resolver) allows(t Target) error {
	switch {
	case !r.cfg.supports(t.Protocol), t.Addr.Addr().Is4() && r.cfg.NoIPv4, t.Addr.Addr().Is6() && r.cfg.NoIPv6:
		return ErrTransport
	case r.cfg.denies(t.Addr.Addr()):
		return ErrDenied
	}
	return nil
}

// try runs f on a goroutine of the Resolver if a lookup more may run.
func (r *Resolver) try(f func()) bool {
	select {
	case r.running <- struct{}{}:
	default:
		return false
	}
	if r.start(func() { defer func() { <-r.running }(); f() }) {
		return true
	}
	<-r.running
	return false
}

func (r *Resolver) start(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.wg.Go(f)
	return true
}
