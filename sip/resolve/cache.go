package resolve

import (
	"errors"
	"sync/atomic"
	"time"
)

// CacheConfig is for a [Cache]. Zero values mean the defaults named.
type CacheConfig struct {
	// Resolver does the lookups; needed.
	Resolver *Resolver
	// Secret is at least 16 octets, of which the first 16 are used: nodes with
	// the same secret choose the same targets. Needed.
	Secret []byte
	// Questions is the number of questions remembered: 4,096 by default.
	Questions int
	// Branches is the number of transactions remembered: 16,384 by default.
	Branches int
	// AttemptLimit is how long a target may stay silent: 3.5 s by default. A
	// repetition counts that comes up to a tenth of a second early.
	AttemptLimit time.Duration
	// Dead is for how long a failed target is not used: 30 s by default, twice
	// as long each time it fails again.
	Dead time.Duration
	// Stale is for how long an answer is used on after its end while no DNS
	// server can be reached (RFC 8767): 1 hour by default, negative for never.
	Stale time.Duration
	// Wake is called, on a goroutine of the Resolver, whenever a lookup has
	// ended and Pick would say something else than Pending.
	Wake func()
}

// Cache answers without blocking. Make it with [NewCache]; it lives as long as
// its Resolver.
type Cache struct {
	cfg       CacheConfig
	hash      hasher
	questions *table[uint64, *known]
	memory    *memory
	dead      *Dead
	stats     counters
}

// known is a question with what was last found out.
type known struct {
	found atomic.Pointer[found]
	used  atomic.Int64
	busy  atomic.Bool
}

// found is the end of a lookup.
type found struct {
	answer  *Answer
	state   State // not Ready: why there is no answer
	fresh   time.Time
	expires time.Time // of this record, which for a stale answer is later than the answer's
}

const (
	// ahead is how long before its end an answer that is in use is renewed.
	ahead = 2 * time.Second
	// staleFor is how long a stale answer is used before the DNS is asked again.
	staleFor = 30 * time.Second
	// early is what AttemptLimit is taken less by: a path whose delay varies
	// brings a repetition earlier than it was sent.
	early = 100 * time.Millisecond
)

// NewCache makes a Cache.
func NewCache(cfg CacheConfig) (*Cache, error) {
	if cfg.Resolver == nil || len(cfg.Secret) < 16 {
		return nil, errors.New("resolve: a cache needs a Resolver and a secret of 16 octets")
	}
	setDefault(&cfg.Questions, 4096)
	setDefault(&cfg.Branches, 16384)
	setDefault(&cfg.AttemptLimit, 3500*time.Millisecond)
	setDefault(&cfg.Dead, 30*time.Second)
	if cfg.Stale == 0 {
		cfg.Stale = time.Hour
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	c := &Cache{cfg: cfg, hash: newHasher(cfg.Secret), dead: NewDead(cfg.Dead)}
	c.questions = newTable[uint64](cfg.Questions, func(k *known) int64 { return k.used.Load() })
	c.memory = newMemory(cfg.Branches)
	return c, nil
}

// Dead is the list of failed targets.
func (c *Cache) Dead() *Dead { return c.dead }

// Pick returns the target for a request of the transaction that key names: its
// branch, or what else stays the same over retransmissions. expect says that the
// request is one that is answered: not an ACK, and not a CANCEL, which follows
// its INVITE. Pick allocates nothing when the answer is known.
func (c *Cache) Pick(now time.Time, key []byte, q Question, expect bool) (Target, State) {
	q, err := q.normal()
	if err != nil {
		return Target{}, status(err)
	}
	if t, ok := q.numeric(); ok {
		if err := c.cfg.Resolver.allows(t); err != nil {
			return Target{}, status(err)
		}
		return t, Ready
	}
	qh := c.hash.question(q)
	bh := mix(c.hash.sum(key))
	p := c.memory.lock(bh)
	defer p.mu.Unlock()
	var but Target
	if tr := p.find(bh); tr != nil && tr.question == qh {
		if tr.answered || !expect || !tr.failed && now.Sub(tr.first) < c.cfg.AttemptLimit-early {
			return tr.target, Ready
		}
		if !tr.failed {
			tr.failed = true
			c.dead.Mark(now, tr.target, 0)
			c.stats.silent.Add(1)
		}
		but = tr.target
	}
	a, state := c.answer(now, qh, q)
	if state != Ready {
		return Target{}, state
	}
	t, _ := a.choose(now, bh, c.hash, c.dead, expect, but)
	if expect {
		p.store(transaction{key: bh, question: qh, first: now, target: t})
	}
	return t, Ready
}

// answer returns what is known of q and starts a lookup when it must.
func (c *Cache) answer(now time.Time, qh uint64, q Question) (*Answer, State) {
	k, ok := c.questions.get(qh)
	if !ok {
		k = &known{}
		k.used.Store(now.UnixNano())
		c.questions.put(qh, k)
	}
	k.used.Store(now.UnixNano())
	f := k.found.Load()
	if f != nil && now.Before(f.expires) {
		if !now.Before(f.fresh) {
			c.lookup(k, q)
		}
		return f.answer, f.state
	}
	if !c.lookup(k, q) {
		return nil, 503
	}
	return nil, Pending
}

// Answered notes that a response to the transaction came: from now on it stays
// with its target, which lives.
func (c *Cache) Answered(now time.Time, key []byte) {
	if t, ok := c.settle(key, true); ok {
		c.dead.Answered(now, t)
	}
}

// Refused notes a response of 503, with its Retry-After or 0: the transaction
// stays, for the ACK, but the target is dead for others.
func (c *Cache) Refused(now time.Time, key []byte, retryAfter time.Duration) {
	if t, ok := c.settle(key, true); ok {
		c.dead.Mark(now, t, retryAfter)
		c.stats.refused.Add(1)
	}
}

// Fail notes that the target of a transaction could not be reached: a connection
// that was not made, or an ICMP error. The target is dead, and the next Pick for
// the transaction chooses another. It reports whether the transaction was known
// and unanswered.
func (c *Cache) Fail(now time.Time, key []byte) bool {
	t, ok := c.settle(key, false)
	if ok {
		c.dead.Mark(now, t, 0)
		c.stats.failed.Add(1)
	}
	return ok
}

// settle notes how a transaction fared. What was answered cannot fail.
func (c *Cache) settle(key []byte, answered bool) (Target, bool) {
	bh := mix(c.hash.sum(key))
	p := c.memory.lock(bh)
	defer p.mu.Unlock()
	tr := p.find(bh)
	if tr == nil || tr.answered && !answered {
		return Target{}, false
	}
	tr.answered, tr.failed = answered, !answered
	return tr.target, true
}
