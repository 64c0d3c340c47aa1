package guard

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// gcra is a token bucket as one instant: when it will be full again. An event
// moves it on by interval, and is refused when that instant lies further ahead
// than slack. It admits at most burst + t/interval events in any time t.
type gcra struct {
	interval int64 // ns for one event; 0 admits everything
	slack    int64 // ns: interval * (burst-1)
}

func (r Rate) compile() gcra {
	if r.Count < 0 {
		return gcra{}
	}
	// Rounded up, so that never more than the rate is admitted.
	interval := (int64(r.per()) + int64(r.Count) - 1) / int64(r.Count)
	return gcra{interval, interval * int64(r.burst()-1)}
}

// step is the bucket after an event at now.
func (r gcra) step(full, now int64) (int64, bool) {
	if full-now > r.slack {
		return full, false
	}
	return max(full, now) + r.interval, true
}

// bucket is one bucket.
type bucket struct{ full atomic.Int64 }

func (b *bucket) take(now int64, r gcra) bool {
	if r.interval == 0 {
		return true
	}
	for {
		old := b.full.Load()
		next, ok := r.step(old, now)
		if !ok || b.full.CompareAndSwap(old, next) {
			return ok
		}
	}
}

const (
	ways    = 4
	stripes = 64
)

// bucketSet is as large as a cache line.
type bucketSet struct {
	key  [ways]uint64
	full [ways]int64
}

// stripe is a lock that has a cache line for itself.
type stripe struct {
	sync.Mutex
	evicted uint64
	_       [48]byte
}

// buckets is a table of buckets of fixed size. A key belongs to one set of four;
// a newcomer takes the place of the bucket that is full, or will be soonest:
// the one whose loss admits least.
type buckets struct {
	sets  []bucketSet
	shift uint
	locks [stripes]stripe
}

func newBuckets(entries int) *buckets {
	n := powerOfTwo(entries, ways)
	return &buckets{sets: make([]bucketSet, n), shift: uint(64 - bits.TrailingZeros(uint(n)))}
}

// powerOfTwo is the number of sets for so many entries, at least 2.
func powerOfTwo(entries, ways int) int {
	n := max(2, (entries+ways-1)/ways)
	return 1 << bits.Len(uint(n-1))
}

// index chooses the set by the upper bits but for the uppermost, which is
// always set.
func index(key uint64, shift uint) uint64 { return key << 1 >> shift }

// take takes a token of key's bucket.
func (b *buckets) take(key uint64, now int64, r gcra) bool {
	if r.interval == 0 {
		return true
	}
	i := index(key, b.shift)
	l := &b.locks[i%stripes]
	s := &b.sets[i]
	l.Lock()
	at := 0
	for w := range ways {
		if s.key[w] == key {
			next, ok := r.step(s.full[w], now)
			s.full[w] = next
			l.Unlock()
			return ok
		}
		if s.full[w] < s.full[at] {
			at = w
		}
	}
	if s.full[at] > now {
		l.evicted++
	}
	s.key[at], s.full[at] = key, now+r.interval
	l.Unlock()
	return true
}

// evictions counts buckets that were lost before they were full.
func (b *buckets) evictions() (n uint64) {
	for i := range b.locks {
		l := &b.locks[i]
		l.Lock()
		n += l.evicted
		l.Unlock()
	}
	return n
}

// used counts the buckets that are not full.
func (b *buckets) used(now time.Time) (n int) {
	t := now.UnixNano()
	for i := range b.sets {
		l := &b.locks[i%stripes]
		l.Lock()
		for _, full := range b.sets[i].full {
			if full > t {
				n++
			}
		}
		l.Unlock()
	}
	return n
}

func (b *buckets) len() int { return len(b.sets) * ways }
