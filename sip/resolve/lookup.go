package resolve

import (
	"errors"
	"sync/atomic"
	"time"
)

// counters of a Cache.
type counters struct{ lookups, shed, stale, silent, failed, refused atomic.Uint64 }

// Stats are the counters of a Cache since its beginning, and sizes.
type Stats struct {
	Lookups uint64 // begun in the background
	Shed    uint64 // not begun: too many ran
	Stale   uint64 // ended without an answer from the DNS, an old one is used on
	Silent  uint64 // targets that were silent for the attempt limit
	Failed  uint64 // targets that could not be reached
	Refused uint64 // targets that answered 503

	Questions int // remembered now
	Dead      int // targets that are not used now
}

// Stats returns the counters.
func (c *Cache) Stats(now time.Time) Stats {
	return Stats{
		Lookups: c.stats.lookups.Load(), Shed: c.stats.shed.Load(), Stale: c.stats.stale.Load(),
		Silent: c.stats.silent.Load(), Failed: c.stats.failed.Load(), Refused: c.stats.refused.Load(),
		Questions: c.questions.len(), Dead: len(c.dead.List(now)),
	}
}

// lookup asks in the background, once at a time for a question; false when too
// many lookups run.
func (c *Cache) lookup(k *known, q Question) bool {
	if !k.busy.CompareAndSwap(false, true) {
		return true
	}
	q.Host = append([]byte(nil), q.Host...)
	r := c.cfg.Resolver
	begun := r.try(func() {
		a, err := r.locate(r.serving, q, ahead)
		c.keep(k, a, err)
		k.busy.Store(false)
		c.cfg.Wake()
	})
	if !begun {
		k.busy.Store(false)
		c.stats.shed.Add(1)
		return false
	}
	c.stats.lookups.Add(1)
	return true
}

// keep stores the end of a lookup.
func (c *Cache) keep(k *known, a Answer, err error) {
	now := c.cfg.Resolver.cfg.Now()
	old := k.found.Load()
	switch {
	case err == nil:
		early := min(ahead, a.Expires.Sub(now)/2)
		k.found.Store(&found{answer: &a, fresh: a.Expires.Add(-early), expires: a.Expires})
	case unreachable(err) && old != nil && old.answer != nil && now.Before(old.answer.Expires.Add(c.cfg.Stale)):
		until := now.Add(staleFor)
		k.found.Store(&found{answer: old.answer, fresh: until, expires: until})
		c.stats.stale.Add(1)
	default:
		k.found.Store(&found{state: status(err), fresh: a.Expires, expires: a.Expires})
	}
}

// unreachable tells a failure of the DNS from what the DNS says.
func unreachable(err error) bool {
	return !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDenied) && !errors.Is(err, ErrTransport) && !errors.Is(err, ErrScheme)
}
