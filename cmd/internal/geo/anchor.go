package geo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/media/ng"
)

// MaxRelays is how many relays a token can name.
const MaxRelays = 255

// Config of an [Anchor].
type Config struct {
	// Relays in the order that both edges of a pair have. A negative weight takes
	// no new calls.
	Relays []ng.Node
	// Outside and Inside are the interfaces of the relays towards clients and
	// towards the core; both may be empty.
	Outside, Inside string
	// Recheck is how often relays that are down are asked; 2 s.
	Recheck time.Duration
	// Secret chooses relays for Call-IDs; the same for both edges of a pair.
	Secret []byte
	// Wake is called when a message that waits may be shown again:
	// [relay.Relay.Wake].
	Wake func()
	// Log hears of relays that go and come back; nil: nobody does.
	Log *slog.Logger
}

// Anchor implements [relay.Media] with relays elsewhere.
type Anchor struct {
	cfg   Config
	log   *slog.Logger
	nodes []*node
	table rendezvous.Table
	seed  uint64

	ctx  context.Context // of the questions; done when closed
	stop context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex
	questions map[string]*question // that messages wait for, by cookie
	open      int                  // questions that are not answered

	unavailable, unacceptable, foreign, shed atomic.Uint64
}

// New makes one. Nothing is connected before the first call.
func New(cfg Config, opts ...ng.ClientOption) (*Anchor, error) {
	if n := len(cfg.Relays); n == 0 || n > MaxRelays {
		return nil, fmt.Errorf("geo: %d relays, want 1 to %d", n, MaxRelays)
	}
	if cfg.Recheck <= 0 {
		cfg.Recheck = 2 * time.Second
	}
	a := &Anchor{cfg: cfg, log: cfg.Log, seed: rendezvous.Seed(cfg.Secret), questions: map[string]*question{}}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.ctx, a.stop = context.WithCancel(context.Background())
	var seeds []uint64
	var weights []float64
	for _, r := range cfg.Relays {
		c, err := ng.NewClient(r.ClientConfig, opts...)
		if err != nil {
			a.Close()
			return nil, err
		}
		n := &node{client: c, weight: r.Weight}
		if n.weight == 0 {
			n.weight = 1
		}
		a.nodes = append(a.nodes, n)
		seeds, weights = append(seeds, rendezvous.Hash(a.seed, r.URL)), append(weights, max(n.weight, 1e-9))
	}
	a.table = rendezvous.NewTable(seeds, weights)
	return a, nil
}

// Close ends all questions and waits for their goroutines.
func (a *Anchor) Close() {
	a.mu.Lock()
	a.stop() // no question begins after this
	a.mu.Unlock()
	a.work.Wait()
	for _, n := range a.nodes {
		n.client.Close()
	}
}

// Stats is what an Anchor has done.
type Stats struct {
	Nodes        []NodeStats
	Open         int    // questions that are not answered
	Unavailable  uint64 // messages refused, or dropped, for want of a relay
	Unacceptable uint64 // because the relay refused their description
	Foreign      uint64 // because a description could hide in their body
	Shed         uint64 // questions not asked because too many were open
}

// Stats may be called at any time.
func (a *Anchor) Stats() Stats {
	s := Stats{Unavailable: a.unavailable.Load(), Unacceptable: a.unacceptable.Load(), Foreign: a.foreign.Load(), Shed: a.shed.Load()}
	for _, n := range a.nodes {
		s.Nodes = append(s.Nodes, n.stats())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Open = a.open
	return s
}
