package ng

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one command of a client.
type Request struct {
	Command string // spaces as hyphens, such as block-dtmf
	Dict    Dict   // with what rtpp-flags held taken apart
	From    netip.AddrPort
}

// Handler carries out commands. It returns the reply, in which "result" is set
// to ok when it is missing; an error becomes the error-reason of the reply. It
// is called by many goroutines at once and should not wait for the network.
type Handler interface {
	HandleNG(ctx context.Context, req *Request) (Dict, error)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(ctx context.Context, req *Request) (Dict, error)

// HandleNG calls f.
func (f HandlerFunc) HandleNG(ctx context.Context, req *Request) (Dict, error) { return f(ctx, req) }

// LoadLimitError tells that a new session would exceed a limit. Clients that
// know of it are answered "load limit" and ask another relay; others get the
// text as an error, by which they may know it too.
type LoadLimitError struct{ Err error }

func (e *LoadLimitError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *LoadLimitError) Unwrap() error { return e.Err }

// Config of a [Server]. Zero fields have the default stated.
type Config struct {
	// Allow are the clients that may use listeners without TLS; others are
	// dropped and counted. Nil: loopback only.
	Allow []netip.Prefix
	// Token, when set, must be shown by clients of HTTPS and WSS in an
	// Authorization: Bearer header field.
	Token string
	// CLI answers the text commands of the HTTP path /cli/ and of the command
	// cli; nil: there are none.
	CLI func(ctx context.Context, line string) (string, error)

	Workers     int           // goroutines that serve a UDP socket; default twice the CPUs
	CacheFor    time.Duration // how long a reply is kept for repetitions; default 30 s
	CacheSize   int           // replies kept; default 10,000
	MaxConns    int           // connections of TCP and WebSocket clients; default 256
	IdleTimeout time.Duration // after which a connection is closed; default 1 h
}

// Server answers clients over one or several transports. Make one with
// [NewServer].
type Server struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	cache   *cache
	conns   chan struct{} // one token per connection
	stats   serverStats
	tally   *tally
	now     func() time.Time

	turn      sync.RWMutex // read while a message is answered
	elsewhere Elsewhere    // guarded by turn; nil: here
}

type serverStats struct {
	requests, errors, repeated, malformed, refused, panics atomic.Uint64
}

// Stats are the totals of a server since its start.
type Stats struct {
	Requests  uint64 // commands carried out
	Errors    uint64 // of these, answered with an error
	Repeated  uint64 // requests answered from memory
	Malformed uint64 // messages dropped, as they could not be read
	Refused   uint64 // messages and connections from clients that are not allowed, or too many
	Panics    uint64 // commands that failed inside
}

// Option changes what is not configuration.
type Option func(*Server)

// WithLogger sets the logger; the default discards. Descriptions, keys and
// digits are never logged.
func WithLogger(l *slog.Logger) Option { return func(s *Server) { s.log = l } }

// WithClock replaces time.Now for the memory of replies and for figures.
func WithClock(now func() time.Time) Option { return func(s *Server) { s.now, s.cache.now = now, now } }

// NewServer makes a server. It listens when told to: see [Server.ServeUDP],
// [Server.ServeTCP] and [Server.HTTPHandler].
func NewServer(h Handler, cfg Config, opts ...Option) *Server {
	if cfg.Allow == nil {
		cfg.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = 2 * runtime.GOMAXPROCS(0)
	}
	if cfg.CacheFor <= 0 {
		cfg.CacheFor = 30 * time.Second
	}
	if cfg.CacheSize <= 0 {
		cfg.CacheSize = 10000
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = 256
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = time.Hour
	}
	s := &Server{cfg: cfg, handler: h, log: slog.New(slog.DiscardHandler), conns: make(chan struct{}, cfg.MaxConns)}
	s.now = time.Now
	s.cache = newCache(cfg.CacheFor, cfg.CacheSize, s.now)
	for _, o := range opts {
		o(s)
	}
	s.tally = newTally(s.now())
	return s
}

// Stats returns the totals.
func (s *Server) Stats() Stats {
	return Stats{
		Requests: s.stats.requests.Load(), Errors: s.stats.errors.Load(), Repeated: s.stats.repeated.Load(),
		Malformed: s.stats.malformed.Load(), Refused: s.stats.refused.Load(), Panics: s.stats.panics.Load(),
	}
}

// allowed tells whether a client may use a listener without TLS.
func (s *Server) allowed(a netip.Addr) bool {
	a = a.Unmap()
	for _, p := range s.cfg.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// frame answers a message with cookie; nil when there is nothing to answer.
func (s *Server) frame(ctx context.Context, b []byte, from netip.AddrPort) []byte {
	return s.Answer(ctx, b, from, true)
}

// remembered answers a message with cookie, again if it comes again.
func (s *Server) remembered(ctx context.Context, b []byte, from netip.AddrPort) []byte {
	cookie, rest, err := cut(b)
	if err != nil {
		s.stats.malformed.Add(1)
		return nil
	}
	key := cacheKey{client: from.Addr().String(), cookie: string(cookie)}
	reply, again := s.cache.reply(ctx, key, func() []byte {
		return s.plain(ctx, rest, append([]byte(key.cookie), ' '), from)
	})
	if again {
		s.stats.repeated.Add(1)
	}
	return reply
}

// plain answers a message without cookie, behind prefix; nil when it could not
// be read.
func (s *Server) plain(ctx context.Context, b, prefix []byte, from netip.AddrPort) []byte {
	d, format, err := Parse(b)
	if err == nil {
		err = expand(&d)
	}
	if err != nil {
		s.stats.malformed.Add(1)
		s.log.Debug("control message dropped", "from", from, "err", err)
		return nil
	}
	reply := s.carryOut(ctx, d, from)
	return Append(slices.Grow(prefix, reply.size()), reply, format)
}

func (s *Server) carryOut(ctx context.Context, d Dict, from netip.AddrPort) Dict {
	s.stats.requests.Add(1)
	req := Request{Command: canonical(d.Str("command")), Dict: d, From: from}
	begun := s.now()
	reply, err := s.call(ctx, &req)
	var limit *LoadLimitError
	now := s.now()
	s.tally.count(req.Command, from.Addr(), now.Sub(begun), err != nil && !errors.As(err, &limit), now)
	if err != nil {
		s.stats.errors.Add(1)
		if errors.As(err, &limit) && contains(d.Strings("supports"), "load-limit") {
			return Of("result", "load limit", "message", limit.Error())
		}
		return Of("result", "error", "error-reason", err.Error())
	}
	if _, ok := reply.Value("result"); !ok {
		reply.Set("result", "ok")
	}
	return reply
}

// call shields the server from a handler that fails.
func (s *Server) call(ctx context.Context, req *Request) (reply Dict, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.stats.panics.Add(1)
			s.log.Error("command failed inside", "command", req.Command, "panic", fmt.Sprint(p))
			err = errors.New("internal error")
		}
	}()
	switch req.Command {
	case "":
		return Dict{}, errors.New("no command given")
	case "ping":
		return Of("result", "pong"), nil
	case "statistics":
		return s.statistics(ctx, req)
	case "cli":
		if s.cfg.CLI != nil {
			text, err := s.cfg.CLI(ctx, req.Dict.Str("body"))
			return Of("response", text), err
		}
	}
	return s.handler.HandleNG(ctx, req)
}

// contains looks for a flag by the rule of canonical.
func contains(list []string, flag string) bool {
	for _, f := range list {
		if same(f, flag) {
			return true
		}
	}
	return false
}
