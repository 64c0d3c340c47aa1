package transport

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// connTable finds connections by generation. It is cut into shards, so that
// goroutines that send to different connections seldom meet on a lock.
type connTable struct {
	epoch  uint64 // boot epoch in the upper half
	count  atomic.Uint32
	shards [64]struct {
		sync.RWMutex
		conns map[uint64]*conn
		_     [24]byte
	}
}

// init starts the counter anywhere: should the process be started twice in the
// same second, the generations of both lives still differ but by a rare chance.
func (t *connTable) init(epoch uint32, start uint32) {
	t.epoch = uint64(epoch) << 32
	t.count.Store(start)
	for i := range t.shards {
		t.shards[i].conns = make(map[uint64]*conn)
	}
}

// add gives c its generation and makes it known.
func (t *connTable) add(c *conn) {
	for {
		g := t.epoch | uint64(t.count.Add(1))
		s := &t.shards[g%uint64(len(t.shards))]
		s.Lock()
		if _, used := s.conns[g]; !used { // after 2^32 connections an old one may still live
			c.flow.Generation = g
			s.conns[g] = c
			s.Unlock()
			return
		}
		s.Unlock()
	}
}

// find returns the connection of flow if it is open and its own: all that a
// flow token carries must match, not the generation alone.
func (t *connTable) find(flow *Flow) *conn {
	s := &t.shards[flow.Generation%uint64(len(t.shards))]
	s.RLock()
	c := s.conns[flow.Generation]
	s.RUnlock()
	if c == nil || !c.ready.Load() || c.flow.Protocol != flow.Protocol ||
		c.flow.Listener != flow.Listener || c.flow.Remote != flow.Remote {
		return nil
	}
	return c
}

func (t *connTable) remove(c *conn) {
	s := &t.shards[c.flow.Generation%uint64(len(t.shards))]
	s.Lock()
	delete(s.conns, c.flow.Generation)
	s.Unlock()
}

// all returns the connections of this moment.
func (t *connTable) all() []*conn {
	var list []*conn
	for i := range t.shards {
		s := &t.shards[i]
		s.RLock()
		for _, c := range s.conns {
			list = append(list, c)
		}
		s.RUnlock()
	}
	return list
}

// admission counts accepted connections against the limits.
type admission struct {
	mu         sync.Mutex
	limits     Limits
	open       int
	handshakes int
	sources    map[netip.Addr]int // never longer than open
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

// enter admits a connection, or says by which limit not.
func (a *admission) enter(src netip.Addr, handshake bool) (Close, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.open >= a.limits.Connections:
		return CloseLimit, false
	case a.sources[src] >= a.limits.ConnectionsPerSource:
		return CloseSourceLimit, false
	case handshake && a.handshakes >= a.limits.Handshakes:
		return CloseHandshakeLimit, false
	}
	a.open++
	a.sources[src]++
	if handshake {
		a.handshakes++
	}
	return 0, true
}

// shaken tells that a handshake has ended, well or not.
func (a *admission) shaken() {
	a.mu.Lock()
	a.handshakes--
	a.mu.Unlock()
}

func (a *admission) leave(src netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open--
	if a.sources[src]--; a.sources[src] == 0 {
		delete(a.sources, src)
	}
}
