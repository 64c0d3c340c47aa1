package mediagen

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/cmd/internal/load/meter"
)

// interval is the time between two packets of a stream, step how often packets
// are sent: those that have become due.
const (
	interval = ptime
	step     = 250 * time.Microsecond
)

// Config of a run.
type Config struct {
	Calls  int // set up
	Active int // that have media all the time; 0: all. The others send one packet each way
	// Locals are the addresses of callers and callees, In runs a function where
	// they are.
	Locals [2]netip.Addr
	In     [2]func(func() error) error
	// Control is how calls are set up; nil: packets go to the other side
	// directly.
	Control Control
	Formats [2]Format // what callers and callees speak
	Secure  bool      // callers speak SRTP, with SDES; not with transcoding

	// Settle is how long nothing is sent after the first packet of each stream,
	// which all of them send one after the other then, as calls begin. 0: those
	// that are active begin all at once.
	Settle        time.Duration
	Warm, Measure time.Duration
	// Begin and End are called around the measured part; nil: nothing.
	Begin, End func() error
}

// Result of a run. Packets are those of both directions.
type Result struct {
	Sent, Received uint64 // of the whole run
	Behind         uint64 // of Sent, not received when the measured part ended
	Skipped        uint64 // not sent because the generator was not let run
	Measured       uint64 // received in the measured part
	Elapsed        time.Duration
	Latency        meter.Histogram // of the measured part; empty with transcoding
	SetUp          meter.Histogram // offer and answer of a call
	Faults         map[string]uint64
	Tones          uint64 // half seconds in which a tone was measured
}

// run is what the thread of a run works with.
type run struct {
	cfg     Config
	sides   [2]*socket
	calls   [2][1 << 16]int32 // by side and port of the relay: call + 1
	tones   [2][][][]byte     // by side and pitch; nil: numbered payloads
	streams []*stream

	mu     sync.Mutex // guards the set-up
	setups meter.Histogram

	result    Result
	measuring bool
}

// Run sets the calls up, sends their media for the time of the configuration,
// and returns when what was under way has arrived or a second has passed. The
// calls stay in the relay.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if cfg.Active == 0 {
		cfg.Active = cfg.Calls
	}
	r, err := prepare(ctx, cfg)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := r.touch(ctx); err != nil {
		return Result{}, err
	}
	if err := r.drive(ctx); err != nil {
		return Result{}, err
	}
	for _, s := range r.streams {
		if s.listener != nil {
			r.result.Tones += s.listener.blocks
		}
	}
	return r.result, nil
}

// prepare opens the sockets and sets the calls up.
func prepare(ctx context.Context, cfg Config) (ready *run, err error) {
	if cfg.Calls < 1 || cfg.Calls > 30_000 || cfg.Active < 1 || cfg.Active > cfg.Calls {
		return nil, fmt.Errorf("mediagen: %d calls, %d active", cfg.Calls, cfg.Active)
	}
	if cfg.Secure && cfg.Formats[0].Name() != cfg.Formats[1].Name() {
		return nil, errors.New("mediagen: SRTP and transcoding at the same time")
	}
	r := &run{cfg: cfg, result: Result{Faults: make(map[string]uint64)}}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for i := range r.sides {
		err := cfg.In[i](func() (err error) { r.sides[i], err = open(cfg.Locals[i]); return err })
		if err != nil {
			return nil, err
		}
	}
	if err := errors.Join(r.encode(), r.setUp(ctx), r.listen()); err != nil {
		return nil, err
	}
	r.result.SetUp = r.setups
	return r, nil
}

func (r *run) close() {
	for _, s := range r.sides {
		if s != nil {
			s.close()
		}
	}
}

// listened is the number of calls whose tones are decoded.
const listened = pitches

// listen prepares what the tones of some calls are heard with.
func (r *run) listen() error {
	if r.tones[0] == nil {
		return nil
	}
	lossy := slices.ContainsFunc(r.cfg.Formats[:], func(f Format) bool { return f.Name() == "opus" })
	for _, s := range r.streams[:2*min(listened, r.cfg.Active)] {
		var err error
		if s.listener, err = newListener(s.arrives, pitch(s.side, s.call), lossy); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) drive(ctx context.Context) error {
	if err := r.send(ctx, r.cfg.Warm); err != nil {
		return err
	}
	if err := hook(r.cfg.Begin); err != nil {
		return err
	}
	from := time.Now()
	r.measuring = true
	if err := r.send(ctx, r.cfg.Measure); err != nil {
		return err
	}
	r.measuring = false
	r.result.Elapsed = time.Since(from)
	r.result.Behind = r.result.Sent - min(r.result.Received, r.result.Sent)
	if err := hook(r.cfg.End); err != nil {
		return err
	}
	for end := time.Now().Add(time.Second); r.result.Received < r.result.Sent && time.Now().Before(end) && ctx.Err() == nil; {
		r.drain()
		pause(time.Millisecond)
	}
	return ctx.Err()
}

func hook(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// touch sends one packet of every stream that is not active, or of all, slowly,
// and lets the relay see that they are there.
func (r *run) touch(ctx context.Context) error {
	idle := r.streams[2*r.cfg.Active:]
	if r.cfg.Settle > 0 {
		idle = r.streams
	}
	for i, s := range idle {
		r.emit(s, time.Now().UnixNano())
		if i%16 == 15 || i == len(idle)-1 {
			r.flush()
			pause(step)
			r.drain()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for end := time.Now().Add(r.cfg.Settle); time.Now().Before(end) && ctx.Err() == nil; pause(time.Millisecond) {
		r.drain()
	}
	return ctx.Err()
}

// send sends for a time. Streams take their turns in a circle, so that packets
// are spread over the interval.
func (r *run) send(ctx context.Context, d time.Duration) error {
	active := r.streams[:2*r.cfg.Active]
	start := time.Now()
	for next := 0; ctx.Err() == nil; {
		now := time.Now()
		passed := now.Sub(start)
		if passed >= d {
			return nil
		}
		due := int(float64(passed) / float64(interval) * float64(len(active)))
		if late := due - next; late > len(active)/4+batch {
			// We were not let run for a quarter of an interval. Phones would not
			// have sent all that at once, so neither do we.
			start = start.Add(time.Duration(float64(late) / float64(len(active)) * float64(interval)))
			r.result.Skipped += uint64(late)
			continue
		}
		for ; next < due; next++ {
			if next%16 == 0 { // what we are late with has not been under way
				now = time.Now()
			}
			r.emit(active[next%len(active)], now.UnixNano())
		}
		r.flush()
		r.drain()
		pause(step)
	}
	return ctx.Err()
}

func (r *run) flush() {
	for _, s := range r.sides {
		s.flush()
	}
}

// emit queues the next packet of a stream.
func (r *run) emit(s *stream, now int64) {
	side := r.sides[s.side]
	b := side.room()
	p := s.head(b)
	size := numbered
	if s.tone == nil {
		writeNumbered(p[:numbered], s.call, s.number, now)
	} else {
		size = copy(p, s.tone[s.number%loop])
	}
	n := len(b) - len(p) + size
	if s.seal != nil {
		var err error
		if n, err = s.seal.Protect(b, n); err != nil {
			r.result.Faults["not protected: "+err.Error()]++
			return
		}
	}
	s.number++
	r.result.Sent++
	side.queue(n, &s.to)
}

// pause sleeps without Go's scheduler, whose timers would wake another thread.
func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // a signal may end it early
}
