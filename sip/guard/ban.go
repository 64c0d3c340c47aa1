package guard

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Ban is a source, or wider prefix, of which nothing is taken for a time.
type Ban struct {
	Prefix  netip.Prefix // IPv4 /32 or IPv6 /64 if it is one source
	Reason  Reason
	Since   time.Time
	Until   time.Time
	Strikes int // how many bans in a row, which doubles their length
	// Datagrams means that the source has not proved its address: only datagrams
	// are refused, and a trickle of them passes.
	Datagrams bool
}

// banned is the entry of the ban table.
type banned struct {
	id        sourceID
	since     int64
	until     int64
	next      int64 // when the trickle lets the next datagram pass
	strikes   uint8
	reason    Reason
	datagrams bool
}

// banTable keeps bans and, for a while after their end, how many there were.
type banTable struct {
	table[banned]
	latest atomic.Int64 // no ban lasts longer: without bans no look-up
}

func newBanTable(entries int) *banTable { return &banTable{table: newTable[banned](entries)} }

// refuses reports whether a message of the source must be dropped.
func (t *banTable) refuses(key uint64, now int64, datagram bool, trickle int64) bool {
	if now >= t.latest.Load() {
		return false
	}
	set, l := t.lock(key)
	b, _ := t.find(set, key)
	refused := b != nil && now < b.until && (datagram || !b.datagrams)
	if refused && b.datagrams && now >= b.next {
		b.next, refused = now+trickle, false
	}
	l.Unlock()
	return refused
}

// active is the ban of a source.
func (t *banTable) active(key uint64, now int64) (b banned, ok bool) {
	if now >= t.latest.Load() {
		return banned{}, false
	}
	set, l := t.lock(key)
	defer l.Unlock()
	if v, _ := t.find(set, key); v != nil && now < v.until {
		return *v, true
	}
	return banned{}, false
}

// add bans a source. A ban that is in force is never shortened, and one for
// datagrams alone gives way to one for all.
func (t *banTable) add(key uint64, b banned, terms *banTerms) bool {
	now := b.since
	set, l := t.lock(key)
	defer l.Unlock()
	old, _ := t.find(set, key)
	strikes := uint8(0)
	if old != nil {
		if now < old.until && (b.datagrams || !old.datagrams) {
			return false
		}
		if now-old.until < terms.forget {
			strikes = old.strikes
		}
	}
	if b.datagrams {
		b.until, b.next = now+terms.unproved, now+terms.trickle
	} else {
		b.until = now + doubled(terms.first, terms.longest, strikes)
		strikes = min(strikes+1, 64)
	}
	b.strikes = strikes
	v, worth := t.claim(l, set, key, seconds(b.until))
	if v == nil {
		return false
	}
	*v, *worth = b, seconds(b.until)
	raise(&t.latest, b.until)
	return true
}

// set puts a ban in the place of whatever is there.
func (t *banTable) set(key uint64, b banned) bool {
	set, l := t.lock(key)
	defer l.Unlock()
	v, worth := t.claim(l, set, key, seconds(b.until))
	if v == nil {
		return false
	}
	*v, *worth = b, seconds(b.until)
	raise(&t.latest, b.until)
	return true
}

// lift ends a ban; with datagrams only one that holds for datagrams alone.
func (t *banTable) lift(key uint64, now int64, datagrams bool) bool {
	if now >= t.latest.Load() {
		return false
	}
	set, l := t.lock(key)
	defer l.Unlock()
	b, _ := t.find(set, key)
	if b == nil || now >= b.until || datagrams && !b.datagrams {
		return false
	}
	t.drop(set, key)
	return true
}

// doubled is first, doubled for each strike, at most longest.
func doubled(first, longest int64, strikes uint8) int64 {
	for range strikes {
		if first > longest/2 {
			return longest
		}
		first *= 2
	}
	return min(first, longest)
}

// raise sets a to v unless it is larger.
func raise(a *atomic.Int64, v int64) {
	for old := a.Load(); old < v && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// seconds is an instant of Unix time in whole seconds, at least 1.
func seconds(ns int64) uint32 {
	return uint32(min(max(ns/int64(time.Second), 1), 1<<32-1))
}
