package play

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
)

// Errors of the endpoint, to be tested with errors.Is.
var (
	ErrClosed   = errors.New("play: closed")
	ErrSessions = errors.New("play: too many sessions")
	ErrCodec    = errors.New("play: codec is neither PCMA nor PCMU")
)

// Config of an endpoint.
type Config struct {
	// Addr is where sessions receive. It must be an address that peers can
	// send to.
	Addr netip.Addr
	// PortMin and PortMax bound the ports; both 0: the system chooses.
	PortMin, PortMax uint16
	MaxSessions      int // default 1,000
	// Deny tells which addresses are never sent to; nil: none is denied.
	Deny func(netip.Addr) bool
}

// Option changes what is not configuration.
type Option func(*Endpoint)

// WithLogger sets the logger; the default discards.
func WithLogger(l *slog.Logger) Option { return func(e *Endpoint) { e.log = l } }

// WithClock replaces time.Now. It must be safe for concurrent use and carry a
// monotonic reading.
func WithClock(now func() time.Time) Option { return func(e *Endpoint) { e.now = now } }

// step is how often the sender looks for packets that are due.
const step = 5 * time.Millisecond

// Endpoint plays to and hears many sessions. Make one with [New].
type Endpoint struct {
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	base  time.Time
	group *udploop.Group

	mu       sync.Mutex
	sessions map[*Session]struct{}
	playing  map[*Session]struct{} // subset that sends by the clock
	closed   bool
	wake     chan struct{} // holds a token when playing is not empty
	next     uint16        // port to try next
}

// New checks the configuration. No socket is opened before the first session.
func New(cfg Config, opts ...Option) (*Endpoint, error) {
	if !cfg.Addr.IsValid() || cfg.Addr.IsUnspecified() {
		return nil, fmt.Errorf("play: address %v", cfg.Addr)
	}
	if cfg.PortMax < cfg.PortMin {
		return nil, fmt.Errorf("play: port range %d to %d", cfg.PortMin, cfg.PortMax)
	}
	if cfg.MaxSessions <= 0 {
		cfg.MaxSessions = 1000
	}
	e := &Endpoint{cfg: cfg, log: slog.New(slog.DiscardHandler), now: time.Now,
		sessions: map[*Session]struct{}{}, playing: map[*Session]struct{}{}, wake: make(chan struct{}, 1)}
	for _, o := range opts {
		o(e)
	}
	e.base = e.now()
	e.group = udploop.New(udploop.Config{Now: e.now})
	return e, nil
}

// Run receives and sends until ctx is done; then it ends all sessions. An
// endpoint runs once.
func (e *Endpoint) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { e.send(ctx) })
	err := e.group.Run(ctx)
	if err != nil {
		e.log.Error("media loop failed", "err", err)
	}
	cancel()
	wg.Wait()
	e.close()
	return err
}

func (e *Endpoint) close() {
	e.mu.Lock()
	e.closed = true
	left := make([]*Session, 0, len(e.sessions))
	for s := range e.sessions {
		left = append(left, s)
	}
	e.mu.Unlock()
	for _, s := range left {
		s.Close()
	}
}

// Count is the number of open sessions.
func (e *Endpoint) Count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

// Open makes a session with a port of its own, an even one. Nothing is sent
// nor accepted before [Session.Connect].
func (e *Endpoint) Open() (*Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if len(e.sessions) >= e.cfg.MaxSessions {
		return nil, ErrSessions
	}
	s := newSession(e)
	var err error
	if s.socket, err = e.bind(s); err != nil {
		return nil, err
	}
	e.sessions[s] = struct{}{}
	return s, nil
}

// denied tells whether an address is never sent to.
func (e *Endpoint) denied(a netip.AddrPort) bool { return e.cfg.Deny != nil && e.cfg.Deny(a.Addr()) }

// bind finds an even port. The caller holds the lock.
func (e *Endpoint) bind(s *Session) (socket *udploop.Socket, err error) {
	listen := func(port uint16) (*udploop.Socket, error) {
		return e.group.Loop().Listen(netip.AddrPortFrom(e.cfg.Addr, port), 184, s)
	}
	if e.cfg.PortMax == 0 {
		for range 50 {
			if socket, err = listen(0); err != nil {
				return nil, err
			}
			port := socket.LocalAddr().Port()
			if port%2 == 0 {
				return socket, nil
			}
			socket.Close()
			if socket, err = listen(port - 1); err == nil {
				return socket, nil
			}
		}
		return nil, err
	}
	lowest, pairs := (int(e.cfg.PortMin)+1)/2*2, (int(e.cfg.PortMax)-int(e.cfg.PortMin)+1)/2
	for range max(pairs, 1) {
		port := lowest + int(e.next)*2
		e.next = uint16((int(e.next) + 1) % max(pairs, 1))
		if socket, err = listen(uint16(port)); err == nil {
			return socket, nil
		}
	}
	return nil, err
}

func (e *Endpoint) remove(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	delete(e.playing, s)
}

// activate puts a session under the sender's clock.
func (e *Endpoint) activate(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, open := e.sessions[s]; !open {
		return
	}
	e.playing[s] = struct{}{}
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// send is the goroutine that sends prompts. It sleeps while nobody listens.
func (e *Endpoint) send(ctx context.Context) {
	t := time.NewTicker(step)
	defer t.Stop()
	var due []*Session
	for {
		due = e.listeners(due[:0])
		if len(due) == 0 {
			t.Stop()
			select {
			case <-ctx.Done():
				return
			case <-e.wake:
			}
			t.Reset(step)
			continue
		}
		now := e.now()
		for _, s := range due {
			if !s.tick(now) {
				e.deactivate(s)
			}
		}
		clear(due)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (e *Endpoint) listeners(dst []*Session) []*Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.playing {
		dst = append(dst, s)
	}
	return dst
}

// deactivate takes a session off the clock, unless it was given something new
// to play meanwhile.
func (e *Endpoint) deactivate(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !s.active() {
		delete(e.playing, s)
	}
}
