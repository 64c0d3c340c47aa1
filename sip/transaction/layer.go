package transaction

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Layer holds the transactions of one goroutine. See the package comment for
// its contract.
type Layer struct {
	cfg     Config
	servers map[key]*Server
	clients map[key]*Client
	merged  map[key]*Server // only with RefuseMerged
	seeds   [2]maphash.Seed
	wheel   wheel
	base    time.Time // what deadlines are counted from; the first time seen
	random  pool
	stats   Stats

	lent  *wire.Message // the request in the user's hands, if any
	view  wire.Message  // a request whose Via was completed, lent to the user
	local wire.Message  // for use between two callbacks only
	edit  wire.Edit
	keyed []byte // scratch of keys
	whole []byte // scratch behind view
	buf   []byte // scratch of messages being built
}

// New makes a layer. It panics when cfg lacks Send or User, which is a
// mistake of the program.
func New(cfg Config) *Layer {
	if cfg.Send == nil || cfg.User == nil {
		panic("transaction: Config needs Send and User")
	}
	if cfg.MaxTransactions == 0 {
		cfg.MaxTransactions = 200_000
	}
	if cfg.Random == nil {
		// crypto/rand.Read never fails: it aborts the program instead.
		cfg.Random = func(b []byte) { _, _ = rand.Read(b) }
	}
	cfg.Timers = cfg.Timers.withDefaults()
	l := &Layer{
		cfg:     cfg,
		servers: make(map[key]*Server),
		clients: make(map[key]*Client),
		seeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		random:  pool{read: cfg.Random},
	}
	if cfg.RefuseMerged {
		l.merged = make(map[key]*Server)
	}
	l.wheel.init()
	return l
}

// Receive takes one message from the network. m has been parsed without error.
func (l *Layer) Receive(now time.Time, m *wire.Message, from transport.Flow) {
	l.since(now)
	if m.IsRequest() {
		l.request(now, m, from)
	} else {
		l.response(now, m, from)
	}
}

// Advance fires the timers that are due at now and tells when it wants to be
// called next; ok is false when no timer runs. The time returned may be
// earlier than the next deadline, never later.
func (l *Layer) Advance(now time.Time) (next time.Time, ok bool) {
	l.wheel.advance(l.since(now), now)
	return l.Next()
}

// Next is when Advance has to be called, as Advance returned it unless timers
// were set since.
func (l *Layer) Next() (next time.Time, ok bool) {
	_, begin, ok := l.wheel.soonest()
	if !ok {
		return time.Time{}, false
	}
	return l.base.Add(time.Duration(begin * tick)), true
}

// Stats is a snapshot of the counters.
func (l *Layer) Stats() Stats {
	s := l.stats
	s.Servers, s.Clients = len(l.servers), len(l.clients)
	return s
}

// Send puts a message on a flow outside of any transaction: the ACK of a 2xx,
// or a response made without state.
func (l *Layer) Send(flow transport.Flow, msg []byte) error {
	err := l.cfg.Send(flow, msg)
	if err == nil {
		return nil
	}
	if !flow.Protocol.Reliable() && errors.Is(err, transport.ErrQueueFull) {
		l.stats.SendDropped++
		return nil
	}
	l.stats.SendErrors++
	return fmt.Errorf("transaction: send: %w", err)
}

// AppendBranch appends a fresh Via branch with the magic cookie of RFC 3261
// section 8.1.1.7 and 80 random bits.
func (l *Layer) AppendBranch(dst []byte) []byte {
	return l.random.append(append(dst, cookie...), 10)
}

// AppendTag appends a fresh From or To tag of 80 random bits (RFC 3261
// section 19.3 asks for 32).
func (l *Layer) AppendTag(dst []byte) []byte { return l.random.append(dst, 10) }

// horizon is how far the first deadline may lie ahead of the first time seen.
const horizon = 365 * 24 * time.Hour

// since is now in nanoseconds from the layer's base.
func (l *Layer) since(now time.Time) int64 {
	if l.base.IsZero() {
		l.base = now
	}
	return int64(now.Sub(l.base))
}

func (l *Layer) full() bool {
	return len(l.servers)+len(l.clients) >= l.cfg.MaxTransactions
}

// Expirer is told that its Timer ran out.
type Expirer interface {
	Expire(now time.Time)
}

// Timer is a deadline of the layer's user, kept in the layer's wheel: Timer C
// of a proxy, a session timer. The zero value is stopped. It must not be
// copied while it runs.
type Timer struct {
	timer timer
	user  Expirer
}

func (t *Timer) expire(now time.Time) { t.user.Expire(now) }

// Start arms t for the time at, whether it runs already or not. e.Expire is
// called by the first Advance at or after it.
func (l *Layer) Start(t *Timer, at time.Time, e Expirer) {
	if l.base.IsZero() {
		l.base = at.Add(-horizon) // the present is somewhere before at
	}
	t.user, t.timer.owner = e, t
	l.wheel.set(&t.timer, l.since(at))
}

// Stop disarms t; it does nothing when t does not run.
func (l *Layer) Stop(t *Timer) { l.wheel.stop(&t.timer) }
