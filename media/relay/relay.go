package relay

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
)

// Relay moves the media of many sessions. Make one with [New].
type Relay struct {
	cfg    Config
	log    *slog.Logger
	now    func() time.Time
	base   time.Time // arrival times are counted from here
	ifaces []*iface
	group  *udploop.Group
	events mailbox
	stats  totals

	mu       sync.RWMutex
	sessions map[string]*session
	closed   bool
}

// totals are written by loops and signalling alike.
type totals struct {
	packets, bytes, forwarded        atomic.Uint64
	created, mediaTimeouts, released atomic.Uint64
	dropped                          [drops]atomic.Uint64
}

// New checks the configuration. No socket is opened before the first offer.
func New(cfg Config, opts ...Option) (*Relay, error) {
	cfg.Interfaces = slices.Clone(cfg.Interfaces)
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now, sessions: map[string]*session{}}
	for _, o := range opts {
		o(r)
	}
	r.base = r.now()
	r.events.init(cfg.MaxSessions)
	pools := map[netip.Addr]*portPool{} // two names for one address share its ports
	for _, i := range cfg.Interfaces {
		if pools[i.Addr] == nil {
			pools[i.Addr] = newPortPool(cfg.PortMin, cfg.PortMax, cfg.Quarantine)
		}
		r.ifaces = append(r.ifaces, &iface{Interface: i, ports: pools[i.Addr]})
	}
	loops := cfg.Loops
	if loops <= 0 {
		loops = max(1, runtime.GOMAXPROCS(0)/2)
	}
	r.group = udploop.New(udploop.Config{Loops: loops, Linger: cfg.Linger, Now: r.now, Portable: cfg.portable})
	return r, nil
}

// Run moves packets and watches time-outs until ctx is done; then it ends all
// sessions, closes all sockets and returns when its goroutines have ended. A
// relay runs once.
func (r *Relay) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(ctx) })
	err := r.group.Run(ctx)
	if err != nil {
		r.log.Error("media loop failed", "err", err)
	}
	cancel()
	wg.Wait()
	r.close()
	return err
}

// watch looks at all sessions once a second.
func (r *Relay) watch(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			r.sweep(r.now())
		}
	}
}

// close refuses further offers and ends what is left.
func (r *Relay) close() {
	r.mu.Lock()
	r.closed = true
	left := slices.Collect(maps.Values(r.sessions))
	clear(r.sessions)
	r.mu.Unlock()
	for _, s := range left {
		s.mu.Lock()
		s.end(r.now())
		s.mu.Unlock()
	}
	r.events.close()
}

// denied tells whether an address may never be sent to.
func (r *Relay) denied(a netip.Addr) bool {
	for _, p := range r.cfg.Deny {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// lookup returns a session, locked.
func (r *Relay) lookup(callID string) (*session, error) {
	r.mu.RLock()
	s := r.sessions[callID]
	r.mu.RUnlock()
	if s == nil {
		return nil, ErrUnknownCall
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrUnknownCall
	}
	return s, nil
}

// open returns the session of that name, made if need be, locked.
func (r *Relay) open(callID string) (*session, error) {
	for {
		if s, err := r.lookup(callID); err == nil {
			return s, nil
		}
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, ErrClosed
		}
		if r.sessions[callID] != nil {
			r.mu.Unlock()
			continue // made or ending at this moment
		}
		if len(r.sessions) >= r.cfg.MaxSessions {
			r.mu.Unlock()
			return nil, ErrSessions
		}
		now := r.now()
		s := &session{r: r, id: callID, loop: r.group.Loop(), created: now, signalled: now, early: true}
		s.mu.Lock()
		r.sessions[callID] = s
		r.mu.Unlock()
		r.stats.created.Add(1)
		return s, nil
	}
}

// remove ends a session that the caller holds locked.
func (r *Relay) remove(s *session, now time.Time) {
	s.end(now)
	r.mu.Lock()
	if r.sessions[s.id] == s {
		delete(r.sessions, s.id)
	}
	r.mu.Unlock()
}

// pick chooses an interface by name, or by family.
func (r *Relay) pick(name string, family Family) (*iface, error) {
	for _, i := range r.ifaces {
		if name != "" && i.Name != name {
			continue
		}
		if family == AnyFamily || i.Addr.Is4() == (family == IPv4) {
			return i, nil
		}
	}
	return nil, ErrInterface
}

// Count is the number of sessions.
func (r *Relay) Count() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions)
}

// List iterates over the Call-IDs of all sessions at the time of the call, in
// no order.
func (r *Relay) List() iter.Seq[string] {
	r.mu.RLock()
	ids := slices.Collect(maps.Keys(r.sessions))
	r.mu.RUnlock()
	return slices.Values(ids)
}
