package guard

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// target is a user for whom authentication failed.
type target struct {
	sources  uint64 // one bit for each source, by its hash
	window   uint32 // seconds: when failures were first counted
	until    uint32 // seconds: until when the user is protected
	failures uint16
	strikes  uint8
}

// targetTable counts failures by user.
type targetTable struct {
	table[target]
	latest atomic.Int64 // nobody is protected for longer
}

func newTargetTable(entries int) *targetTable {
	return &targetTable{table: newTable[target](entries)}
}

// fail counts a failure and reports whether the user is protected from now on.
func (t *targetTable) fail(user, source uint64, now uint32, a *authTerms) bool {
	set, l := t.lock(user)
	defer l.Unlock()
	v, worth := t.claim(l, set, user, now)
	if v == nil {
		return false
	}
	*worth = max(now, v.until)
	if now-v.window > a.window {
		v.window, v.failures, v.sources = now, 0, 0
	}
	if v.failures < 1<<16-1 {
		v.failures++
	}
	v.sources |= 1 << (source & 63)
	if now < v.until || int(v.failures) < a.userFailures || bits.OnesCount64(v.sources) < a.userBits {
		return false
	}
	v.until, v.strikes = a.protect(now, v.until, v.strikes)
	*worth = v.until
	raise(&t.latest, int64(v.until)*int64(time.Second))
	return true
}

// protected reports whether only known sources may authenticate as user.
func (t *targetTable) protected(user uint64, now uint32) bool {
	set, l := t.lock(user)
	defer l.Unlock()
	v, _ := t.find(set, user)
	return v != nil && now < v.until
}

// protect is the next time of protection, twice the last one if that ended less
// than a day ago.
func (a *authTerms) protect(now, last uint32, strikes uint8) (until uint32, next uint8) {
	if !within(now, last, a.forget) {
		strikes = 0
	}
	span := doubled(int64(a.protection), int64(a.longest), strikes)
	return now + uint32(span), min(strikes+1, 64)
}

// knownTable are the pairs of user and source that succeeded; the worth of an
// entry is when.
type knownTable struct{ table[struct{}] }

func newKnownTable(entries int) *knownTable { return &knownTable{newTable[struct{}](entries)} }

func (t *knownTable) add(pair uint64, now uint32) {
	set, l := t.lock(pair)
	if _, worth := t.claim(l, set, pair, now); worth != nil {
		*worth = now
	}
	l.Unlock()
}

func (t *knownTable) has(pair uint64, now, span uint32) bool {
	set, l := t.lock(pair)
	defer l.Unlock()
	_, worth := t.find(set, pair)
	return worth != nil && within(now, *worth, span)
}
