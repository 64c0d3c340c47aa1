package resolve

import (
	"net/netip"
	"sync"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

const (
	maxDead = 1024
	// longestDead bounds Retry-After and the doubling for targets that stay silent.
	longestDead = 5 * time.Minute
	// probeTime is for how long others wait for the one request that finds out
	// whether a target lives again.
	probeTime = 5 * time.Second
)

// Dead is a bounded list of targets that have failed. A target whose time is
// over gets one request; the others follow when it was answered.
type Dead struct {
	mu    sync.Mutex
	first time.Duration
	m     map[deadKey]deadEntry
}

// deadKey leaves the name out: the same server fails for all its domains.
type deadKey struct {
	protocol transport.Protocol
	addr     netip.AddrPort
}

type deadEntry struct {
	failed, until time.Time
	held          bool // it asked to be left alone: a late answer to somebody else changes nothing
	times         int
}

// DeadTarget is a line of [Dead.List].
type DeadTarget struct {
	Protocol      transport.Protocol
	Addr          netip.AddrPort
	Failed, Until time.Time
	Times         int // failures without an answer in between
}

// NewDead makes a list in which a failure without Retry-After counts for d, and
// for twice as long each time it is repeated, up to 5 minutes.
func NewDead(d time.Duration) *Dead {
	return &Dead{first: d, m: make(map[deadKey]deadEntry)}
}

func keyOf(t Target) deadKey { return deadKey{t.Protocol, t.Addr} }

// Mark puts t on the list, for retryAfter (at most 5 minutes) if that is above 0.
func (d *Dead) Mark(now time.Time, t Target, retryAfter time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := keyOf(t)
	e, ok := d.m[k]
	if !ok && len(d.m) >= maxDead {
		d.evict()
	}
	wait := retryAfter
	if wait <= 0 {
		wait = d.first << min(e.times, 8)
	}
	e.failed, e.held, e.times = now, retryAfter > 0, e.times+1
	if until := now.Add(min(wait, longestDead)); until.After(e.until) {
		e.until = until
	}
	d.m[k] = e
}

func (d *Dead) evict() {
	var oldest deadKey
	var at time.Time
	for k, e := range d.m {
		if at.IsZero() || e.failed.Before(at) {
			oldest, at = k, e.failed
		}
	}
	delete(d.m, oldest)
}

// Answered takes t off the list, unless its Retry-After still runs.
func (d *Dead) Answered(now time.Time, t Target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.m[keyOf(t)]; ok && (!e.held || !now.Before(e.until)) {
		delete(d.m, keyOf(t))
	}
}

// usable reports whether t may be used. With probe, the caller sends it a
// request that must be answered, and the others wait for the result.
func (d *Dead) usable(now time.Time, t Target, probe bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.m[keyOf(t)]
	switch {
	case !ok:
		return true
	case now.Before(e.until):
		return false
	case probe:
		e.until, e.held = now.Add(probeTime), false
		d.m[keyOf(t)] = e
	}
	return true
}

// listed tells without changing anything whether and when t has failed.
func (d *Dead) listed(now time.Time, t Target) (failed time.Time, dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.m[keyOf(t)]
	return e.failed, now.Before(e.until)
}

// List returns the targets that are dead.
func (d *Dead) List(now time.Time) []DeadTarget {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []DeadTarget
	for k, e := range d.m {
		if now.Before(e.until) {
			all = append(all, DeadTarget{Protocol: k.protocol, Addr: k.addr, Failed: e.failed, Until: e.until, Times: e.times})
		}
	}
	return all
}
