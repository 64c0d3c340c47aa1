package overload

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// LocalConfig says when a process is overloaded. The zero value of each field
// is its default.
type LocalConfig struct {
	// Above DelayHigh or CPUHigh there is too much to do, below both DelayLow and
	// CPULow there is room for more; in between nothing changes. Delay is the time
	// that messages wait, 50 and 10 ms by default; CPU the part of the processors
	// that may be used that is, 0.9 and 0.75.
	DelayHigh, DelayLow time.Duration
	CPUHigh, CPULow     float64
	// Interval is the time between two changes, 250 ms by default.
	Interval time.Duration
	// Max is the greatest loss in percent, 90 by default.
	Max int
}

// Local turns measured load into the part of requests to be refused, in
// percent. Sample it often; it may be used by many goroutines. A nil Local has
// no load.
type Local struct {
	cfg  LocalConfig
	loss atomic.Int32
	held atomic.Int32

	mu      sync.Mutex
	admit   float64 // part of requests that may come
	begun   time.Time
	delay   time.Duration // the least in this interval
	cpu     float64       // sum over the samples of this interval
	samples int
}

// The steps of Local: what is admitted is multiplied by a factor in this range
// when there is too much to do, and grows by this when there is room.
const (
	fastest  = 0.5
	slowest  = 0.95
	onDelay  = 0.8
	recovery = 0.05
)

// NewLocal makes a Local without load.
func NewLocal(cfg LocalConfig) *Local {
	if cfg.DelayHigh <= 0 {
		cfg.DelayHigh = 50 * time.Millisecond
	}
	if cfg.DelayLow <= 0 || cfg.DelayLow > cfg.DelayHigh {
		cfg.DelayLow = cfg.DelayHigh / 5
	}
	if cfg.CPUHigh <= 0 {
		cfg.CPUHigh = 0.9
	}
	if cfg.CPULow <= 0 || cfg.CPULow > cfg.CPUHigh {
		cfg.CPULow = cfg.CPUHigh * 5 / 6
	}
	if cfg.Interval <= 0 {
		cfg.Interval = 250 * time.Millisecond
	}
	if cfg.Max <= 0 || cfg.Max > 100 {
		cfg.Max = 90
	}
	return &Local{cfg: cfg, admit: 1}
}

// Sample takes a measurement and returns the loss. Of the delays in an interval
// the least counts: a burst passes, a queue that never ends is load. Of the
// processors it is the mean. A load that is not measured is given as 0.
func (l *Local) Sample(now time.Time, delay time.Duration, cpu float64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.samples == 0 || delay < l.delay {
		l.delay = delay
	}
	l.cpu += cpu
	l.samples++
	if l.begun.IsZero() {
		l.begun = now
	}
	if now.Sub(l.begun) < l.cfg.Interval {
		return l.Loss()
	}
	l.step(l.delay, l.cpu/float64(l.samples))
	l.begun, l.samples, l.cpu = now, 0, 0
	return l.Loss()
}

func (l *Local) step(delay time.Duration, cpu float64) {
	c := &l.cfg
	switch {
	case cpu > c.CPUHigh || delay > c.DelayHigh:
		factor := slowest
		if cpu > c.CPUHigh {
			factor = c.CPUHigh / cpu
		}
		if delay > c.DelayHigh {
			factor = min(factor, onDelay)
		}
		l.admit *= min(max(factor, fastest), slowest)
	case cpu <= c.CPULow && delay <= c.DelayLow:
		l.admit += recovery
	}
	l.admit = min(max(l.admit, 1-float64(c.Max)/100), 1)
	l.loss.Store(int32(math.Round(100 * (1 - l.admit))))
}

// Hold sets the least part of requests to be refused, in percent, whatever is
// measured: for a process that an operator wants to spare. 0 ends that.
func (l *Local) Hold(loss int) { l.held.Store(int32(min(max(loss, 0), 100))) }

// Loss is the part of requests to be refused, in percent.
func (l *Local) Loss() int {
	if l == nil {
		return 0
	}
	return int(max(l.loss.Load(), l.held.Load()))
}
