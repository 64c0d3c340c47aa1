package node

import (
	"runtime"
	"syscall"
	"time"
)

// cpuMeter measures what part of the processors that it may use this process
// uses, between one question and the next.
type cpuMeter struct {
	at   time.Time
	used time.Duration
}

func newCPUMeter() *cpuMeter { return &cpuMeter{at: time.Now(), used: cpuUsed()} }

// share is between 0 and 1.
func (m *cpuMeter) share() float64 {
	now, used := time.Now(), cpuUsed()
	wall := now.Sub(m.at) * time.Duration(runtime.GOMAXPROCS(0))
	busy := used - m.used
	m.at, m.used = now, used
	if wall <= 0 {
		return 0
	}
	return min(1, max(0, float64(busy)/float64(wall)))
}

func cpuUsed() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
