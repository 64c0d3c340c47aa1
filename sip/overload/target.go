package overload

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// window is what the mix of classes is measured over. What came before a window
	// counts half in it.
	window = time.Second
	// lookEvery is how often it is looked at.
	lookEvery = window / 4
	// sampleSize is the number of requests below which the mix says nothing.
	sampleSize = 8
	// forgetAfter is when a sequence number is forgotten: one whose server counts
	// anew must be heard again.
	forgetAfter = time.Minute
	// nothing is the spacing of requests that are not to be sent at all.
	nothing = -1
	// always is the threshold below which all draws are.
	always = math.MaxUint64
)

// target is what is known of one server. Times are durations since the start of
// the Control.
type target struct {
	asked, refused [Classes]atomic.Uint64

	// What mu's owner decides for Admit.
	restricted atomic.Bool
	drop       [Classes]atomic.Uint64 // a request whose draw is below is shed
	spacing    atomic.Int64           // between two requests, 0 without a rate
	look       atomic.Int64           // when to decide again
	local      atomic.Int32           // the local loss decided for

	due atomic.Int64 // when the bucket of the rate is empty

	mu       sync.Mutex
	signal   signal
	heard    time.Duration
	until    time.Duration
	sequence uint64
	mix      [Classes]float64 // when the window began
	counted  [Classes]uint64  // then
	begun    time.Duration    // of the window
	used     time.Duration
}

// hear takes a signal. One with the number of the last says the same for longer.
func (t *target) hear(at time.Duration, s signal, local int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.sequence != 0 && s.sequence < t.sequence && at-t.heard < forgetAfter {
		return
	}
	if s.sequence != 0 {
		t.sequence, t.heard = s.sequence, at
	}
	if !s.restricts() && (at >= t.until || !t.signal.restricts()) {
		return // the usual case: there is no overload, and there was none
	}
	same := s.algorithm == t.signal.algorithm && s.value == t.signal.value && t.restricted.Load() && s.validity > 0
	t.signal, t.until = s, at+s.validity
	if same && t.until >= time.Duration(t.look.Load()) {
		return // the next look sees the new end
	}
	t.settle(at, local)
}

// decide looks at the time, the mix and the local loss. While another is at it,
// the last decision holds.
func (t *target) decide(at time.Duration, local int) {
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	t.used = at
	t.settle(at, local)
}

func (t *target) settle(at time.Duration, local int) {
	mix := t.weigh(at)
	loss, spacing := float64(local)/100, time.Duration(0)
	next := at + lookEvery
	if total(mix) < sampleSize {
		next = at + lookEvery/8
	}
	if at < t.until {
		next = min(next, t.until)
		switch t.signal.algorithm {
		case AlgorithmLoss:
			loss = max(loss, float64(t.signal.value)/100)
		case AlgorithmRate:
			spacing = nothing
			if t.signal.value > 0 {
				spacing = time.Second / time.Duration(t.signal.value)
			}
		}
	}
	for class, share := range shares(loss, mix) {
		t.drop[class].Store(threshold(share))
	}
	t.spacing.Store(int64(spacing))
	t.local.Store(int32(local))
	t.restricted.Store(loss > 0 || spacing != 0)
	t.look.Store(int64(next))
}

// weigh measures how many requests of each class there are, relative to each
// other, in the last second or so.
func (t *target) weigh(at time.Duration) (mix [Classes]float64) {
	for class := range mix {
		mix[class] = t.mix[class] + float64(t.asked[class].Load()-t.counted[class])
	}
	if at-t.begun < window {
		return mix
	}
	ago := int((at - t.begun) / window)
	t.begun = at
	for class := range mix {
		mix[class] = math.Ldexp(mix[class], 1-ago)
		t.counted[class] = t.asked[class].Load()
		t.mix[class] = mix[class] / 2
	}
	return mix
}

// shares is the part to be shed of each class so that loss of all is shed, the
// classes in their order. Dialogs go on unless nothing at all may be sent, and
// emergencies always: then less is shed than was demanded, until those calls
// that are have ended.
func shares(loss float64, mix [Classes]float64) (part [Classes]float64) {
	all := total(mix)
	need := loss * all
	for class := ClassOptions; class < ClassDialog; class++ {
		switch n := mix[class]; {
		case all < sampleSize:
			part[class] = loss
		case need <= 0:
		case n <= need:
			// Also when there have been none: what is next to be shed is dearer.
			part[class] = 1
			need -= n
		default:
			part[class] = need / n
			need = 0
		}
	}
	if loss >= 1 {
		part[ClassDialog] = 1
	}
	return part
}

func total(mix [Classes]float64) (n float64) {
	for _, v := range mix {
		n += v
	}
	return n
}

func threshold(share float64) uint64 {
	if share >= 1 {
		return always
	}
	return uint64(math.Ldexp(share, 64))
}

func (t *target) sheds(class Class, draw uint64) bool {
	limit := t.drop[class].Load()
	return draw < limit || limit == always
}

func (t *target) rated() bool { return t.spacing.Load() != 0 }

// tolerance is how many requests may be waiting in the bucket for one more of a
// class to be put in (RFC 7415 section 3.5.1): while dearer ones fill it, others
// find no room.
var tolerance = [Classes]int64{0, 1, 2, 4, 8, math.MaxInt32, math.MaxInt32}

// conforms is a leaky bucket.
func (t *target) conforms(at time.Duration, class Class) bool {
	spacing := t.spacing.Load()
	switch spacing {
	case 0:
		return true
	case nothing:
		return class >= ClassDialog
	}
	// What can't be refused may fill the bucket for a second, not for ever.
	ceiling := int64(at) + max(int64(time.Second), 16*spacing)
	for {
		due := t.due.Load()
		full := max(due-int64(at), 0)
		if class < ClassDialog && full > tolerance[class]*spacing {
			return false
		}
		if t.due.CompareAndSwap(due, min(int64(at)+full+spacing, ceiling)) {
			return true
		}
	}
}

func (t *target) idle(at time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return at-max(t.used, t.until) >= idleTarget
}

func (t *target) status(at time.Duration, start time.Time) Status {
	var s Status
	t.mu.Lock()
	if at < t.until && t.signal.restricts() {
		s.Algorithm, s.Value, s.Until = t.signal.algorithm, t.signal.value, start.Add(t.until)
	}
	t.mu.Unlock()
	for class := range Classes {
		s.Asked[class], s.Refused[class] = t.asked[class].Load(), t.refused[class].Load()
	}
	return s
}
