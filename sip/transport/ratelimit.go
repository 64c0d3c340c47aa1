package transport

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket, kept as the time at which it is full: nothing is to
// be counted while nobody asks.
type bucket struct{ full time.Duration }

// take takes a token of a bucket that refills one in every interval and holds
// burst, or says how long to wait for one.
func (b *bucket) take(now, interval time.Duration, burst int) (wait time.Duration) {
	full := max(b.full, now) + interval
	if wait = full - now - interval*time.Duration(burst); wait > 0 {
		return wait
	}
	b.full = full
	return 0
}

// pacer lets something happen so often in a second, with a burst of as many.
type pacer struct {
	mu   sync.Mutex
	rate int // negative: no limit
	b    bucket
}

// take returns 0, or how long to wait before asking again.
func (p *pacer) take(now time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate <= 0 {
		return 0
	}
	return p.b.take(now, time.Second/time.Duration(p.rate), p.rate)
}

func (p *pacer) set(rate int) {
	p.mu.Lock()
	p.rate = rate
	p.mu.Unlock()
}

const (
	rateWays = 4
	rateSets = 2048
)

// rateTable holds a token bucket for each of the sources seen last. It never
// grows: a source without a place takes that of the one with the most tokens
// left, which loses the least by it.
type rateTable struct {
	mu   sync.Mutex
	rate int // negative: no limit
	seed maphash.Seed
	sets *[rateSets][rateWays]rateEntry
}

type rateEntry struct {
	tag uint64
	b   bucket
}

func newRateTable(rate int) rateTable {
	return rateTable{rate: rate, seed: maphash.MakeSeed(), sets: new([rateSets][rateWays]rateEntry)}
}

// allow takes a token of src, of which there are four times the rate at most.
func (t *rateTable) allow(src netip.Addr, now time.Duration) bool {
	tag := maphash.Comparable(t.seed, src) | 1
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rate <= 0 {
		return true
	}
	set := &t.sets[tag>>1%rateSets]
	slot := &set[0]
	for i := range set {
		if set[i].tag == tag {
			slot = &set[i]
			break
		}
		if set[i].b.full < slot.b.full {
			slot = &set[i]
		}
	}
	if slot.tag != tag {
		*slot = rateEntry{tag: tag}
	}
	return slot.b.take(now, time.Second/time.Duration(t.rate), 4*t.rate) == 0
}
