package login

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// Wrong passwords that an address or a name may spend at once, and the time in
// which one of them comes back. A name has more: a stranger who tries it must
// not lock out its owner soon, and the owner's own network is counted apart.
const (
	burstSource = 10
	burstName   = 30
	refill      = 30 * time.Second
	slots       = 4096
)

// throttle counts in two tables of fixed size. Keys that share a slot share
// its allowance, which errs on the safe side and bounds the memory.
type throttle struct {
	mu      sync.Mutex
	seed    maphash.Seed
	sources [slots]bucket
	names   [slots]bucket
}

// bucket is how much was spent, as of a time.
type bucket struct {
	spent float64
	at    time.Time
}

func newThrottle() *throttle { return &throttle{seed: maphash.MakeSeed()} }

func (t *throttle) source(key string) *bucket { return &t.sources[maphash.String(t.seed, key)%slots] }

func (t *throttle) name(key string) *bucket {
	return &t.names[maphash.String(t.seed, strings.ToLower(key))%slots]
}

func (b *bucket) level(now time.Time) float64 {
	if b.at.IsZero() {
		return 0
	}
	return max(0, b.spent-float64(now.Sub(b.at))/float64(refill))
}

func (t *throttle) allow(now time.Time, source, name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.source(source).level(now) <= burstSource-1 && t.name(name).level(now) <= burstName-1
}

func (t *throttle) failed(now time.Time, source, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range []*bucket{t.source(source), t.name(name)} {
		b.spent, b.at = b.level(now)+1, now
	}
}

func (t *throttle) succeeded(source, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.source(source), *t.name(name) = bucket{}, bucket{}
}
