package dispatch

import (
	"math"
	"net/netip"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

// view is one state of the pool as requests see it; it never changes.
type view struct {
	seed      uint64
	moveAfter time.Duration
	memory    *rendezvous.Memory
	list      []seen
	byAddr    map[netip.AddrPort]int
	byID      map[uint16]int
	tiers     [tiers]tier
}

// seen is what requests need to know of a target.
type seen struct {
	addr netip.AddrPort
	id   uint16
	up   bool
	down time.Time // since when
}

// The tiers in the order in which they are asked.
const (
	tierNear  = iota // in scope
	tierFar          // out of scope
	tierBusy         // when nothing else is left: better than refusing
	tierDrain        // likewise
	tiers
)

// tier is a set of targets that one ring chooses from.
type tier struct {
	ring  Ring
	index []int // of the ring's members in view.list
	// upto is the greatest hash that the tier takes: all, but when each of its
	// members has just come up and there are others.
	upto uint64
}

// Pick implements [relay.Dispatcher].
func (p *Pool) Pick(q relay.Query) (netip.AddrPort, bool) {
	v := p.view.Load()
	remembered := q.Method != wire.REGISTER && q.Method != wire.OPTIONS
	follows := q.Method == wire.CANCEL || q.Method == wire.ACK
	var transaction uint64
	if remembered {
		transaction = rendezvous.Hash(v.seed, q.Branch)
		if i, ok := v.byID[v.memory.Find(transaction)]; ok && (follows || v.stays(i, q.At)) {
			return v.list[i].addr, true
		}
	}
	i := v.choose(q.CallID)
	if i < 0 {
		return netip.AddrPort{}, false
	}
	if remembered && !follows {
		v.memory.Put(transaction, v.list[i].id, q.At)
	}
	return v.list[i].addr, true
}

// stays reports whether a retransmission belongs to target i still. One comes
// only while the target has answered nothing, but a target that is down for a
// moment may be about to.
func (v *view) stays(i int, at time.Time) bool {
	return v.list[i].up || at.Sub(v.list[i].down) < v.moveAfter
}

func (v *view) choose(callID []byte) int {
	for i := range v.tiers {
		t := &v.tiers[i]
		if t.ring == nil || t.upto != math.MaxUint64 && rendezvous.Derive(rendezvous.Hash(v.seed, callID)) > t.upto {
			continue
		}
		if n := t.ring.Pick(callID); n >= 0 && n < len(t.index) {
			return t.index[n]
		}
	}
	return -1
}

// Health implements [relay.Dispatcher].
func (p *Pool) Health(addr netip.AddrPort) relay.Health {
	v := p.view.Load()
	i, ok := v.byAddr[addr]
	switch {
	case !ok:
		return relay.Unknown
	case !v.list[i].up:
		return relay.Down
	}
	return relay.Up
}

// publish makes requests see what the members are now.
func (p *Pool) publish() error {
	v := &view{
		seed: p.seed, moveAfter: p.cfg.MoveAfter, memory: p.memory,
		byAddr: make(map[netip.AddrPort]int, len(p.members)),
		byID:   make(map[uint16]int, len(p.members)),
	}
	var sets [tiers][]int
	near := 0.0 // the greatest share of those in scope
	for i, m := range p.members {
		v.byAddr[m.Addr], v.byID[m.id] = i, i
		s := seen{addr: m.Addr, id: m.id, up: m.up}
		if !m.up {
			s.down = m.changed
		}
		v.list = append(v.list, s)
		if t := p.tierOf(m); t < tiers {
			sets[t] = append(sets[t], i)
			if t == tierNear {
				near = max(near, m.share())
			}
		}
	}
	for t := range v.tiers {
		ring, err := p.ring(sets[t])
		if err != nil {
			return err
		}
		v.tiers[t] = tier{ring: ring, index: sets[t], upto: math.MaxUint64}
	}
	if len(sets[tierFar]) > 0 && near < 1 {
		v.tiers[tierNear].upto = uint64(near*math.MaxUint32) << 32
	}
	p.view.Store(v)
	return nil
}

// tierOf is the tier a member is in, tiers when in none.
func (p *Pool) tierOf(m *member) int {
	switch m.state() {
	case StateUp, StateSlowStart:
		if p.cfg.Scope == Chassis && m.Chassis != p.cfg.Chassis {
			return tierFar
		}
		return tierNear
	case StateBusy:
		return tierBusy
	case StateDraining:
		return tierDrain
	}
	return tiers
}

// ring makes a ring of some members, nil of none.
func (p *Pool) ring(index []int) (Ring, error) {
	if len(index) == 0 {
		return nil, nil
	}
	names, weights := make([]string, len(index)), make([]float64, len(index))
	for i, n := range index {
		names[i], weights[i] = p.members[n].name, p.members[n].weight()
	}
	if p.cfg.Ring != nil {
		return p.cfg.Ring(p.cfg.Secret, names, weights)
	}
	return newBuiltin(p.seed, names, weights), nil
}

// builtin is the Ring for those who bring none.
type builtin struct {
	seed  uint64
	table rendezvous.Table
}

func newBuiltin(seed uint64, names []string, weights []float64) *builtin {
	seeds := make([]uint64, len(names))
	for i, n := range names {
		seeds[i] = rendezvous.Hash(seed, n)
	}
	return &builtin{seed: seed, table: rendezvous.NewTable(seeds, weights)}
}

// Pick implements [Ring].
func (b *builtin) Pick(key []byte) int { return b.table.Best(rendezvous.Hash(b.seed, key)) }
