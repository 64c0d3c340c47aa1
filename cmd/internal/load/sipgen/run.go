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
}

// Run is one run of a generator. Make it with New.
type Run struct {
	cfg      Config
	endpoint *transport.Endpoint
	lanes    []*Lane
	begun    atomic.Uint64
	phase    atomic.Int32
}

const (
	warming int32 = iota
	measuring
	draining
)

// New binds the sockets.
func New(ctx context.Context, cfg Config) (*Run, error) {
	cfg.Lanes = max(cfg.Lanes, 1)
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Window < cfg.Lanes || cfg.Window/cfg.Lanes > maxSlots {
		return nil, fmt.Errorf("sipgen: window %d for %d lanes", cfg.Window, cfg.Lanes)
	}
	r := &Run{cfg: cfg}
	listeners := make([]transport.ListenerConfig, cfg.Lanes+len(cfg.Ends))
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
	if r.endpoint, err = transport.Listen(ctx, transport.Config{Listeners: listeners}); err != nil {
		return nil, err
	}
	for i := range cfg.Lanes {
		r.lanes = append(r.lanes, newLane(r, i, cfg.Window/cfg.Lanes))
	}
	return r, nil
}

// Lane is one of the lanes.
func (r *Run) Lane(i int) *Lane { return r.lanes[i] }

// End is the address of a further socket.
func (r *Run) End(i int) netip.AddrPort { return r.endpoint.Listener(uint8(r.cfg.Lanes + i)).Addr }

// Close gives the sockets back of a Run that is not run.
func (r *Run) Close() error { return r.endpoint.Close() }

// SetTarget names the element to drive, when that had to know the sockets first.
func (r *Run) SetTarget(addr netip.AddrPort) { r.cfg.Target = addr }

// SetUsage sets Config.Usage, for the same reason.
func (r *Run) SetUsage(f func() (meter.Usage, error)) { r.cfg.Usage = f }

// Measuring reports whether the measured part runs; for servers that keep
// figures of their own.
func (r *Run) Measuring() bool { return r.phase.Load() == measuring }

// Run does the work and returns when everything has ended and all sockets are
// closed.
func (r *Run) Run(ctx context.Context) (Result, error) {
	if r.cfg.Op == nil {
		return Result{}, errors.New("sipgen: no operation")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.endpoint.Serve(ctx, transport.HandlerFunc(r.serve)) })
	var result Result
	g.Go(func() error {
		defer stop()
		var err error
		result, err = r.drive(ctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return Result{}, err
	}
	for _, l := range r.lanes {
		l.collect(&result)
	}
	return result, nil
}

func (r *Run) serve(batch []transport.Packet, out *transport.Outbox) {
	i := int(batch[0].Flow.Listener)
	if i >= r.cfg.Lanes {
		r.cfg.Ends[i-r.cfg.Lanes].ServeSIP(batch, out)
		return
	}
	r.lanes[i].receive(batch, out)
}

// drive begins operations, takes the figures at both ends of the measured part
// and waits for what is under way.
func (r *Run) drive(ctx context.Context) (Result, error) {
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
	elapsed := time.Since(from)
	after, err := r.usage()
	if err != nil {
		return Result{}, err
	}
	result := Result{Elapsed: elapsed, Usage: after.Sub(before), Reasons: make(map[string]uint64)}
	for end := time.Now().Add(r.cfg.Timeout + 200*time.Millisecond); r.busy() && time.Now().Before(end); {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return Result{}, err
		}
		r.sweep()
	}
	return result, nil
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

// pace begins operations until end, or until Config.Count is reached and all
// have ended. In a closed loop it only fills slots that are free, those that are
// new and those whose operation was lost.
func (r *Run) pace(ctx context.Context, from, end time.Time) error {
	out := r.endpoint.Outbox()
	var begun float64
	tick := closedTick
	if r.cfg.Rate > 0 {
		tick = openTick
	}
	swept := from
	for now := time.Now(); now.Before(end); now = time.Now() {
		if r.finished() && !r.busy() {
			return nil
		}
		if r.cfg.Rate > 0 {
			due := now.Sub(from).Seconds()*r.cfg.Rate - begun
			begun += float64(r.begin(now, out, int(due)))
			if due > r.cfg.Rate/10+float64(r.cfg.Window) {
				begun += due // we were not let run for so long: do not make up for it
			}
		} else {
			r.begin(now, out, r.cfg.Window)
		}
		if now.Sub(swept) > 100*time.Millisecond {
			swept = now
			r.sweep()
		}
		if err := sleep(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) begin(now time.Time, out *transport.Outbox, n int) (begun int) {
	for i, l := range r.lanes {
		share := n / len(r.lanes)
		if i < n%len(r.lanes) {
			share++
		}
		begun += l.begin(now, out, share)
	}
	return begun
}

func (r *Run) finished() bool { return r.cfg.Count > 0 && r.begun.Load() >= r.cfg.Count }

// claim takes one of the operations that may still begin.
func (r *Run) claim() bool {
	if r.phase.Load() == draining {
		return false
	}
	if n := r.begun.Add(1); r.cfg.Count > 0 && n > r.cfg.Count {
		r.begun.Add(^uint64(0))
		return false
	}
	return true
}

func (r *Run) sweep() {
	now := time.Now()
	for _, l := range r.lanes {
		l.sweep(now)
	}
}

func (r *Run) busy() bool {
	for _, l := range r.lanes {
		if l.busy() {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
