package dispatch

import "time"

// rampSteps is the number of steps in which the share of a target grows. Each
// makes a new view of the pool.
const rampSteps = 20

// unreachableGap is the part of the interval in which several reports that a
// target is unreachable count as one: a burst of requests into a proxy that
// restarts brings a burst of them.
const unreachableGap = 5

// health is what the answers of a target say of it.
type health struct {
	up      bool
	proven  bool      // it has answered once
	changed time.Time // when up changed

	misses    int // since the last answer
	successes int // since the last miss
	refused   int // reports of being unreachable since the last answer
	reported  time.Time

	asked bool      // a probe is under way
	next  time.Time // time of the next one

	busy      bool
	busyUntil time.Time

	step   int // of rampSteps
	rising time.Time
}

// unanswered notes that the answer to a probe did not come. A target that has
// never answered is down at once: there is no service that could have paused.
func (h *health) unanswered(now time.Time, c *Config) {
	h.miss(now, c)
	if !h.proven {
		h.goDown(now)
	}
}

func (h *health) miss(now time.Time, c *Config) {
	h.successes = 0
	h.misses++
	if h.misses >= c.Misses {
		h.goDown(now)
	}
}

// unreachable notes a port or host unreachable. The kernel of the target says
// so at once and for sure, hence two of them, with no answer between, are enough.
func (h *health) unreachable(now time.Time, c *Config) {
	gap := c.Interval.Abs() / unreachableGap
	if h.refused > 0 && now.Sub(h.reported) < gap {
		return
	}
	h.reported, h.asked = now, false
	h.refused++
	h.miss(now, c)
	if h.refused >= 2 {
		h.goDown(now)
	}
	// Whether it is a restart or the end is worth knowing soon.
	if soon := now.Add(gap); h.next.After(soon) {
		h.next = soon
	}
}

// success notes an answer. The first one of all is enough: it is not a target
// that comes and goes.
func (h *health) success(now time.Time, c *Config) {
	first := !h.proven
	h.misses, h.refused, h.asked = 0, 0, false
	h.proven = true
	if h.up {
		return
	}
	if h.successes++; h.successes >= c.Successes || first {
		h.up, h.changed, h.successes = true, now, 0
		h.step, h.rising = rampSteps, now
		if c.SlowStart > 0 {
			h.step = 1
		}
	}
}

func (h *health) goDown(now time.Time) {
	if h.up {
		h.up, h.changed = false, now
	}
}

// spare notes that the target has asked to be spared.
func (h *health) spare(now time.Time, d time.Duration) {
	if until := now.Add(min(d, MaxBusy)); d > 0 && until.After(h.busyUntil) {
		h.busy, h.busyUntil = true, until
	}
}

// age lets time pass; it reports whether something has changed.
func (h *health) age(now time.Time, c *Config) bool {
	changed := false
	if h.busy && !now.Before(h.busyUntil) {
		h.busy, changed = false, true
	}
	if h.step < rampSteps {
		passed := max(now.Sub(h.rising), 0)
		step := rampSteps
		if passed < c.SlowStart {
			step = 1 + int(passed*rampSteps/c.SlowStart)
		}
		if step > h.step {
			h.step, changed = step, true
		}
	}
	return changed
}

// due reports whether a probe is to be sent, and notes that the last one has
// not been answered.
func (h *health) due(now time.Time, c *Config, random func() uint64) bool {
	if h.next.IsZero() {
		// Whether it is there at all is worth knowing soon.
		h.next = now.Add(time.Duration(random() % uint64(max(c.Interval/unreachableGap, 1))))
	}
	if now.Before(h.next) {
		return false
	}
	if h.asked {
		h.unanswered(now, c)
	}
	// Nine to eleven tenths of the interval.
	h.asked, h.next = true, now.Add(c.Interval*9/10+time.Duration(random()%uint64(c.Interval/5+1)))
	return true
}
