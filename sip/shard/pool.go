package shard

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Core is what a shard runs. Its methods are called by one goroutine.
type Core interface {
	// Receive takes a message that the scanner accepted. m is lent until it
	// returns.
	Receive(now time.Time, m *wire.Message, from transport.Flow)
	// Advance does what is due at now and says when it wants to be called
	// next; false: only after the next message.
	Advance(now time.Time) (next time.Time, ok bool)
	// Close is the last call: the pool stops.
	Close(now time.Time)
}

// Lingerer is a Core that waits for answers to what it asked others. After
// Close its shard goes on to run functions (not messages) until Busy is false.
type Lingerer interface {
	Busy() bool
}

// Config of a Pool. Zero fields take the defaults in brackets.
type Config struct {
	Shards int              // goroutines [32]
	Queue  int              // messages and functions waiting in each [1024]
	Limits *wire.Limits     // of the scanner [its defaults]
	Now    func() time.Time // [time.Now]
	// Endpoint is where the cores send by their Sender. Without one a Sender
	// refuses.
	Endpoint *transport.Endpoint
	// Linger is how long a closed core may be busy [10 s].
	Linger time.Duration
}

// Pool is a set of shards. Make it with New, give it to Endpoint.Serve as the
// handler, and run it.
type Pool struct {
	cfg    Config
	seed   maphash.Seed
	shards []*shard
	views  sync.Pool // of *wire.Message, for the readers
	copies sync.Pool // of *job

	refused [256]atomic.Uint64 // by wire.Reason
	full    atomic.Uint64
	taken   atomic.Uint64
	waited  atomic.Int64 // nanoseconds that messages have waited, since Delay was asked
	waits   atomic.Int64 // and their number
}

type shard struct {
	core Core
	send Sender
	in   chan *job
	stop chan struct{} // closed when nobody reads in any more
	last atomic.Int64  // nanoseconds: when it last took something
	view wire.Message
}

// job is a message with its copy's room, or a function.
type job struct {
	data []byte
	flow transport.Flow
	at   time.Time // when it came, if known
	run  func(now time.Time, c Core)
}

// ErrStopped says that the pool does not run any more.
var ErrStopped = errors.New("shard: stopped")

// New makes a pool of cores made by makeCore, which is called once for each
// index. send belongs to that core.
func New(cfg Config, makeCore func(index int, send *Sender) Core) *Pool {
	if cfg.Shards <= 0 {
		cfg.Shards = 32
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 1024
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Linger <= 0 {
		cfg.Linger = 10 * time.Second
	}
	p := &Pool{cfg: cfg, seed: maphash.MakeSeed()}
	p.views.New = func() any { return new(wire.Message) }
	p.copies.New = func() any { return &job{data: make([]byte, 0, 2048)} }
	for i := range cfg.Shards {
		s := &shard{in: make(chan *job, cfg.Queue), stop: make(chan struct{})}
		if cfg.Endpoint != nil {
			s.send.out = cfg.Endpoint.Outbox()
		}
		s.core = makeCore(i, &s.send)
		p.shards = append(p.shards, s)
	}
	return p
}

// ServeSIP implements transport.Handler.
func (p *Pool) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	m := p.views.Get().(*wire.Message)
	defer p.views.Put(m)
	for i := range batch {
		pkt := &batch[i]
		parse := m.Parse
		if pkt.Flow.Protocol.Reliable() {
			parse = m.ParseStream
		}
		if err := parse(pkt.Data, p.cfg.Limits); err != nil {
			p.refuse(m, err, pkt.Flow, out)
			continue
		}
		j := p.copies.Get().(*job)
		j.data = append(j.data[:0], m.Bytes()...)
		j.flow, j.at = pkt.Flow, pkt.At
		select {
		case p.of(m.CallID()).in <- j:
			p.taken.Add(1)
		default:
			p.full.Add(1)
			p.copies.Put(j)
		}
	}
}

// refuse answers what can be answered; nothing else may leave for bytes that
// nobody has read whole.
func (p *Pool) refuse(m *wire.Message, err error, to transport.Flow, out *transport.Outbox) {
	var e *wire.Error
	if !errors.As(err, &e) {
		return
	}
	p.refused[uint8(e.Reason)].Add(1)
	if e.Status < 400 || !m.Answerable() {
		return
	}
	b, err := wire.AppendResponse(out.Buffer(), m, e.Status, e.Reason.String(), "malformed")
	if err == nil {
		_ = out.Send(to, b) // a client that is gone needs no answer
	}
}

func (p *Pool) of(callID []byte) *shard {
	return p.shards[maphash.Bytes(p.seed, callID)%uint64(len(p.shards))]
}

// Do runs f on the goroutine of a call, with the core that has the call, after
// the messages that wait there. It
// waits for room in the queue until ctx is done, and never for f to run. Do
// must not be called from a core: the queue could be its own.
func (p *Pool) Do(ctx context.Context, callID string, f func(now time.Time, c Core)) error {
	s := p.of([]byte(callID))
	select {
	case <-s.stop: // there may be room, but nobody comes
		return ErrStopped
	default:
	}
	select {
	case s.in <- &job{run: f}:
		return nil
	case <-s.stop:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run runs the shards until ctx is done; then every core is closed, and Run
// returns when none is busy any more.
func (p *Pool) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range p.shards {
		wg.Go(func() { p.loop(ctx, s) })
	}
	wg.Wait()
	return nil
}

func (p *Pool) loop(ctx context.Context, s *shard) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer p.end(s)
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-s.in:
			p.work(s, j)
			// Take what else waits before the timers are looked at: under load
			// one Advance serves many messages.
			for range min(len(s.in), 64) {
				s.send.late(p.cfg.Now())
				p.work(s, <-s.in)
			}
		case <-timer.C:
		}
		now := p.cfg.Now()
		wait := time.Hour
		if next, ok := s.core.Advance(now); ok {
			wait = max(0, next.Sub(now))
		}
		s.send.flush()
		timer.Reset(wait)
	}
}

// end closes a core and brings it the answers that it waits for.
func (p *Pool) end(s *shard) {
	defer close(s.stop)
	s.core.Close(p.cfg.Now())
	s.send.flush()
	c, ok := s.core.(Lingerer)
	if !ok {
		return
	}
	limit := time.NewTimer(p.cfg.Linger)
	defer limit.Stop()
	for c.Busy() {
		select {
		case j := <-s.in:
			if j.run != nil {
				j.run(p.cfg.Now(), s.core)
			}
		case <-limit.C:
			return
		}
		s.send.flush()
	}
}

func (p *Pool) work(s *shard, j *job) {
	now := p.cfg.Now()
	s.last.Store(now.UnixNano())
	if j.run != nil {
		j.run(now, s.core)
		return
	}
	if !j.at.IsZero() {
		p.waited.Add(int64(max(0, now.Sub(j.at))))
		p.waits.Add(1)
	}
	// The copy was accepted before, so it is accepted again.
	if s.view.Parse(j.data, p.cfg.Limits) == nil {
		s.core.Receive(now, &s.view, j.flow)
	}
	p.copies.Put(j)
}

// Delay is how long messages have waited from their arrival to their shard, on
// average since the last call; a shard that is busy with one while others wait
// counts for as long as that. It is a measure of load, for one caller.
func (p *Pool) Delay() time.Duration {
	now := p.cfg.Now().UnixNano()
	sum, n := p.waited.Swap(0), p.waits.Swap(0)
	for _, s := range p.shards {
		if last := s.last.Load(); last != 0 && len(s.in) > 0 {
			sum, n = sum+max(0, now-last), n+1
		}
	}
	if n == 0 {
		return 0
	}
	return time.Duration(sum / n)
}

// Stats are counters since New.
type Stats struct {
	Taken   uint64            // messages handed to a shard
	Full    uint64            // dropped because a queue was full
	Refused map[string]uint64 // by the scanner's reason
	Waiting int               // in all queues now
}

// Stats reads the counters.
func (p *Pool) Stats() Stats {
	s := Stats{Taken: p.taken.Load(), Full: p.full.Load(), Refused: map[string]uint64{}}
	for r := range p.refused {
		if n := p.refused[r].Load(); n > 0 {
			s.Refused[wire.Reason(r).String()] = n
		}
	}
	for _, sh := range p.shards {
		s.Waiting += len(sh.in)
	}
	return s
}
