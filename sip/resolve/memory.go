package resolve

import (
	"sync"
	"time"
)

// memory holds where transactions went, in a fixed number of places: parts with
// a lock each, of sets of few places among which the oldest is overwritten.
type memory struct{ parts [memoryParts]part }

const (
	memoryParts = 16
	ways        = 4
)

type part struct {
	mu   sync.Mutex
	sets [][ways]transaction
}

// transaction is where the requests with a branch go.
type transaction struct {
	key, question    uint64
	first            time.Time // when the first request went to target; zero in an empty place
	target           Target
	answered, failed bool
}

func newMemory(n int) *memory {
	m := &memory{}
	for i := range m.parts {
		m.parts[i].sets = make([][ways]transaction, max(1, n/(memoryParts*ways)))
	}
	return m
}

// lock returns the part for key, locked.
func (m *memory) lock(key uint64) *part {
	p := &m.parts[key%memoryParts]
	p.mu.Lock()
	return p
}

func (p *part) set(key uint64) *[ways]transaction {
	return &p.sets[key/memoryParts%uint64(len(p.sets))]
}

func (p *part) find(key uint64) *transaction {
	set := p.set(key)
	for i := range set {
		if set[i].key == key && !set[i].first.IsZero() {
			return &set[i]
		}
	}
	return nil
}

func (p *part) store(t transaction) {
	set := p.set(t.key)
	place := &set[0]
	for i := range set {
		if set[i].key == t.key {
			place = &set[i]
			break
		}
		if set[i].first.Before(place.first) {
			place = &set[i]
		}
	}
	*place = t
}
