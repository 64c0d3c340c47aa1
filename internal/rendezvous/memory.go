package rendezvous

import (
	"sync/atomic"
	"time"
)

// Remembered is the number of entries of a Memory.
const Remembered = sets * ways

// A set is one cache line, so that a look-up costs one access to memory.
const (
	sets = 1 << 13
	ways = 8
)

// An entry is, from above: 36 bits of the key's hash, 12 bits of time, 16 bits
// of what is remembered. Zero is empty. Together with the number of its set, an
// entry is found by 49 bits of the hash.
const (
	idBits    = 16
	timeBits  = 12
	idMask    = 1<<idBits - 1
	timeMask  = 1<<timeBits - 1
	printMask = 1<<64 - 1<<(idBits+timeBits)
	timeUnit  = 4 // seconds
)

// Memory remembers a number for each of the last 65,536 keys or so, in half a
// megabyte. It is of fixed size: a new key takes the place of the oldest in its
// set. Keys are hashes of which strangers don't know the seed.
type Memory struct {
	sets [sets][ways]atomic.Uint64
}

// Find is the number remembered for h, 0 when there is none.
func (m *Memory) Find(h uint64) uint16 {
	set := &m.sets[h%sets]
	for i := range set {
		if e := set[i].Load(); (e^h)&printMask == 0 && e&idMask != 0 {
			return uint16(e & idMask)
		}
	}
	return 0
}

// Put remembers id, which is not 0, for h. Two that put into one set at the
// same moment both succeed unless they meet again and again.
func (m *Memory) Put(h uint64, id uint16, at time.Time) {
	now := uint64(at.Unix()/timeUnit) & timeMask
	entry := h&printMask | now<<idBits | uint64(id)
	set := &m.sets[h%sets]
	for range ways {
		i, old := victim(set, h, now)
		if set[i].CompareAndSwap(old, entry) {
			return
		}
	}
}

// victim is the place for h: where it is already, else an empty one, else the
// oldest. It starts at a place that depends on h, so that without a clock it is
// any one.
func victim(set *[ways]atomic.Uint64, h, now uint64) (place int, entry uint64) {
	age := uint64(0)
	start := int(h >> 13 % ways)
	for j := range ways {
		i := (start + j) % ways
		e := set[i].Load()
		if (e^h)&printMask == 0 && e&idMask != 0 {
			return i, e
		}
		a := (now - e>>idBits) & timeMask
		if e == 0 {
			a = timeMask + 1
		}
		if j == 0 || a > age {
			place, entry, age = i, e, a
		}
	}
	return place, entry
}
