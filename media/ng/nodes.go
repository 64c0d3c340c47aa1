package ng

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
)

// ErrNoNode means that no relay of the set took the request.
var ErrNoNode = errors.New("ng: no relay available")

// Node is one relay of a set.
type Node struct {
	ClientConfig
	// Weight is its share of new calls, 0 means 1. Negative: it gets none but
	// goes on serving the calls it has.
	Weight float64
}

// NodesConfig of a set. Zero fields have the default stated.
type NodesConfig struct {
	Nodes []Node
	// Recheck is how often relays that did not answer are asked whether they are
	// back. Default 10 s.
	Recheck time.Duration
	// MaxCalls is for how many calls the relay is remembered; beyond it the
	// oldest is forgotten and found by its Call-ID alone. Default 100,000.
	MaxCalls int
}

// Nodes spreads calls over several relays by a hash of the Call-ID, keeps each
// call where it is, and asks another relay when one does not answer or takes
// no more. A session that a relay may have begun, or not ended, without our
// hearing of it is deleted there when it answers again. Make one with
// [NewNodes], let Run run, and close it.
type Nodes struct {
	cfg     NodesConfig
	log     *slog.Logger
	clients []*Client
	down    []atomic.Bool
	table   rendezvous.Table

	mu    sync.Mutex
	calls map[string]int        // Call-ID to node
	queue []string              // Call-IDs in the order they came, some gone already
	left  []map[string]struct{} // by node: sessions to be deleted there
}

// maxLeft bounds the sessions that are remembered for one relay that does not
// answer; further ones end there by its own time-outs.
const maxLeft = 10_000

// NodesOption changes what is not configuration.
type NodesOption func(*Nodes, *[]ClientOption)

// WithNodesLogger sets the logger; it hears of relays that go and come back.
func WithNodesLogger(l *slog.Logger) NodesOption {
	return func(n *Nodes, _ *[]ClientOption) { n.log = l }
}

// WithClientOptions passes options to all clients.
func WithClientOptions(opts ...ClientOption) NodesOption {
	return func(_ *Nodes, to *[]ClientOption) { *to = append(*to, opts...) }
}

// NewNodes makes a set. Nothing is connected before the first request.
func NewNodes(cfg NodesConfig, opts ...NodesOption) (*Nodes, error) {
	if len(cfg.Nodes) == 0 {
		return nil, fmt.Errorf("%w: none configured", ErrNoNode)
	}
	if cfg.Recheck <= 0 {
		cfg.Recheck = 10 * time.Second
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = 100000
	}
	n := &Nodes{cfg: cfg, log: slog.New(slog.DiscardHandler), calls: map[string]int{}, down: make([]atomic.Bool, len(cfg.Nodes))}
	var clientOpts []ClientOption
	for _, o := range opts {
		o(n, &clientOpts)
	}
	var seeds []uint64
	var weights []float64
	for _, node := range cfg.Nodes {
		c, err := NewClient(node.ClientConfig, clientOpts...)
		if err != nil {
			n.Close()
			return nil, err
		}
		n.clients = append(n.clients, c)
		w := node.Weight
		if w == 0 {
			w = 1
		}
		// The table knows no weight of zero: such nodes are last and skipped.
		seeds, weights = append(seeds, rendezvous.Hash(0, node.URL)), append(weights, max(w, 1e-9))
	}
	n.table = rendezvous.NewTable(seeds, weights)
	n.left = make([]map[string]struct{}, len(cfg.Nodes))
	return n, nil
}

// Close ends all clients.
func (n *Nodes) Close() {
	for _, c := range n.clients {
		c.Close()
	}
}

// Run asks relays that are down whether they are back, until ctx is done.
func (n *Nodes) Run(ctx context.Context) {
	t := time.NewTicker(n.cfg.Recheck)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			n.recheck(ctx)
		}
	}
}

func (n *Nodes) recheck(ctx context.Context) {
	var wg sync.WaitGroup
	for i, c := range n.clients {
		down := n.down[i].Load()
		if !down && n.leftAt(i) == 0 {
			continue
		}
		wg.Go(func() {
			// It gets no calls before it has let go of those that it lost.
			if c.Ping(ctx) == nil && n.clear(ctx, i) && down {
				n.Enable(i, true)
			}
		})
	}
	wg.Wait()
}

// clear deletes sessions that were left at a relay, and reports false when it
// does not answer any more.
func (n *Nodes) clear(ctx context.Context, i int) bool {
	for {
		callID, ok := n.takeLeft(i)
		if !ok {
			return true
		}
		_, err := n.clients[i].Do(ctx, Of("command", "delete", "call-id", callID, "delete-delay", int64(0)))
		if unheard(err) {
			n.leave(i, callID)
			return false
		}
	}
}

// unheard reports whether an error leaves open what the relay has done.
func unheard(err error) bool {
	var said *ReplyError
	return err != nil && !errors.As(err, &said) && !errors.Is(err, ErrLoadLimit)
}

// leave remembers a session that may be at a relay.
func (n *Nodes) leave(i int, callID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left[i] == nil {
		n.left[i] = map[string]struct{}{}
	}
	if len(n.left[i]) < maxLeft {
		n.left[i][callID] = struct{}{}
	}
}

func (n *Nodes) leftAt(i int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.left[i])
}

// takeLeft takes one of the sessions out that were left at a relay and that it
// does not serve.
func (n *Nodes) takeLeft(i int) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for callID := range n.left[i] {
		delete(n.left[i], callID)
		if at, known := n.calls[callID]; !known || at != i {
			return callID, true
		}
	}
	return "", false
}

// Enable takes a relay, by its place in the configuration, out of use for new
// calls or puts it back.
func (n *Nodes) Enable(node int, on bool) {
	if n.down[node].Swap(!on) == on {
		n.log.Warn("media relay", "url", n.clients[node].URL(), "up", on)
	}
}

// NodeState is what a set knows of a relay.
type NodeState struct {
	URL string
	Up  bool
}

// States are those of all relays, in the order of the configuration.
func (n *Nodes) States() []NodeState {
	out := make([]NodeState, len(n.clients))
	for i, c := range n.clients {
		out[i] = NodeState{URL: c.URL(), Up: !n.down[i].Load()}
	}
	return out
}

// Do sends a command of a call to the relay that has it. A command that may
// begin a session (offer, publish, create) goes on to the next relay when one
// does not answer or is full; others do not, as only one relay has the
// session. A delete forgets where the call was.
func (n *Nodes) Do(ctx context.Context, callID string, request Dict) (Dict, error) {
	command := canonical(request.Str("command"))
	begins := command == "offer" || command == "publish" || command == "create"
	at, known := n.find(callID)
	if known && (!begins || !n.down[at].Load()) {
		reply, err := n.ask(ctx, at, request)
		if command == "delete" && (err == nil || unheard(err)) {
			n.forget(callID)
		}
		if unheard(err) && (begins || command == "delete") {
			n.leave(at, callID)
		}
		if err == nil || !begins || !elsewhere(ctx, err) {
			return reply, err
		}
	} else if !known && !begins {
		at = n.first(callID)
		return n.ask(ctx, at, request)
	}
	if known { // a relay that is down keeps its part until it is back
		n.leave(at, callID)
	}
	last := ErrNoNode
	for _, i := range n.order(callID) {
		if known && i == at {
			continue
		}
		reply, err := n.ask(ctx, i, request)
		if err == nil {
			n.remember(callID, i)
			return reply, nil
		}
		if unheard(err) {
			n.leave(i, callID)
		}
		if !elsewhere(ctx, err) {
			return Dict{}, err
		}
		last = fmt.Errorf("%w: %w", ErrNoNode, err)
	}
	return Dict{}, last
}

// elsewhere tells whether another relay may answer better.
func elsewhere(ctx context.Context, err error) bool {
	var reply *ReplyError
	if errors.As(err, &reply) {
		return reply.Full()
	}
	return ctx.Err() == nil
}

func (n *Nodes) ask(ctx context.Context, i int, request Dict) (Dict, error) {
	reply, err := n.clients[i].Do(ctx, request)
	if unheard(err) && ctx.Err() == nil {
		n.Enable(i, false)
	}
	return reply, err
}

func (n *Nodes) order(callID string) []int {
	all := n.table.Order(nil, rendezvous.Hash(0, callID))
	out := all[:0]
	for _, i := range all {
		if n.cfg.Nodes[i].Weight >= 0 && !n.down[i].Load() {
			out = append(out, i)
		}
	}
	return out
}

// first is the relay that has a call nobody remembers, after a restart.
func (n *Nodes) first(callID string) int {
	if o := n.order(callID); len(o) > 0 {
		return o[0]
	}
	return n.table.Best(rendezvous.Hash(0, callID))
}

func (n *Nodes) find(callID string) (int, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, ok := n.calls[callID]
	return i, ok
}

func (n *Nodes) remember(callID string, node int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.calls[callID]; !ok {
		n.queue = append(n.queue, callID)
	}
	n.calls[callID] = node
	for len(n.calls) > n.cfg.MaxCalls || len(n.queue) > 2*n.cfg.MaxCalls {
		delete(n.calls, n.queue[0])
		n.queue = n.queue[1:]
	}
}

func (n *Nodes) forget(callID string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.calls, callID)
}
