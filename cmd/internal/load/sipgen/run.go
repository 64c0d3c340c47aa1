package sipgen

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/sip/transport"
)

// Config of a Run.
type Config struct {
	Target netip.AddrPort
	Lanes  int // client sockets; default 1
	// Streams, when set, makes each lane a bundle of connections.
	Streams *Streams
	// Window is the number of operations under way at most, over all lanes.
	Window int
	// Rate is the number of operations begun in a second; 0 begins one whenever
	// another has ended.
	Rate float64
	// Warm and Measure are the two parts of a run; figures are of the second.
	Warm, Measure time.Duration
	// Count ends the run early when so many operations were begun; 0: no limit.
	Count uint64
	// Timeout is when an operation without an end is lost; default 2 s.
	Timeout time.Duration
	// Op makes the work of a slot.
	Op func(l *Lane, slot int) Op
	// Serve takes the requests that arrive at the lanes; nil drops them.
	Serve Server
	// Ends are further sockets with what serves them.
	Ends []Server
	// Ports are those of the lanes and then of the ends; what is missing or 0 is
	// any free port.
	Ports []uint16
	// Usage, when set, reads what the target has used; called at both ends of
	// the measured part.
	Usage func() (meter.Usage, error)
}

// Server takes the messages of one socket, on the goroutine that reads it, and
// puts answers into out. It is a transport.Handler.
type Server interface {
	ServeSIP(batch []transport.Packet, out *transport.Outbox)
}

// Result of a Run.
type Result struct {
	Begun, Done, Failed, Lost uint64 // of the whole run
	Late                      uint64 // answers to operations that had ended
	Reasons                   map[string]uint64
	Measured                  uint64        // operations done in the measured part
	Elapsed                   time.Duration // the measured part
	Latency                   meter.Histogram
	Usage                     meter.Usage // difference over the measured part
	// Opened is the number of connections made, with one operation each, before
	// the other parts; Opening what the target used for that.
	Opened  int
	Opening meter.Usage
}

// Run is one run of a generator. Make it with New.
type Run struct {
	cfg      Config
	endpoint *transport.Endpoint
	lanes    []*Lane
	begun    atomic.Uint64
	limit    atomic.Uint64 // of begun; 0: none
	phase    atomic.Int32
	hold     func(context.Context, Result) error
}

const (
	opening int32 = iota // connections
	warming
	measuring
	draining
)

// New binds the sockets.
func New(ctx context.Context, cfg Config) (*Run, error) {
	cfg.Lanes = max(cfg.Lanes, 1)
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Streams != nil {
		cfg.Streams = cfg.Streams.withDefaults()
	}
	r := &Run{cfg: cfg}
	r.limit.Store(cfg.Count)
	listeners := make([]transport.ListenerConfig, r.sockets()+len(cfg.Ends))
	for i := range listeners {
		var port uint16
		if i < len(cfg.Ports) {
			port = cfg.Ports[i]
		}
		listeners[i] = transport.ListenerConfig{
			Protocol: transport.UDP, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), Batch: 64,
		}
	}
	var err error
	if len(listeners) > 0 {
		if r.endpoint, err = transport.Listen(ctx, transport.Config{Listeners: listeners}); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Lanes {
		l, err := newLane(r, i, cfg.Window/cfg.Lanes)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.lanes = append(r.lanes, l)
	}
	return r, nil
}

func (cfg *Config) check() error {
	slots := cfg.Window / cfg.Lanes
	if s := cfg.Streams; s != nil {
		slots = s.Conns / cfg.Lanes
		if s.Protocol <= transport.UDP || s.Conns%cfg.Lanes != 0 {
			return fmt.Errorf("sipgen: %d connections by %v for %d lanes", s.Conns, s.Protocol, cfg.Lanes)
		}
	}
	if cfg.Window < cfg.Lanes || slots < 1 || slots > maxSlots {
		return fmt.Errorf("sipgen: window %d, %d slots for each of %d lanes", cfg.Window, slots, cfg.Lanes)
	}
	return nil
}

// sockets is the number of UDP sockets that lanes have.
func (r *Run) sockets() int {
	if r.cfg.Streams != nil {
		return 0
	}
	return r.cfg.Lanes
}

// Lane is one of the lanes.
func (r *Run) Lane(i int) *Lane { return r.lanes[i] }

// End is the address of a further socket.
func (r *Run) End(i int) netip.AddrPort { return r.endpoint.Listener(uint8(r.sockets() + i)).Addr }

// Close gives the sockets back of a Run that is not run.
func (r *Run) Close() error {
	for _, l := range r.lanes {
		if l.streams != nil {
			l.streams.close()
		}
	}
	if r.endpoint == nil {
		return nil
	}
	return r.endpoint.Close()
}

// SetTarget names the element to drive, when that had to know the sockets first.
func (r *Run) SetTarget(addr netip.AddrPort) { r.cfg.Target = addr }

// SetUsage sets Config.Usage, for the same reason.
func (r *Run) SetUsage(f func() (meter.Usage, error)) { r.cfg.Usage = f }

// SetHold has f called with the outcome before the connections are closed.
func (r *Run) SetHold(f func(context.Context, Result) error) { r.hold = f }

// Measuring reports whether the measured part runs; for servers that keep
// figures of their own.
func (r *Run) Measuring() bool { return r.phase.Load() == measuring }

// Finish has no further operations begun: Run returns when those under way have
// ended.
func (r *Run) Finish() { r.limit.Store(max(1, r.begun.Load())) }

// Run does the work and returns when everything has ended and all sockets are
// closed.
func (r *Run) Run(ctx context.Context) (Result, error) {
	if r.cfg.Op == nil {
		return Result{}, errors.New("sipgen: no operation")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	if r.endpoint != nil {
		g.Go(func() error { return r.endpoint.Serve(ctx, transport.HandlerFunc(r.serve)) })
	}
	for _, l := range r.lanes {
		if l.streams != nil {
			g.Go(func() error { return l.streams.loop(ctx) })
		}
	}
	var result Result
	g.Go(func() error {
		defer stop()
		var err error
		result, err = r.drive(ctx)
		return err
	})
	if err := errors.Join(g.Wait(), r.Close()); err != nil {
		return Result{}, err
	}
	if r.hold == nil {
		r.collect(&result)
	}
	return result, nil
}

func (r *Run) collect(result *Result) {
	for _, l := range r.lanes {
		l.collect(result)
	}
}

func (r *Run) serve(batch []transport.Packet, out *transport.Outbox) {
	i := int(batch[0].Flow.Listener)
	if n := r.sockets(); i >= n {
		r.cfg.Ends[i-n].ServeSIP(batch, out)
		return
	}
	r.lanes[i].receive(batch, out)
}

// drive begins operations, takes the figures at both ends of the measured part
// and waits for what is under way.
func (r *Run) drive(ctx context.Context) (Result, error) {
	result := Result{Reasons: make(map[string]uint64)}
	if r.cfg.Streams != nil {
		if err := r.open(ctx, &result); err != nil {
			return Result{}, err
		}
	}
	r.phase.Store(warming)
	start := time.Now()
	if err := r.pace(ctx, start, start.Add(r.cfg.Warm)); err != nil {
		return Result{}, err
	}
	before, err := r.usage()
	if err != nil {
		return Result{}, err
	}
	from := time.Now()
	r.phase.Store(measuring)
	if err := r.pace(ctx, from, from.Add(r.cfg.Measure)); err != nil {
		return Result{}, err
	}
	r.phase.Store(draining)
	result.Elapsed = time.Since(from)
	after, err := r.usage()
	if err != nil {
		return Result{}, err
	}
	result.Usage = after.Sub(before)
	if err := r.drain(ctx); err != nil {
		return Result{}, err
	}
	if r.hold == nil {
		return result, nil
	}
	r.collect(&result)
	return result, r.hold(ctx, result)
}

// drain waits until nothing is under way any more.
func (r *Run) drain(ctx context.Context) error {
	for end := time.Now().Add(r.cfg.Timeout + 200*time.Millisecond); r.busy() && time.Now().Before(end); {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		r.sweep()
	}
	return nil
}

func (r *Run) usage() (meter.Usage, error) {
	if r.cfg.Usage == nil {
		return meter.Usage{}, nil
	}
	return r.cfg.Usage()
}

// tick is the pace of an open loop, and of looking at a closed one.
const (
	openTick   = 200 * time.Microsecond
	closedTick = 5 * time.Millisecond
)
