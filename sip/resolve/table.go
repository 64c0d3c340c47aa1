package resolve

import "sync"

// table is a map with a fixed number of places. When it is full, of a few
// entries looked at the oldest gives way, so that neither use nor eviction has
// to keep a list.
type table[K comparable, V any] struct {
	mu    sync.RWMutex
	limit int
	m     map[K]V
	age   func(V) int64 // what grows with the time of last use
}

const looked = 8

func newTable[K comparable, V any](limit int, age func(V) int64) *table[K, V] {
	return &table[K, V]{limit: limit, m: make(map[K]V), age: age}
}

func (t *table[K, V]) get(k K) (V, bool) {
	t.mu.RLock()
	v, ok := t.m[k]
	t.mu.RUnlock()
	return v, ok
}

func (t *table[K, V]) put(k K, v V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.m[k]; !ok && len(t.m) >= t.limit {
		t.evict()
	}
	t.m[k] = v
}

// evict relies on the random order of a map's iteration.
func (t *table[K, V]) evict() {
	var oldest K
	var least int64
	n := 0
	for k, v := range t.m {
		if a := t.age(v); n == 0 || a < least {
			oldest, least = k, a
		}
		if n++; n == looked {
			break
		}
	}
	delete(t.m, oldest)
}

func (t *table[K, V]) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.m)
}
