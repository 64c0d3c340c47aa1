package dispatch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/internal/rendezvous"
)

// Pool is a set of targets, what is known of their health, and a
// [github.com/class5-go/class5/sip/relay.Dispatcher] over both. All methods may
// be called by many goroutines; Pick and Health neither lock nor allocate.
type Pool struct {
	cfg  Config
	seed uint64
	view atomic.Pointer[view]

	mu      sync.Mutex
	members []*member
	byAddr  map[netip.AddrPort]*member
	ids     map[netip.AddrPort]uint16 // of all addresses since the memory was made
	memory  *rendezvous.Memory
	probes  []Probe
	gone    []Event   // of targets removed, not told yet
	latest  time.Time // that anybody has told
}

// New makes a pool of targets, which are taken for up until they miss a probe.
func New(cfg Config, targets ...Target) (*Pool, error) {
	cfg.setDefaults()
	if cfg.Random == nil {
		cfg.Random = rand.Uint64
	}
	p := &Pool{
		cfg:    cfg,
		seed:   rendezvous.Seed(cfg.Secret),
		byAddr: map[netip.AddrPort]*member{},
		ids:    map[netip.AddrPort]uint16{},
		memory: new(rendezvous.Memory),
	}
	if err := p.Set(targets...); err != nil {
		return nil, err
	}
	return p, nil
}

// Set says which targets there are from now on. Those that were there keep
// their health; new ones get work when they have answered, unless there is
// nothing else; those not named drain and are removed when Linger has passed.
// On an error the pool is as before.
func (p *Pool) Set(targets ...Target) error {
	list, err := checked(targets)
	if err != nil {
		return err
	}
	return p.change(func() error {
		up := p.cfg.Interval < 0 || !p.anyUp()
		named := make(map[netip.AddrPort]struct{}, len(list))
		for _, t := range list {
			named[t.Addr] = struct{}{}
			if m, ok := p.byAddr[t.Addr]; ok {
				m.Target, m.leaving, m.left = t, false, time.Time{}
				continue
			}
			p.add(t, up)
		}
		for _, m := range p.members {
			if _, ok := named[m.Addr]; !ok {
				m.leaving = true
			}
		}
		p.prune(time.Time{})
		return nil
	})
}

// Drain starts or ends the draining of a target, in addition to what Set says
// of it and until it is ended here.
func (p *Pool) Drain(now time.Time, addr netip.AddrPort, on bool) error {
	return p.change(func() error {
		p.latest = now
		m, ok := p.byAddr[unmap(addr)]
		if !ok {
			return fmt.Errorf("dispatch: %v: %w", addr, ErrUnknown)
		}
		m.drained = on
		return nil
	})
}

// Remove removes a target and its dialogs at once.
func (p *Pool) Remove(now time.Time, addr netip.AddrPort) error {
	return p.change(func() error {
		p.latest = now
		m, ok := p.byAddr[unmap(addr)]
		if !ok {
			return fmt.Errorf("dispatch: %v: %w", addr, ErrUnknown)
		}
		p.remove(func(other *member) bool { return other == m })
		return nil
	})
}

// List is all targets, in the order in which they came.
func (p *Pool) List() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Status, len(p.members))
	for i, m := range p.members {
		list[i] = Status{
			Target: m.Target, State: m.state(), Since: m.changed,
			Proven: m.proven, Misses: m.misses, Share: m.share(), Leaving: m.leaving,
		}
	}
	return list
}

// change runs f under the lock, publishes what it has done and tells of it.
func (p *Pool) change(f func() error) error {
	p.mu.Lock()
	backup := make([]member, len(p.members))
	for i, m := range p.members {
		backup[i] = *m
	}
	err := f()
	if err == nil {
		err = p.publish()
	}
	if err != nil {
		p.restore(backup)
	}
	events := p.tell()
	p.mu.Unlock()
	for _, e := range events {
		p.cfg.Observe(e)
	}
	return err
}

// restore undoes a change that a Ring has refused. Numbers given meanwhile stay
// given.
func (p *Pool) restore(backup []member) {
	p.members, p.gone = p.members[:0], nil
	clear(p.byAddr)
	for i := range backup {
		m := &backup[i]
		m.id = p.id(m.Addr)
		p.members, p.byAddr[m.Addr] = append(p.members, m), m
	}
}

func (p *Pool) anyUp() bool {
	return slices.ContainsFunc(p.members, func(m *member) bool { return m.up && !m.draining() })
}

func (p *Pool) add(t Target, up bool) {
	m := &member{Target: t, id: p.id(t.Addr), name: t.Addr.String()}
	m.up, m.step = up, rampSteps
	p.members, p.byAddr[t.Addr] = append(p.members, m), m
}

// id numbers addresses for the memory. Numbers are not used twice for one
// memory: when they come to an end, both begin anew.
func (p *Pool) id(a netip.AddrPort) uint16 {
	if id, ok := p.ids[a]; ok {
		return id
	}
	if len(p.ids) == math.MaxUint16 {
		clear(p.ids)
		p.memory = new(rendezvous.Memory)
		for _, m := range p.members {
			m.id = uint16(len(p.ids) + 1)
			p.ids[m.Addr] = m.id
		}
	}
	id := uint16(len(p.ids) + 1) // 0 is nothing
	p.ids[a] = id
	return id
}

// prune removes what has left for long enough, and the oldest of it when there
// is too much.
func (p *Pool) prune(now time.Time) {
	leaving := 0
	for _, m := range p.members {
		if m.leaving && m.left.IsZero() {
			m.left = now
		}
		if m.leaving {
			leaving++
		}
	}
	if leaving == 0 {
		return
	}
	excess := len(p.members) - MaxTargets
	p.remove(func(m *member) bool {
		if !m.leaving {
			return false
		}
		excess--
		return excess >= 0 || p.cfg.Linger < 0 || !m.left.IsZero() && now.Sub(m.left) >= p.cfg.Linger
	})
}

func (p *Pool) remove(which func(*member) bool) {
	p.members = slices.DeleteFunc(p.members, func(m *member) bool {
		gone := which(m)
		if gone {
			delete(p.byAddr, m.Addr)
			p.gone = append(p.gone, Event{Addr: m.Addr, From: m.told})
		}
		return gone
	})
}
