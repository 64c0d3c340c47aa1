package resolve

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// Connector makes connections; a transport.Endpoint is one.
type Connector interface {
	Dial(ctx context.Context, listener uint8, p transport.Protocol, remote netip.AddrPort, opts ...transport.DialOption) (transport.Flow, error)
	Alive(flow transport.Flow) bool
}

// StreamsConfig is for [NewStreams]. Zero values mean the defaults named.
type StreamsConfig struct {
	// Dial makes the connections; needed.
	Dial Connector
	// Timeout is for an attempt: 3.5 s by default.
	Timeout time.Duration
	// Opened is called, on a goroutine of the Streams, when an attempt has ended
	// and Stream would say something else than Pending.
	Opened func()
	// Now is the clock: time.Now by default.
	Now func() time.Time
}

// Streams keeps connections to peers and opens them in the background. Make it
// with [NewStreams], end it with Close.
type Streams struct {
	cfg     StreamsConfig
	serving context.Context
	end     context.CancelFunc

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
	busy   int
	m      map[streamKey]*stream
}

type streamKey struct {
	listener uint8
	target   Target
}

// stream is a connection, the attempt to make it, or the failure.
type stream struct {
	flow   transport.Flow
	busy   bool
	failed time.Time
	used   time.Time
}

const (
	maxStreams = 1024
	maxDials   = 64
	// failedFor is how long a failure answers for the next attempt.
	failedFor = 2 * time.Second
)

// NewStreams makes Streams.
func NewStreams(cfg StreamsConfig) *Streams {
	setDefault(&cfg.Timeout, 3500*time.Millisecond)
	if cfg.Opened == nil {
		cfg.Opened = func() {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Streams{cfg: cfg, m: make(map[streamKey]*stream)}
	s.serving, s.end = context.WithCancel(context.Background())
	return s
}

// Close gives up what is being opened and waits for it. Connections are their
// endpoint's to close.
func (s *Streams) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.wg.Wait()
	return nil
}

// Stream implements [Dialer].
func (s *Streams) Stream(now time.Time, listener uint8, t Target) (transport.Flow, State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := streamKey{listener, t}
	c := s.m[k]
	switch {
	case c == nil:
		c = s.add(k)
	case c.busy:
		return transport.Flow{}, Pending
	case s.cfg.Dial.Alive(c.flow):
		c.used = now
		return c.flow, Ready
	case now.Before(c.failed.Add(failedFor)):
		return transport.Flow{}, 503
	}
	if s.closed || s.busy >= maxDials {
		return transport.Flow{}, 503
	}
	c.busy, c.used = true, now
	s.busy++
	s.wg.Go(func() { s.open(k, c) })
	return transport.Flow{}, Pending
}

// add makes room: of a few connections that are not being made the one that was
// not used for longest is forgotten, which does not close it.
func (s *Streams) add(k streamKey) *stream {
	if len(s.m) >= maxStreams {
		var oldest streamKey
		var at time.Time
		n := 0
		for k, c := range s.m {
			if !c.busy && (at.IsZero() || c.used.Before(at)) {
				oldest, at = k, c.used
			}
			if n++; n >= 2*maxDials && !at.IsZero() {
				break
			}
		}
		delete(s.m, oldest)
	}
	c := &stream{}
	s.m[k] = c
	return c
}

func (s *Streams) open(k streamKey, c *stream) {
	ctx, cancel := context.WithTimeout(s.serving, s.cfg.Timeout)
	defer cancel()
	var opts []transport.DialOption
	if k.target.Name != "" {
		opts = append(opts, transport.ServerName(k.target.Name))
	}
	flow, err := s.cfg.Dial.Dial(ctx, k.listener, k.target.Protocol, k.target.Addr, opts...)
	s.mu.Lock()
	s.busy--
	c.busy, c.flow = false, flow
	if err != nil {
		c.flow, c.failed = transport.Flow{}, s.cfg.Now()
	}
	s.mu.Unlock()
	s.cfg.Opened()
}
