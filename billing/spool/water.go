package spool

import (
	"errors"
	"fmt"
)

// Policy is what becomes of new calls while a log is nearly full.
type Policy uint8

// Policies.
const (
	// RefuseCalls keeps the room that is left for the ends of running calls.
	RefuseCalls Policy = iota
	// Alarm goes on until nothing fits any more: Stats.High and Stats.Alarms
	// tell, and records that do not fit are lost to their writers.
	Alarm
)

var policyNames = [...]string{"refuse-calls", "alarm"}

// String returns the name used in configurations.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("unknown(%d)", uint8(p))
}

// MarshalText returns the name.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the name.
func (p *Policy) UnmarshalText(b []byte) error {
	for i, n := range policyNames {
		if n == string(b) {
			*p = Policy(i)
			return nil
		}
	}
	return fmt.Errorf("spool: policy %.40q is none of %q", b, policyNames)
}

// ErrNearlyFull says that the log is above its high watermark.
var ErrNearlyFull = errors.New("spool: nearly full")

// water checks the watermarks and fills in those that are not given.
func (c *Config) water() error {
	if c.HighWater <= 0 {
		c.HighWater = c.MaxBytes / 10 * 9
	}
	if c.LowWater <= 0 {
		c.LowWater = min(c.MaxBytes/10*7, c.HighWater)
	}
	if c.LowWater > c.HighWater || c.HighWater > c.MaxBytes {
		return fmt.Errorf("spool: watermarks %d and %d of at most %d bytes", c.LowWater, c.HighWater, c.MaxBytes)
	}
	return nil
}

// measure compares the size with the watermarks. The caller has the lock.
func (l *Log) measure() {
	switch n := l.bytes(); {
	case !l.high && n > l.cfg.HighWater:
		l.high = true
		l.stats.Alarms++
	case l.high && n < l.cfg.LowWater:
		l.high = false
	}
}

// Ready reports whether a new call may begin: ErrNearlyFull above the high
// watermark under RefuseCalls, ErrClosed for a closed log.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.high && l.cfg.Policy == RefuseCalls:
		return fmt.Errorf("%w: %d bytes of %d", ErrNearlyFull, l.bytes(), l.cfg.MaxBytes)
	}
	return nil
}
