package directory

import "sync"

// shardCount spreads the keys over locks so that processors rarely meet.
const shardCount = 64

type shard struct {
	mu       sync.RWMutex
	profiles map[key]*Profile
	_        [32]byte // keeps neighbours out of one cache line
}

// recentIDs is how many invalidations are remembered for those who were
// reading the database meanwhile.
const recentIDs = 1024

// everyone in place of a subscriber's id means all of them.
const everyone = -1

// cache holds profiles up to a number of bytes, and the keys that nobody has
// up to a number of entries: each apart, so that a scan for user names that
// do not exist can't push out the subscribers.
//
// Invalidation against loading: whoever loads takes a mark first; what was
// invalidated since the mark is not put in.
type cache struct {
	maxBytes    int64
	maxNegative int
	shards      [shardCount]shard

	mu     sync.Mutex // taken before a shard's lock
	byID   map[int64]*Profile
	ring   []*Profile // the clock that picks one to forget
	hand   int
	bytes  int64
	seq    uint64 // number of invalidations ever
	recent [recentIDs]int64

	// Two generations: when the young one is full it becomes the old one, and
	// the old one is forgotten.
	negMu    sync.RWMutex
	young    map[key]struct{}
	old      map[key]struct{}
	creation uint64 // number of events after which a missing key may exist
}

func newCache(maxBytes int64, maxNegative int) *cache {
	c := &cache{maxBytes: maxBytes, maxNegative: maxNegative, byID: map[int64]*Profile{}, young: map[key]struct{}{}}
	for i := range c.shards {
		c.shards[i].profiles = map[key]*Profile{}
	}
	return c
}

// text is what callers have: strings, or bytes of a message.
type octets interface{ ~string | ~[]byte }

func (c *cache) shard(n uint32) *shard { return &c.shards[n%shardCount] }

// spread is FNV-1a. Who can choose user names can make them meet in one
// shard, and gains a lock shared, nothing else: the maps hash with a seed.
func spread[S octets](user S, domain string) uint32 {
	h := uint32(2166136261)
	for i := range len(user) {
		h = (h ^ uint32(user[i])) * 16777619
	}
	for i := range len(domain) {
		h = (h ^ uint32(domain[i])) * 16777619
	}
	return h ^ h>>16
}

// lookup finds a profile, or that there is none (known and nil).
func lookup[S octets](c *cache, user S, domain string) (p *Profile, known bool) {
	s := c.shard(spread(user, domain))
	s.mu.RLock()
	p = s.profiles[key{string(user), domain}]
	s.mu.RUnlock()
	if p != nil {
		if !p.used.Load() { // a store would take the line from other processors
			p.used.Store(true)
		}
		return p, true
	}
	c.negMu.RLock()
	_, known = c.young[key{string(user), domain}]
	if !known {
		_, known = c.old[key{string(user), domain}]
	}
	c.negMu.RUnlock()
	return nil, known
}

// mark is the state of invalidation when a load begins.
type mark struct{ seq, creation uint64 }

func (c *cache) mark() mark {
	c.mu.Lock()
	m := mark{seq: c.seq}
	c.mu.Unlock()
	c.negMu.RLock()
	m.creation = c.creation
	c.negMu.RUnlock()
	return m
}

// put stores what a load since m found.
func (c *cache) put(p *Profile, m mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seq-m.seq > recentIDs {
		return
	}
	for i := m.seq; i < c.seq; i++ {
		if id := c.recent[i%recentIDs]; id == p.SubscriberID || id == everyone {
			return
		}
	}
	if old := c.byID[p.SubscriberID]; old != nil {
		c.drop(old)
	}
	size := p.bytes()
	for c.bytes+size > c.maxBytes && len(c.ring) > 0 {
		c.evict()
	}
	if size > c.maxBytes {
		return
	}
	c.bytes += size
	c.byID[p.SubscriberID] = p
	p.slot = len(c.ring)
	c.ring = append(c.ring, p)
	for k := range p.keys {
		s := c.shard(spread(k.user, k.domain))
		s.mu.Lock()
		s.profiles[k] = p
		s.mu.Unlock()
	}
}

// evict forgets the next profile that was not used since the hand last
// passed it.
func (c *cache) evict() {
	for {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		p := c.ring[c.hand]
		if !p.used.Swap(false) {
			c.drop(p)
			return
		}
		c.hand++
	}
}

func (c *cache) drop(p *Profile) {
	for k := range p.keys {
		s := c.shard(spread(k.user, k.domain))
		s.mu.Lock()
		if s.profiles[k] == p {
			delete(s.profiles, k)
		}
		s.mu.Unlock()
	}
	last := c.ring[len(c.ring)-1]
	c.ring[p.slot], last.slot = last, p.slot
	c.ring[len(c.ring)-1] = nil
	c.ring = c.ring[:len(c.ring)-1]
	delete(c.byID, p.SubscriberID)
	c.bytes -= p.bytes()
}

// putNegative notes that a load since m found nothing.
func (c *cache) putNegative(k key, m mark) {
	c.negMu.Lock()
	defer c.negMu.Unlock()
	if c.creation != m.creation {
		return
	}
	if len(c.young) >= c.maxNegative/2 {
		c.old, c.young = c.young, make(map[key]struct{}, c.maxNegative/2)
	}
	c.young[k] = struct{}{}
}

// forget drops a subscriber, or everyone, and every negative entry: a
// change of a subscriber may have given it a number that nobody had.
func (c *cache) forget(id int64) {
	c.mu.Lock()
	c.note(id)
	if id == everyone {
		for len(c.ring) > 0 {
			c.drop(c.ring[len(c.ring)-1])
		}
	} else if p := c.byID[id]; p != nil {
		c.drop(p)
	}
	c.mu.Unlock()
	c.negMu.Lock()
	c.creation++
	clear(c.young)
	c.old = nil
	c.negMu.Unlock()
}

// forgetCustomer drops the subscribers of a customer.
func (c *cache) forgetCustomer(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.note(everyone) // a load may be on its way with any subscriber of it
	for i := len(c.ring) - 1; i >= 0; i-- {
		if p := c.ring[i]; p.CustomerID == id {
			c.drop(p) // the last one takes its place, and was looked at
		}
	}
}

func (c *cache) note(id int64) {
	c.recent[c.seq%recentIDs] = id
	c.seq++
}

func (c *cache) stats() (profiles int, bytes int64, negative int) {
	c.mu.Lock()
	profiles, bytes = len(c.byID), c.bytes
	c.mu.Unlock()
	c.negMu.RLock()
	negative = len(c.young) + len(c.old)
	c.negMu.RUnlock()
	return profiles, bytes, negative
}
