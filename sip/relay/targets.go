package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"

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

// Targets is a [Dispatcher] by weighted rendezvous hashing of the Call-ID: when
// a target comes or goes, only the calls move that it wins or loses.
//
// For each of the last 65,536 INVITEs or so it remembers where it went, so that
// a retransmission, the CANCEL and the ACK follow although a target has gone
// down, drained or come meanwhile. The memory is of fixed size and may be lost
// at any time; then the hash decides alone.
type Targets struct {
	seed  uint64
	state atomic.Pointer[targetSet]

	mu     sync.Mutex                // for Set
	ids    map[netip.AddrPort]uint16 // of all addresses since the memory was made
	memory *memory
}

// memory holds an entry for each INVITE it remembers: a fingerprint of the
// branch in the upper 48 bits, the id of the target in the lower 16.
type memory [memorySize]atomic.Uint64

// targetSet is one state of the table; it never changes.
type targetSet struct {
	list   []target
	byAddr map[netip.AddrPort]int
	byID   map[uint16]int
	memory *memory
	equal  bool // all weights are the same
}

type target struct {
	Target
	id   uint16
	seed uint64
}

const (
	memorySize = 1 << 16
	maxTargets = 1 << 10
)

// NewTargets makes a table. secret, which may be empty, keeps strangers from
// choosing Call-IDs that all fall to one target; nodes that share targets share
// it too.
func NewTargets(secret []byte, targets ...Target) (*Targets, error) {
	t := &Targets{
		seed:   mix(hash64(0x9e3779b97f4a7c15, secret), 0xd6e8feb86659fd93),
		ids:    map[netip.AddrPort]uint16{},
		memory: new(memory),
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
		t.memory = new(memory)
	}
	set := &targetSet{byAddr: map[netip.AddrPort]int{}, byID: map[uint16]int{}, memory: t.memory, equal: true}
	for i, tt := range targets {
		tt.Addr, tt.Weight = unmap(tt.Addr), max(tt.Weight, 1)
		if !tt.Addr.IsValid() || tt.Addr.Addr().IsUnspecified() || tt.Addr.Port() == 0 {
			return fmt.Errorf("relay: target %d needs an address and a port, not %v", i, tt.Addr)
		}
		if _, twice := set.byAddr[tt.Addr]; twice {
			return fmt.Errorf("relay: target %v is there twice", tt.Addr)
		}
		text, err := tt.Addr.MarshalText()
		if err != nil {
			return errors.Join(errors.New("relay: target address"), err)
		}
		id := t.id(tt.Addr)
		set.byAddr[tt.Addr], set.byID[id] = i, i
		set.equal = set.equal && tt.Weight == max(targets[0].Weight, 1)
		set.list = append(set.list, target{Target: tt, id: id, seed: hash64(t.seed, text)})
	}
	t.state.Store(set)
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
	transaction := q.Method == wire.INVITE || q.Method == wire.CANCEL || q.Method == wire.ACK
	var entry *atomic.Uint64
	var print uint64
	if transaction {
		h := hash64(t.seed, q.Branch)
		entry, print = &set.memory[h%memorySize], h&^0xffff
		if e := entry.Load(); e != 0 && e&^0xffff == print {
			// A target that is down is still the only one to know the transaction;
			// a new INVITE is better off elsewhere.
			if i, ok := set.byID[uint16(e)]; ok && (q.Method != wire.INVITE || !set.list[i].Down) {
				return set.list[i].Addr, true
			}
		}
	}
	h := hash64(t.seed, q.CallID)
	best := set.best(h, false)
	if best == nil {
		best = set.best(h, true)
	}
	if best == nil {
		return netip.AddrPort{}, false
	}
	if q.Method == wire.INVITE {
		entry.Store(print | uint64(best.id))
	}
	return best.Addr, true
}

// best is the target with the highest score for h.
func (s *targetSet) best(h uint64, draining bool) *target {
	var best *target
	var top uint64
	topScore := math.Inf(-1)
	for i := range s.list {
		t := &s.list[i]
		if t.Down || t.Draining && !draining {
			continue
		}
		d := mix(h^t.seed, 0xa0761d6478bd642f)
		if s.equal {
			if best == nil || d > top {
				best, top = t, d
			}
			continue
		}
		// The logarithm of a uniform number over the weight: the share of wins is
		// the share of weight, whatever the other targets are.
		if score := math.Log((float64(d>>11)+0.5)/(1<<53)) / float64(t.Weight); score > topScore {
			best, topScore = t, score
		}
	}
	return best
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
	list := make([]Target, len(set.list))
	for i := range set.list {
		list[i] = set.list[i].Target
	}
	return list
}

// hash64 is a fast hash with a seed that strangers don't know. It is the same
// in every process: two nodes must agree.
func hash64(seed uint64, b []byte) uint64 {
	h := mix(seed^uint64(len(b)), 0xe7037ed1a0b428db)
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h^binary.LittleEndian.Uint64(b), seed^0x8ebc6af09c88c6e3)
	}
	var last [8]byte
	copy(last[:], b)
	return mix(h^binary.LittleEndian.Uint64(last[:]), seed^0x589965cc75374cc3)
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
