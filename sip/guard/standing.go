package guard

import (
	"sync/atomic"
	"time"
)

// standing is what is known of a source besides its rate: nothing in it comes
// from messages that anybody can forge, but for failures.
type standing struct {
	id         sourceID
	proved     uint32 // seconds: last proof of address by a datagram
	stream     uint32 // seconds: last proof or attempt to authenticate over a stream
	success    uint32 // seconds: last success of a user there
	window     uint32 // seconds: when failures were first counted
	restricted uint32 // seconds: until when only known users may authenticate
	failures   uint16
	strikes    uint8
}

// standingTable is the table of standings. Entries of sources where a user has
// succeeded are worth more than all others.
type standingTable struct {
	table[standing]
	latest atomic.Int64 // no restriction lasts longer
}

func newStandingTable(entries int) *standingTable {
	return &standingTable{table: newTable[standing](entries)}
}

const succeeded = 1 << 31

// get is the standing of a source, zero when nothing is known.
func (t *standingTable) get(key uint64) (s standing) {
	set, l := t.lock(key)
	if v, _ := t.find(set, key); v != nil {
		s = *v
	}
	l.Unlock()
	return s
}

// proved is when a source last proved its address by a datagram, in seconds; 0
// is never.
func (t *standingTable) proved(key uint64) (at uint32) {
	set, l := t.lock(key)
	if v, _ := t.find(set, key); v != nil {
		at = v.proved
	}
	l.Unlock()
	return at
}

// entry is the entry of a source, its set locked; nil when there is no room.
func (t *standingTable) entry(key uint64, id sourceID, now uint32, worth uint32) (*standing, *stripe) {
	set, l := t.lock(key)
	v, w := t.claim(l, set, key, worth|now>>1)
	if v != nil {
		v.id = id
		*w = *w&succeeded | worth | now>>1
	}
	return v, l
}

func (t *standingTable) prove(key uint64, id sourceID, now uint32, stream bool) {
	v, l := t.entry(key, id, now, 0)
	switch {
	case v == nil:
	case stream:
		v.stream = now
	default:
		v.proved = now
	}
	l.Unlock()
}

func (t *standingTable) succeed(key uint64, id sourceID, now uint32) {
	v, l := t.entry(key, id, now, succeeded)
	if v != nil {
		v.proved, v.success = now, now
	}
	l.Unlock()
}

// fail counts a failure and reports whether that was one too many.
func (t *standingTable) fail(key uint64, id sourceID, now uint32, a *authTerms) bool {
	v, l := t.entry(key, id, now, 0)
	defer l.Unlock()
	if v == nil {
		return false
	}
	if now-v.window > a.window {
		v.window, v.failures = now, 0
	}
	if v.failures < 1<<16-1 {
		v.failures++
	}
	return int(v.failures) >= a.sourceFailures
}

// restrict lets only known users of the source authenticate for a while.
func (t *standingTable) restrict(key uint64, now uint32, a *authTerms) bool {
	set, l := t.lock(key)
	defer l.Unlock()
	v, _ := t.find(set, key)
	if v == nil || now < v.restricted {
		return false
	}
	v.restricted, v.strikes = a.protect(now, v.restricted, v.strikes)
	raise(&t.latest, int64(v.restricted)*int64(time.Second))
	return true
}

// forgive forgets failures and lifts a restriction.
func (t *standingTable) forgive(key uint64) {
	set, l := t.lock(key)
	if v, _ := t.find(set, key); v != nil {
		v.failures, v.strikes, v.restricted = 0, 0, 0
	}
	l.Unlock()
}

// within reports whether then was at most span seconds ago.
func within(now, then, span uint32) bool { return then != 0 && (now <= then || now-then <= span) }
