package digest

import (
	"sync"
	"time"
)

// Window remembers which nonce counts were used, so that captured credentials
// cannot be played again. Its memory is fixed when it is made: 32 octets a
// nonce. Counts may arrive out of order by up to 64.
//
// A nonce that had to make room for others, and any nonce older than the
// window itself, counts as used up: forgetting never lets a replay through.
type Window struct {
	shards []windowShard
}

const (
	windowShards = 64
	windowWays   = 8
)

type windowShard struct {
	mu      sync.Mutex
	buckets []windowBucket
	_       [64]byte // keep neighbours out of one cache line
}

// windowBucket holds the youngest nonces that fall into it. One that is not
// here and was issued at or before floor may have been here once.
type windowBucket struct {
	floor   int64
	entries [windowWays]windowEntry
}

type windowEntry struct {
	id     uint64
	issued int64  // 0: free
	seen   uint64 // bit i: count top-i was used
	top    uint32 // highest count used
}

// NewWindow makes a window for at least the given number of nonces in use at
// one time. Nonces issued before now are refused: their counts may have been
// used before a restart.
func NewWindow(nonces int, now time.Time) *Window {
	per := max((nonces+windowShards*windowWays-1)/(windowShards*windowWays), 1)
	w := &Window{shards: make([]windowShard, windowShards)}
	floor := now.UnixMilli() - 1
	for i := range w.shards {
		buckets := make([]windowBucket, per)
		for j := range buckets {
			buckets[j].floor = floor
		}
		w.shards[i].buckets = buckets
	}
	return w
}

// verdict is what the window knows of a nonce and count.
type verdict uint8

const (
	countFresh  verdict = iota
	countUsed           // this very count was used before
	countTooOld         // forgotten: may have been used before
)

// use marks a count as used. Nonce ids are random, so they are their own hash.
func (w *Window) use(n nonce, count uint32) verdict {
	shard := &w.shards[n.id%windowShards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	bucket := &shard.buckets[(n.id/windowShards)%uint64(len(shard.buckets))]
	victim := &bucket.entries[0]
	for i := range bucket.entries {
		e := &bucket.entries[i]
		if e.id == n.id && e.issued == n.issued {
			return e.use(count)
		}
		if e.issued < victim.issued {
			victim = e
		}
	}
	if n.issued <= bucket.floor {
		return countTooOld
	}
	if victim.issued > n.issued {
		// Everybody here is younger: this nonce is the one to forget.
		bucket.floor = n.issued
		return countFresh
	}
	bucket.floor = max(bucket.floor, victim.issued)
	*victim = windowEntry{id: n.id, issued: n.issued, seen: 1, top: count}
	return countFresh
}

func (e *windowEntry) use(count uint32) verdict {
	if count > e.top {
		e.seen = e.seen<<(count-e.top) | 1 // a shift by 64 or more gives 0
		e.top = count
		return countFresh
	}
	back := e.top - count
	if back >= 64 {
		return countTooOld
	}
	if e.seen&(1<<back) != 0 {
		return countUsed
	}
	e.seen |= 1 << back
	return countFresh
}
