package relay

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// Relay moves the media of many sessions. Make one with [New].
type Relay struct {
	cfg      Config
	log      *slog.Logger
	now      func() time.Time
	base     time.Time // arrival times are counted from here
	ifaces   *interfaces
	group    *udploop.Group
	events   mailbox
	stats    totals
	engine   *bridge.Engine
	pacer    *pacer
	digitLog digitLog
	flows    flowTable
	behind   *behind // nil: there is no store
	cert     dtlssrtp.Certificate
	tasks    sync.WaitGroup // what sessions left behind to end
	// noHandshakes: sessions are about to go to another process.
	noHandshakes atomic.Bool
	halfway      time.Duration             // how long those under way are waited for
	deny         func(netip.AddrPort) bool // denied, made once
	sweeping     sync.Mutex                // held for a look at all sessions
	// watched has a bit for every kind of event that is delivered.
	watched uint32

	joining  sync.Mutex // held before the locks of two sessions are taken
	mu       sync.RWMutex
	sessions map[string]*session
	aliases  map[string]*session // further names of joined sessions
	sources  map[netip.Addr]int  // sessions by who began them
	strain   strain
	closed   bool

	tallying sync.Mutex
	tally    Endings   // of sessions that have ended
	sounded  MOSTotals // of all streams
}

// totals are written by loops and signalling alike.
type totals struct {
	packets, bytes, forwarded        atomic.Uint64
	kernel                           atomic.Uint64 // of forwarded
	kernelBytes                      atomic.Uint64 // of bytes
	rejected                         atomic.Uint64
	created, mediaTimeouts, released atomic.Uint64
	storeErrors, storeRewrites       atomic.Uint64
	restored, unrestored             atomic.Uint64
	transcoded                       atomic.Uint64
	handshakes, handshakesFailed     atomic.Uint64
	dropped                          [drops]atomic.Uint64
}

// New checks the configuration. No socket is opened before the first offer.
func New(cfg Config, opts ...Option) (*Relay, error) {
	cfg.Interfaces = slices.Clone(cfg.Interfaces)
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now, halfway: halfway, sessions: map[string]*session{}, aliases: map[string]*session{}, sources: map[netip.Addr]int{}}
	for _, o := range opts {
		o(r)
	}
	r.base = r.now()
	r.events.init(cfg.MaxSessions)
	r.pacer, r.deny, r.digitLog = newPacer(), r.denied, newDigitLog()
	for _, k := range cfg.Events {
		r.watched |= 1 << k
	}
	var err error
	if cfg.Certificate != nil {
		r.cert = *cfg.Certificate
	} else {
		if r.cert, err = dtlssrtp.GenerateCertificate(r.base, certificateLife); err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
	}
	if r.engine, err = bridge.New(bridge.Config{MaxLegs: cfg.MaxLegs, Software: cfg.Software, Can: r.can, Fingerprint: r.fingerprint}); err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	if cfg.Store != nil {
		r.behind = newBehind(r, cfg.Store)
	}
	r.ifaces = newInterfaces(&cfg)
	loops := cfg.Loops
	if loops <= 0 {
		loops = max(1, runtime.GOMAXPROCS(0)/2)
	}
	r.group = udploop.New(udploop.Config{Loops: loops, Linger: cfg.Linger, Now: r.now, Portable: cfg.portable, FreeBind: cfg.FreeBind})
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
	wg.Go(func() { r.pacer.run(ctx, r) })
	wg.Go(func() { r.digitLog.run(ctx, r) })
	if r.behind != nil {
		wg.Go(func() { r.behind.run(ctx) })
	}
	err := r.group.Run(ctx)
	if err != nil {
		r.log.Error("media loop failed", "err", err)
	}
	cancel()
	wg.Wait()
	if r.behind != nil {
		r.behind.finish()
	}
	r.close()
	r.tasks.Wait()
	return err
}

// certificateLife is how long a certificate that a relay makes for itself is
// valid. Peers know it by its fingerprint and do not look at dates.
const certificateLife = 10 * 365 * 24 * time.Hour

// fingerprint tells the offer/answer engine what stands in a=fingerprint.
func (r *Relay) fingerprint(hash string) (string, bool) {
	f, err := r.cert.Fingerprint(hash)
	if err != nil {
		return "", false
	}
	_, value, _ := strings.Cut(f.String(), " ")
	return value, true
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
	clear(r.aliases)
	r.mu.Unlock()
	for _, s := range left {
		s.mu.Lock()
		s.end(r.now())
		s.mu.Unlock()
	}
	r.events.close()
}

// denied tells whether an address may never be sent to.
func (r *Relay) denied(a netip.AddrPort) bool {
	for _, p := range r.cfg.Deny {
		if p.Contains(a.Addr()) {
			return true
		}
	}
	return slices.Contains(r.cfg.Control, a)
}

// lookup returns a session, locked.
func (r *Relay) lookup(callID string) (*session, error) {
	for before := (*session)(nil); ; {
		r.mu.RLock()
		s := r.named(callID)
		r.mu.RUnlock()
		if s == nil || s == before {
			return nil, ErrUnknownCall
		}
		s.mu.Lock()
		if !s.closed {
			return s, nil
		}
		s.mu.Unlock()
		before = s // it has ended, or is part of another one now
	}
}

// open returns the session of that name, made if need be, locked.
func (r *Relay) open(callID string, source netip.Addr) (*session, error) {
	if err := short(callID); err != nil {
		return nil, err
	}
	for {
		if s, err := r.lookup(callID); err == nil {
			return s, nil
		}
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, ErrClosed
		}
		if r.named(callID) != nil {
			r.mu.Unlock()
			continue // made or ending at this moment
		}
		if err := r.refuse(source); err != nil {
			r.stats.rejected.Add(1)
			r.mu.Unlock()
			return nil, err
		}
		r.sources[source]++
		now := r.now()
		s := &session{r: r, id: callID, loop: r.group.Loop(), bridge: r.engine.Session(), created: now, signalled: now,
			source: source, early: true}
		s.mu.Lock()
		r.sessions[callID] = s
		r.mu.Unlock()
		r.stats.created.Add(1)
		return s, nil
	}
}

// remove ends a session that the caller holds locked.
func (r *Relay) remove(s *session, now time.Time) {
	s.forget()
	r.discard(s, now)
}

// discard is remove without a word to the store.
func (r *Relay) discard(s *session, now time.Time) {
	s.end(now)
	r.mu.Lock()
	if r.sessions[s.id] == s {
		delete(r.sessions, s.id)
		if r.sources[s.source]--; r.sources[s.source] <= 0 {
			delete(r.sources, s.source)
		}
	}
	r.unname(s)
	r.mu.Unlock()
}

// unname forgets the further names of a session. The caller holds mu.
func (r *Relay) unname(s *session) {
	for _, name := range s.aliases {
		if r.aliases[name] == s {
			delete(r.aliases, name)
		}
	}
}

// Count is the number of sessions.
func (r *Relay) Count() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions)
}

// List iterates over the Call-IDs of all sessions at the time of the call, in
// no order. One that was joined of several has its first one there.
func (r *Relay) List() iter.Seq[string] {
	r.mu.RLock()
	ids := slices.Collect(maps.Keys(r.sessions))
	r.mu.RUnlock()
	return slices.Values(ids)
}

// longest is the most octets of an identifier, which stays with its session.
const longest = 2048

func short(identifiers ...string) error {
	for _, id := range identifiers {
		if len(id) > longest {
			return fmt.Errorf("%w: a Call-ID, tag, branch or label of %d octets", ErrMismatch, len(id))
		}
	}
	return nil
}
