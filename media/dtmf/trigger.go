package dtmf

import "time"

// Trigger tells from dialled digits when a blocking begins and ends, such as
// after "press 1 to pay" and until "#". Digits are only compared, never kept
// beyond the longest sequence.
type Trigger struct {
	// Start and End are sequences of digits; empty: never by digits.
	Start, End string
	// EndDigits ends it after so many digits; 0: not by number.
	EndDigits int
	// Timeout ends it that long after it began; 0: never.
	Timeout time.Duration

	active bool
	since  time.Time
	count  int
	recent [MaxTrigger]Event
	filled int
}

// MaxTrigger is the longest sequence of a Trigger; what is longer is never
// matched.
const MaxTrigger = 32

// TriggerState is where a Trigger stands, without what was dialled.
type TriggerState struct {
	Active bool
	Since  time.Time // when it was turned on or off
	Digits int       // dialled since
}

// State returns where it stands.
func (t *Trigger) State() TriggerState { return TriggerState{t.active, t.since, t.count} }

// Resume goes on from a state.
func (t *Trigger) Resume(s TriggerState) {
	t.active, t.since, t.count, t.filled = s.Active, s.Since, s.Digits, 0
}

// Active tells whether it is on.
func (t *Trigger) Active() bool { return t.active }

// Set turns it on or off by hand.
func (t *Trigger) Set(on bool, now time.Time) {
	t.active, t.since, t.count, t.filled = on, now, 0, 0
}

// Expire ends it when its time is over, and tells whether it is on.
func (t *Trigger) Expire(now time.Time) bool {
	if t.active && t.Timeout > 0 && now.Sub(t.since) >= t.Timeout {
		t.Set(false, now)
	}
	return t.active
}

// Digit takes a digit that has ended, and tells whether it is on afterwards.
func (t *Trigger) Digit(e Event, now time.Time) bool {
	t.Expire(now)
	if t.filled == len(t.recent) {
		copy(t.recent[:], t.recent[1:])
		t.filled--
	}
	t.recent[t.filled] = e
	t.filled++
	if !t.active {
		if t.dialled(t.Start) {
			t.Set(true, now)
		}
		return t.active
	}
	t.count++
	if t.dialled(t.End) || t.EndDigits > 0 && t.count >= t.EndDigits {
		t.Set(false, now)
	}
	return t.active
}

// dialled tells whether the last digits are that sequence.
func (t *Trigger) dialled(sequence string) bool {
	n := len(sequence)
	if n == 0 || n > t.filled {
		return false
	}
	for i := range n {
		if e, ok := ParseDigit(sequence[i]); !ok || e != t.recent[t.filled-n+i] {
			return false
		}
	}
	return true
}
