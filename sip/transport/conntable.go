package transport

import (
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
