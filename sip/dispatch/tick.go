package dispatch

import (
	"net/netip"
	"time"
)

// Probe is a target to be asked whether it is alive.
type Probe struct {
	Addr netip.AddrPort
}

// Tick lets time pass and returns the probes that are due, in memory that is
// used again by the next Tick. It is to be called several times in an
// [Config.Interval], by one goroutine at a time.
func (p *Pool) Tick(now time.Time) []Probe {
	p.probes = p.probes[:0]
	p.report(now, func() bool {
		count := len(p.members)
		p.prune(now)
		changed := len(p.members) != count
		for _, m := range p.members {
			changed = m.age(now, &p.cfg) || changed
			if p.cfg.Interval < 0 {
				continue
			}
			up := m.up
			if m.due(now, &p.cfg, p.cfg.Random) {
				p.probes = append(p.probes, Probe{Addr: m.Addr})
			}
			changed = changed || up != m.up
		}
		return changed
	})
	return p.probes
}

// Result says whether the probe of a target was answered. What is not reported
// by the time of the next probe counts as not answered.
func (p *Pool) Result(now time.Time, addr netip.AddrPort, ok bool) {
	p.observe(now, addr, func(m *member) {
		if ok {
			m.success(now, &p.cfg)
			return
		}
		m.asked = false
		m.unanswered(now, &p.cfg)
	})
}

// Unreachable says that the network has reported a target as unreachable: an
// ICMP error to whatever was sent there. It counts as a missed probe at once;
// the second one with no answer between, a fifth of the interval after the first
// at least, takes the target down.
func (p *Pool) Unreachable(now time.Time, addr netip.AddrPort) {
	p.observe(now, addr, func(m *member) { m.unreachable(now, &p.cfg) })
}

// Busy says that a target has asked to be spared new work for some time, as a
// 503 with Retry-After does. It gets none for that time, [MaxBusy] at most,
// unless the others are all busy or worse.
func (p *Pool) Busy(now time.Time, addr netip.AddrPort, d time.Duration) {
	p.observe(now, addr, func(m *member) { m.spare(now, d) })
}

// observe notes something about one target. Reports about strangers, of which
// there may be many, take no lock.
func (p *Pool) observe(now time.Time, addr netip.AddrPort, f func(*member)) {
	addr = unmap(addr)
	if _, ok := p.view.Load().byAddr[addr]; !ok {
		return
	}
	p.report(now, func() bool {
		m, ok := p.byAddr[addr]
		if !ok {
			return false
		}
		before := m.state()
		f(m)
		return before != m.state()
	})
}

// report runs f under the lock and publishes if f reports a change. What has
// been published stays when a Ring refuses its members, which the same Ring has
// not done when they were set.
func (p *Pool) report(now time.Time, f func() bool) {
	p.mu.Lock()
	p.latest = now
	var events []Event
	if f() {
		if err := p.publish(); err == nil {
			events = p.tell()
		}
	}
	p.mu.Unlock()
	for _, e := range events {
		p.cfg.Observe(e)
	}
}
