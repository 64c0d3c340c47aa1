package transport

import (
	"net/netip"
	"sync"
	"time"
)

// admission counts accepted connections against the limits.
type admission struct {
	rates  rateTable // of handshakes, by source
	mu     sync.Mutex
	limits Limits
	open   int
	shakes int
	source map[netip.Addr]int // never longer than open
}

func newAdmission(limits Limits) admission {
	return admission{limits: limits, rates: newRateTable(limits.HandshakeRatePerSource), source: make(map[netip.Addr]int)}
}

func (a *admission) set(limits Limits) {
	a.mu.Lock()
	a.limits = limits
	a.mu.Unlock()
	a.rates.mu.Lock()
	a.rates.rate = limits.HandshakeRatePerSource
	a.rates.mu.Unlock()
}

// source is what ConnectionsPerSource counts: an IPv6 host has a whole /64.
func source(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// enter admits a connection, or says by which limit not. An invalid source is
// one that will be known later and then is to be counted by enterSource.
func (a *admission) enter(src netip.Addr, handshake bool, now time.Duration) (Close, bool) {
	if handshake && src.IsValid() && !a.rates.allow(src, now) {
		return CloseHandshakeRate, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.open >= a.limits.Connections:
		return CloseLimit, false
	case a.source[src] >= a.limits.ConnectionsPerSource:
		return CloseSourceLimit, false
	case handshake && a.shakes >= a.limits.Handshakes:
		return CloseHandshakeLimit, false
	}
	a.open++
	if src.IsValid() {
		a.source[src]++
	}
	if handshake {
		a.shakes++
	}
	return 0, true
}

// enterSource counts a connection for its source, which was not known when it
// was admitted.
func (a *admission) enterSource(src netip.Addr, handshake bool, now time.Duration) (Close, bool) {
	if handshake && !a.rates.allow(src, now) {
		return CloseHandshakeRate, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.source[src] >= a.limits.ConnectionsPerSource {
		return CloseSourceLimit, false
	}
	a.source[src]++
	return 0, true
}

// shaken tells that a handshake has ended, well or not.
func (a *admission) shaken() {
	a.mu.Lock()
	a.shakes--
	a.mu.Unlock()
}

func (a *admission) leave(src netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if !src.IsValid() {
		return
	}
	if a.source[src]--; a.source[src] == 0 {
		delete(a.source, src)
	}
}
