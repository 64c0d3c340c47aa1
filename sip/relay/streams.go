package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// InsideMode is how requests go to proxies.
type InsideMode uint8

// The ways to proxies.
const (
	InsideUDP  InsideMode = iota // UDP, whatever the size
	InsideAuto                   // UDP for what fits into a packet, TCP for the rest
	InsideTCP                    // TCP
	InsideTLS                    // TLS over TCP, and nothing else: without a connection, 503
)

// ParseInsideMode reads "udp", "auto", "tcp" or "tls".
func ParseInsideMode(s string) (InsideMode, error) {
	for m := InsideUDP; m <= InsideTLS; m++ {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("relay: no way inside is called %q", s)
}

// String is the mode as configurations write it.
func (m InsideMode) String() string {
	switch m {
	case InsideUDP:
		return "udp"
	case InsideAuto:
		return "auto"
	case InsideTCP:
		return "tcp"
	case InsideTLS:
		return "tls"
	}
	return "unknown"
}

// Dialer connects; *transport.Endpoint is one.
type Dialer interface {
	Dial(ctx context.Context, listener uint8, p transport.Protocol, remote netip.AddrPort, opts ...transport.DialOption) (transport.Flow, error)
	Alive(flow transport.Flow) bool
}

// StreamsConfig says how to connect to proxies. Dialer and Listeners are
// required.
type StreamsConfig struct {
	// Dialer connects.
	Dialer Dialer
	// Listeners is the table of the relay. Connections are made from its first
	// internal listener of the mode's protocol and the proxy's address family.
	Listeners []Listener
	// Mode is the way; zero is UDP, and then there is nothing to run.
	Mode InsideMode
	// Limit is the size in octets above which mode auto avoids UDP, when the path
	// to the proxy would let it through whole; 8 KiB.
	Limit int
	// PathMTU measures the largest packet that reaches a proxy whole, IP header
	// included; 0 is unknown. Nil asks the system.
	PathMTU func(netip.AddrPort) int
	// Port is where proxies take connections, if not where they take UDP.
	Port uint16
	// ServerName is the name in the certificate of the proxies; empty is their
	// address.
	ServerName string
	// Targets is the number of proxies to connect to at most; 64. The others are
	// sent UDP, in mode tls nothing.
	Targets int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Streams keeps a connection open to each proxy that the relay sends to. It is
// an [Inside]. While there is no connection, messages go over UDP in the modes
// auto and tcp. In mode tls nothing ever leaves in clear: then it is Unconnected,
// at once, since whoever sent the request can send it again to another edge, and
// what waited here would be late for its transaction.
type Streams struct {
	cfg    StreamsConfig
	proto  transport.Protocol
	l4, l6 int // listener to connect from, -1 is none
	table  atomic.Pointer[map[netip.AddrPort]*stream]
	mu     sync.Mutex // for table
	kick   chan struct{}
}

// stream is the connection to one proxy.
type stream struct {
	target netip.AddrPort
	flow   atomic.Pointer[transport.Flow]
	limit  atomic.Int64 // octets that UDP is good for
	busy   atomic.Bool  // connecting
	fails  int          // in a row; these three belong to Run, or to who connects
	next   time.Time    // not to be tried before
	path   time.Time    // when limit was measured
}

const (
	dialsAtOnce = 4
	firstRetry  = 500 * time.Millisecond
	lastRetry   = 30 * time.Second
	streamCheck = time.Second
	pathCheck   = time.Minute
)

// NewStreams checks cfg. Nothing connects before Run.
func NewStreams(cfg StreamsConfig) (*Streams, error) {
	if cfg.Limit <= 0 {
		cfg.Limit = 8 << 10
	}
	if cfg.PathMTU == nil {
		cfg.PathMTU = pathMTU
	}
	if cfg.Targets <= 0 {
		cfg.Targets = 64
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Streams{cfg: cfg, proto: transport.TCP, l4: -1, l6: -1, kick: make(chan struct{}, 1)}
	s.table.Store(&map[netip.AddrPort]*stream{})
	switch cfg.Mode {
	case InsideUDP:
		return s, nil
	case InsideAuto, InsideTCP:
	case InsideTLS:
		s.proto = transport.TLS
	default:
		return nil, fmt.Errorf("relay: no way inside has the number %d", cfg.Mode)
	}
	if cfg.Dialer == nil {
		return nil, errors.New("relay: nobody to connect to proxies")
	}
	for i, l := range cfg.Listeners {
		if !l.Internal || l.Protocol != s.proto {
			continue
		}
		if from := &s.l4; l.Addr.Addr().Unmap().Is4() && *from < 0 {
			*from = i
		} else if from := &s.l6; l.Addr.Addr().Unmap().Is6() && *from < 0 {
			*from = i
		}
	}
	if s.l4 < 0 && s.l6 < 0 {
		return nil, fmt.Errorf("relay: no internal listener for %v to connect from", s.proto)
	}
	return s, nil
}

// Stream implements [Inside].
func (s *Streams) Stream(target netip.AddrPort, size int) (transport.Flow, Way) {
	otherwise := OverUDP
	switch s.cfg.Mode {
	case InsideUDP:
		return transport.Flow{}, OverUDP
	case InsideTLS:
		otherwise = Unconnected
	}
	e := (*s.table.Load())[target]
	if e == nil {
		s.add(target)
		return transport.Flow{}, otherwise
	}
	if s.cfg.Mode == InsideAuto && int64(size) <= e.limit.Load() {
		return transport.Flow{}, OverUDP
	}
	f := e.flow.Load()
	if f == nil || !s.cfg.Dialer.Alive(*f) {
		s.wake()
		return transport.Flow{}, otherwise
	}
	return *f, OverStream
}

// Connected is the number of proxies that are connected now, and of those that
// are to be.
func (s *Streams) Connected() (open, all int) {
	table := *s.table.Load()
	for _, e := range table {
		if f := e.flow.Load(); f != nil && s.cfg.Dialer.Alive(*f) {
			open++
		}
	}
	return open, len(table)
}

func (s *Streams) add(target netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.table.Load()
	if old[target] != nil || len(old) >= s.cfg.Targets {
		return
	}
	table := make(map[netip.AddrPort]*stream, len(old)+1)
	for a, e := range old {
		table[a] = e
	}
	e := &stream{target: target}
	e.limit.Store(int64(s.cfg.Limit))
	table[target] = e
	s.table.Store(&table)
	s.wake()
}

func (s *Streams) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run connects, and connects again what has broken, until ctx is done and no
// attempt is under way. The [Dialer] must be serving.
func (s *Streams) Run(ctx context.Context) {
	var dials sync.WaitGroup
	defer dials.Wait()
	room := make(chan struct{}, dialsAtOnce)
	t := time.NewTicker(streamCheck)
	defer t.Stop()
	for {
		for _, e := range *s.table.Load() {
			if e.busy.Load() || s.cfg.Now().Before(e.next) {
				continue
			}
			if f := e.flow.Load(); f != nil && s.cfg.Dialer.Alive(*f) {
				s.measure(e)
				continue
			}
			select {
			case room <- struct{}{}:
			default:
				continue // next time
			}
			e.busy.Store(true)
			dials.Go(func() {
				s.connect(ctx, e)
				<-room
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-s.kick:
		}
	}
}

// measure asks anew, now and then, what fits into a packet to the proxy.
func (s *Streams) measure(e *stream) {
	now := s.cfg.Now()
	if !e.path.IsZero() && now.Sub(e.path) < pathCheck {
		return
	}
	e.path = now
	header := 20 + 8
	if e.target.Addr().Is6() {
		header = 40 + 8
	}
	limit := s.cfg.Limit
	if mtu := s.cfg.PathMTU(e.target); mtu > header {
		limit = min(limit, mtu-header)
	}
	e.limit.Store(int64(limit))
}

// connect makes one attempt, and measures the path on the way.
func (s *Streams) connect(ctx context.Context, e *stream) {
	defer e.busy.Store(false)
	s.measure(e)
	from := s.l4
	if e.target.Addr().Is6() {
		from = s.l6
	}
	var opts []transport.DialOption
	if s.cfg.ServerName != "" {
		opts = append(opts, transport.ServerName(s.cfg.ServerName))
	}
	to := e.target
	if s.cfg.Port != 0 {
		to = netip.AddrPortFrom(to.Addr(), s.cfg.Port)
	}
	err := transport.ErrNoListener
	var flow transport.Flow
	if from >= 0 {
		flow, err = s.cfg.Dialer.Dial(ctx, uint8(from), s.proto, to, opts...)
	}
	if err != nil {
		e.next = s.cfg.Now().Add(min(firstRetry<<min(e.fails, 10), lastRetry))
		e.fails++
		return
	}
	e.flow.Store(&flow)
	e.fails = 0
}
