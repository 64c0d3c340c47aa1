package tap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/sip/capture"
	"github.com/class5-go/class5/sip/transport"
)

// Config says what a Tap records and where to. Only Sinks is required.
type Config struct {
	// Filter is what to record at first; the zero value is everything.
	Filter Filter
	// Sinks are where messages go. They belong to the Tap, which closes them.
	Sinks []Sink
	// Messages and Bytes bound the buffer; zero is 8,192 messages and 8 MiB. It
	// is there twice, and takes memory as far as it was ever filled.
	Messages, Bytes int
	// Interval is how often the buffer is emptied; zero is 50 ms. It is emptied
	// earlier when half full.
	Interval time.Duration
	// Secrets leaves secrets as they are.
	Secrets bool
	// Logger hears of sinks that fail and work again. Nil discards.
	Logger *slog.Logger
}

// Message is one message as a Sink sees it.
type Message struct {
	// Direction says whether it came or went.
	Direction transport.Direction
	// Flow is the way it took.
	Flow transport.Flow
	// Data is lent until the sink returns.
	Data []byte
	// At is when it passed.
	At time.Time
}

// Source and Destination are the addresses it went from and to. Where an address
// of ours is not known it is the unspecified one.
func (m *Message) Source() netip.AddrPort { return m.address(transport.Received) }

// Destination is where the message went to, see Source.
func (m *Message) Destination() netip.AddrPort { return m.address(transport.Sent) }

func (m *Message) address(theirs transport.Direction) netip.AddrPort {
	remote, local := m.Flow.Remote, m.Flow.Local
	switch {
	case m.Direction == theirs:
		return remote
	case local.IsValid() && local.Addr().Is4() == remote.Addr().Is4():
		return local
	case remote.Addr().Is4():
		return netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), local.Port())
}

// Sink takes messages, from one goroutine.
type Sink interface {
	// Write takes one message, which is lent. An error is counted and says
	// nothing about the next message.
	Write(m *Message) error
	// Flush is called when no more messages are there for now.
	Flush() error
	// Close gives everything back.
	Close() error
}

// Stats are totals since New.
type Stats struct {
	// Recorded counts messages given to the sinks.
	Recorded uint64
	// Filtered counts messages that the filter did not ask for.
	Filtered uint64
	// Dropped counts messages for which the buffer had no room.
	Dropped uint64
	// Failed counts messages that a sink could not take.
	Failed uint64
}

// Tap is a bounded buffer between the goroutines that carry messages and one
// that records them. Its methods are safe for concurrent use.
type Tap struct {
	cfg    Config
	filter atomic.Pointer[filter]
	kick   chan struct{}
	claim  atomic.Bool

	mu   sync.Mutex
	fill *batch

	recorded, filtered, dropped, failed atomic.Uint64
}

// ErrClosed means that a Tap was run or closed before.
var ErrClosed = errors.New("tap: closed")

// New makes a Tap. It records when Run runs.
func New(cfg Config) (*Tap, error) {
	if len(cfg.Sinks) == 0 {
		return nil, errors.New("tap: no sinks")
	}
	if cfg.Messages < 0 || cfg.Bytes < 0 || cfg.Interval < 0 {
		return nil, errors.New("tap: negative limit")
	}
	if cfg.Messages == 0 {
		cfg.Messages = 8192
	}
	if cfg.Bytes == 0 {
		cfg.Bytes = 8 << 20
	}
	if cfg.Interval == 0 {
		cfg.Interval = 50 * time.Millisecond
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tap{cfg: cfg, kick: make(chan struct{}, 1), fill: newBatch(&cfg)}
	if err := t.SetFilter(cfg.Filter); err != nil {
		return nil, err
	}
	return t, nil
}

// SetFilter changes what is recorded from now on.
func (t *Tap) SetFilter(f Filter) error {
	compiled, err := f.compile()
	if err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	t.filter.Store(compiled)
	return nil
}

// Message records one message if the filter asks for it. It neither blocks nor
// keeps msg, and fits transport.Config.Tap.
func (t *Tap) Message(dir transport.Direction, flow transport.Flow, msg []byte, at time.Time) {
	if !t.filter.Load().wants(&flow, msg) {
		t.filtered.Add(1)
		return
	}
	if !t.lock() {
		t.dropped.Add(1)
		return
	}
	ok, half := t.fill.add(dir, &flow, msg, at)
	t.mu.Unlock()
	if !ok {
		t.dropped.Add(1)
	}
	if half {
		select {
		case t.kick <- struct{}{}:
		default:
		}
	}
}

// lock tries for as long as another one may take to copy a message, and gives up
// then: whoever holds the lock may have lost its processor.
func (t *Tap) lock() bool {
	for range 1000 {
		if t.mu.TryLock() {
			return true
		}
	}
	return false
}

// Stats returns the totals.
func (t *Tap) Stats() Stats {
	return Stats{
		Recorded: t.recorded.Load(), Filtered: t.filtered.Load(),
		Dropped: t.dropped.Load(), Failed: t.failed.Load(),
	}
}

// Run gives messages to the sinks until ctx is done, then what is left, and
// closes the sinks. It returns what closing them returned. It may be called once.
func (t *Tap) Run(ctx context.Context) error {
	if !t.claim.CompareAndSwap(false, true) {
		return ErrClosed
	}
	tick := time.NewTicker(t.cfg.Interval)
	defer tick.Stop()
	spare := newBatch(&t.cfg)
	sinks := make([]state, len(t.cfg.Sinks))
	for {
		var done bool
		select {
		case <-tick.C:
		case <-t.kick:
		case <-ctx.Done():
			done = true
		}
		spare = t.swap(spare)
		t.write(spare, sinks)
		spare.reset()
		if done {
			return t.closeSinks()
		}
	}
}

// Close closes the sinks of a Tap that was never run.
func (t *Tap) Close() error {
	if !t.claim.CompareAndSwap(false, true) {
		return ErrClosed
	}
	return t.closeSinks()
}

func (t *Tap) closeSinks() error {
	var errs []error
	for _, s := range t.cfg.Sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (t *Tap) swap(spare *batch) *batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := t.fill
	t.fill = spare
	return full
}

// state is how a sink has worked of late.
type state struct {
	broken bool      // it has failed, and the log says so
	failed time.Time // when it did last
}

// settled is how long a sink must work before the log says that it does again:
// a full disk takes a little now and then.
const settled = 10 * time.Second

func (t *Tap) write(b *batch, sinks []state) {
	if len(b.records) == 0 {
		return
	}
	errs := make([]error, len(sinks))
	for i := range b.records {
		m := b.message(i)
		if !t.cfg.Secrets {
			m.Data = capture.Mask(m.Data)
		}
		t.recorded.Add(1)
		for j, s := range t.cfg.Sinks {
			if err := s.Write(&m); err != nil {
				t.failed.Add(1)
				errs[j] = err
			}
		}
	}
	now := time.Now()
	for j, s := range t.cfg.Sinks {
		if err := s.Flush(); err != nil {
			errs[j] = err
		}
		t.tell(&sinks[j], s, errs[j], now)
	}
}

// tell logs when a sink breaks and when it works again.
func (t *Tap) tell(is *state, s Sink, err error, now time.Time) {
	switch {
	case err != nil:
		if !is.broken {
			t.cfg.Logger.Warn("tap: recording fails", "sink", fmt.Sprint(s), "error", err)
		}
		is.broken, is.failed = true, now
	case is.broken && now.Sub(is.failed) >= settled:
		t.cfg.Logger.Info("tap: recording works again", "sink", fmt.Sprint(s))
		is.broken = false
	}
}
