package ng

import (
	"context"
	"sync"
	"time"
)

// cache keeps the replies of the last half minute, so that a request that is
// sent again gets the same octets, and one that is being worked on is not
// worked on twice.
type cache struct {
	mu      sync.Mutex
	now     func() time.Time
	keep    time.Duration
	most    int
	entries map[cacheKey]*cached
	queue   []*cached // by time
}

// cacheKey names a request. Cookies are unique for one client only.
type cacheKey struct{ client, cookie string }

type cached struct {
	key   cacheKey
	until time.Time
	over  bool          // reply is set; guarded by the cache's mu
	done  chan struct{} // closed then; nil while nobody waits
	reply []byte
}

func newCache(keep time.Duration, most int, now func() time.Time) *cache {
	return &cache{now: now, keep: keep, most: most, entries: map[cacheKey]*cached{}}
}

// reply returns what was answered to this request, or has it worked on. again
// tells that it was a repetition.
func (c *cache) reply(ctx context.Context, key cacheKey, work func() []byte) (reply []byte, again bool) {
	c.mu.Lock()
	now := c.now()
	c.expire(now)
	if e := c.entries[key]; e != nil {
		return c.wait(ctx, e), true
	}
	e := &cached{key: key, until: now.Add(c.keep)}
	c.entries[key] = e
	c.queue = append(c.queue, e)
	c.mu.Unlock()
	defer c.finish(e) // also when work panics: nobody may wait for ever
	e.reply = work()
	return e.reply, false
}

// wait returns the reply when it is there. mu is held, and released.
func (c *cache) wait(ctx context.Context, e *cached) []byte {
	if e.over {
		c.mu.Unlock()
		return e.reply
	}
	if e.done == nil {
		e.done = make(chan struct{})
	}
	c.mu.Unlock()
	select {
	case <-e.done:
		return e.reply
	case <-ctx.Done():
		return nil
	}
}

func (c *cache) finish(e *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.over = true; e.done != nil {
		close(e.done)
	}
}

// expire forgets what is old or too much.
func (c *cache) expire(now time.Time) {
	n := 0
	for n < len(c.queue) && (len(c.queue)-n >= c.most || c.queue[n].until.Before(now)) {
		delete(c.entries, c.queue[n].key)
		c.queue[n] = nil
		n++
	}
	c.queue = c.queue[n:]
}
