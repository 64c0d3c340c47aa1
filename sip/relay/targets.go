package relay

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/sip/wire"
)

// Target is one proxy, or the shared address of a pair of them.
type Target struct {
	// Addr is where it takes SIP over UDP, and what its Record-Route names.
	Addr netip.AddrPort
	// Weight is its share of new work relative to the others; zero is 1.
	Weight int
	// Down means it does not answer: nothing new is sent there, and requests in
	// its dialogs are answered 503.
	Down bool
	// Draining means it gets nothing new but keeps its dialogs and running
	// transactions.
	Draining bool
}

// Targets is the simple [Dispatcher], for those who find out themselves which
// proxies are alive: weighted rendezvous hashing of the Call-ID. When a target
// comes or goes, only the calls move that it wins or loses.
//
// For each of the last 65,536 transactions or so, REGISTER and OPTIONS left
// out, it remembers where they went, so that a retransmission, the CANCEL and
// the ACK follow although a target has drained or come meanwhile. When the
// target is down, CANCEL and ACK follow still, a retransmission goes elsewhere.
// The memory is of fixed size and may be lost at any time; then the hash
// decides alone.
type Targets struct {
	seed  uint64
	state atomic.Pointer[targetSet]

	mu     sync.Mutex                // for Set
	ids    map[netip.AddrPort]uint16 // of all addresses since the memory was made
	memory *rendezvous.Memory
}

// targetSet is one state of the table; it never changes.
type targetSet struct {
	list   []Target
	byAddr map[netip.AddrPort]int
	byID   map[uint16]int
	ids    []uint16
	memory *rendezvous.Memory
	active choice // those that are neither down nor draining
	last   choice // those that are draining, for when there are no others
}

// choice is a table of some of the targets.
type choice struct {
	table rendezvous.Table
	index []int
}

const maxTargets = 1 << 10

// NewTargets makes a table. secret, which may be empty, keeps strangers from
// choosing Call-IDs that all fall to one target; nodes that share targets share
// it too.
func NewTargets(secret []byte, targets ...Target) (*Targets, error) {
	t := &Targets{
		seed:   rendezvous.Seed(secret),
		ids:    map[netip.AddrPort]uint16{},
		memory: new(rendezvous.Memory),
	}
	if err := t.Set(targets...); err != nil {
		return nil, err
	}
	return t, nil
}

// Set changes all targets at once. On an error the table is as before.
func (t *Targets) Set(targets ...Target) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(targets) > maxTargets {
		return fmt.Errorf("relay: %d targets, at most %d", len(targets), maxTargets)
	}
	if len(t.ids)+len(targets) > math.MaxUint16 {
		clear(t.ids)
		t.memory = new(rendezvous.Memory)
	}
	set := &targetSet{byAddr: map[netip.AddrPort]int{}, byID: map[uint16]int{}, memory: t.memory}
	for i, tt := range targets {
		tt.Addr, tt.Weight = unmap(tt.Addr), max(tt.Weight, 1)
		if !tt.Addr.IsValid() || tt.Addr.Addr().IsUnspecified() || tt.Addr.Port() == 0 {
			return fmt.Errorf("relay: target %d needs an address and a port, not %v", i, tt.Addr)
		}
		if _, twice := set.byAddr[tt.Addr]; twice {
			return fmt.Errorf("relay: target %v is there twice", tt.Addr)
		}
		id := t.id(tt.Addr)
		set.byAddr[tt.Addr], set.byID[id] = i, i
		set.list, set.ids = append(set.list, tt), append(set.ids, id)
	}
	if err := set.choose(t.seed); err != nil {
		return err
	}
	t.state.Store(set)
	return nil
}

// choose makes the tables of a set.
func (s *targetSet) choose(seed uint64) error {
	for _, c := range []struct {
		choice   *choice
		draining bool
	}{{&s.active, false}, {&s.last, true}} {
		var seeds []uint64
		var weights []float64
		for i, t := range s.list {
			if t.Down || t.Draining != c.draining {
				continue
			}
			text, err := t.Addr.MarshalText()
			if err != nil {
				return errors.Join(errors.New("relay: target address"), err)
			}
			seeds, weights = append(seeds, rendezvous.Hash(seed, text)), append(weights, float64(t.Weight))
			c.choice.index = append(c.choice.index, i)
		}
		c.choice.table = rendezvous.NewTable(seeds, weights)
	}
	return nil
}

// id numbers addresses for the memory. Numbers are not used twice for one
// memory: when they come to an end, both begin anew.
func (t *Targets) id(a netip.AddrPort) uint16 {
	id, ok := t.ids[a]
	if !ok {
		id = uint16(len(t.ids) + 1) // 0 is an empty entry
		t.ids[a] = id
	}
	return id
}

// Pick implements [Dispatcher].
func (t *Targets) Pick(q Query) (netip.AddrPort, bool) {
	set := t.state.Load()
	remembered := q.Method != wire.REGISTER && q.Method != wire.OPTIONS
	follows := q.Method == wire.CANCEL || q.Method == wire.ACK
	var transaction uint64
	if remembered {
		transaction = rendezvous.Hash(t.seed, q.Branch)
		// A target that is down is still the only one to know the transaction;
		// a request that it has not answered is better off elsewhere.
		if i, ok := set.byID[set.memory.Find(transaction)]; ok && (follows || !set.list[i].Down) {
			return set.list[i].Addr, true
		}
	}
	i := set.best(rendezvous.Hash(t.seed, q.CallID))
	if i < 0 {
		return netip.AddrPort{}, false
	}
	if remembered && !follows {
		set.memory.Put(transaction, set.ids[i], q.At)
	}
	return set.list[i].Addr, true
}

// best is the target with the highest score for h, -1 when there is none.
func (s *targetSet) best(h uint64) int {
	if i := s.active.table.Best(h); i >= 0 {
		return s.active.index[i]
	}
	if i := s.last.table.Best(h); i >= 0 {
		return s.last.index[i]
	}
	return -1
}

// Health implements [Dispatcher].
func (t *Targets) Health(addr netip.AddrPort) Health {
	set := t.state.Load()
	i, ok := set.byAddr[addr]
	switch {
	case !ok:
		return Unknown
	case set.list[i].Down:
		return Down
	}
	return Up
}

// List returns the targets as they are now.
func (t *Targets) List() []Target {
	set := t.state.Load()
	return slices.Clone(set.list)
}
