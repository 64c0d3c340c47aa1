package guard

import "math/bits"

// table is a set-associative table of fixed size. Within a set of four the
// entry of least worth makes room for a newcomer that is worth more, so that
// entries which are cheap to cause can't push out those that are not.
type table[V any] struct {
	keys  [][ways]uint64
	worth [][ways]uint32
	vals  [][ways]V
	shift uint
	locks [stripes]stripe
}

func newTable[V any](entries int) table[V] {
	n := powerOfTwo(entries, ways)
	return table[V]{keys: make([][ways]uint64, n), worth: make([][ways]uint32, n), vals: make([][ways]V, n),
		shift: uint(64 - bits.TrailingZeros(uint(n)))}
}

// lock locks the set of key. The caller unlocks what it gets.
func (t *table[V]) lock(key uint64) (set uint64, l *stripe) {
	set = index(key, t.shift)
	l = &t.locks[set%stripes]
	l.Lock()
	return set, l
}

// find is the entry of key, nil when there is none.
func (t *table[V]) find(set, key uint64) (v *V, worth *uint32) {
	keys := &t.keys[set]
	for w := range ways {
		if keys[w] == key {
			return &t.vals[set][w], &t.worth[set][w]
		}
	}
	return nil, nil
}

// claim is the entry of key, a zero one in the place of another when there was
// none, or nil when all others are worth more. It leaves worth to the caller.
func (t *table[V]) claim(l *stripe, set, key uint64, worth uint32) (v *V, old *uint32) {
	if v, old = t.find(set, key); v != nil {
		return v, old
	}
	at := 0
	for w := range ways {
		if t.worth[set][w] < t.worth[set][at] {
			at = w
		}
	}
	if t.worth[set][at] > worth {
		l.evicted++
		return nil, nil
	}
	if t.keys[set][at] != 0 {
		l.evicted++
	}
	var zero V
	t.keys[set][at], t.worth[set][at], t.vals[set][at] = key, 0, zero
	return &t.vals[set][at], &t.worth[set][at]
}

// drop empties the entry of key.
func (t *table[V]) drop(set, key uint64) {
	for w := range ways {
		if t.keys[set][w] == key {
			var zero V
			t.keys[set][w], t.worth[set][w], t.vals[set][w] = 0, 0, zero
		}
	}
}

// each calls f for every entry, with its set locked.
func (t *table[V]) each(f func(key uint64, v *V)) {
	for set := range t.keys {
		l := &t.locks[set%stripes]
		l.Lock()
		for w, key := range t.keys[set] {
			if key != 0 {
				f(key, &t.vals[set][w])
			}
		}
		l.Unlock()
	}
}

func (t *table[V]) evictions() (n uint64) {
	for i := range t.locks {
		l := &t.locks[i]
		l.Lock()
		n += l.evicted
		l.Unlock()
	}
	return n
}

func (t *table[V]) used() (n int) {
	t.each(func(uint64, *V) { n++ })
	return n
}

func (t *table[V]) len() int { return len(t.keys) * ways }
