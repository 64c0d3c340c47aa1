package relay

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// Errors of the limits on what a relay takes on. Clients of the control
// protocol try another relay.
var (
	ErrCPU       = errors.New("CPU usage limit exceeded")
	ErrLoad      = errors.New("Load limit exceeded")      //nolint:staticcheck // wording is protocol
	ErrBandwidth = errors.New("Bandwidth limit exceeded") //nolint:staticcheck // wording is protocol
	ErrSource    = errors.New("relay: too many sessions of one source")
)

// Limits keep a relay from taking on calls it has no strength for. Zero: no
// limit. Running calls are not touched.
type Limits struct {
	CPU       float64 // busy share of all processors in the last second, 0 to 1
	Load      float64 // average over one minute, as the system counts it
	Bandwidth uint64  // octets of media received in the last second
	PerSource int     // sessions begun by one signalling source
}

// strain is what the relay and its machine have to do at present.
type strain struct {
	busy, total uint64 // clock ticks at the last look
	moved       moved
	rates       Rates
	minutes     minutes
	at          time.Time

	cpu, load float64
	bandwidth uint64
}

// look takes the figures of the last second.
func (r *Relay) look(now time.Time) {
	x := &r.strain
	r.mu.Lock()
	defer r.mu.Unlock()
	busy, total := processors()
	if total > x.total {
		x.cpu = float64(busy-x.busy) / float64(total-x.total)
	}
	x.busy, x.total, x.load = busy, total, loadAverage()
	n := r.moved()
	if d := now.Sub(x.at); d > 0 && !x.at.IsZero() {
		x.rates = n.since(x.moved, d)
		x.bandwidth = uint64(x.rates.Bytes)
	}
	x.moved, x.at = n, now
	r.tallying.Lock()
	ended := r.tally.Duration
	r.tallying.Unlock()
	x.minutes.see(now, len(r.sessions), ended)
}

// refuse tells why a session more would be too much. The caller holds mu.
func (r *Relay) refuse(source netip.Addr) error {
	l, x := &r.cfg.Limits, &r.strain
	switch {
	case len(r.sessions) >= r.cfg.MaxSessions:
		return ErrSessions
	case l.PerSource > 0 && source.IsValid() && r.sources[source] >= l.PerSource:
		return ErrSource
	case l.CPU > 0 && x.cpu > l.CPU:
		return ErrCPU
	case l.Load > 0 && x.load > l.Load:
		return ErrLoad
	case l.Bandwidth > 0 && x.bandwidth > l.Bandwidth:
		return ErrBandwidth
	}
	return nil
}

// processors reads how long the processors worked, in ticks. Nothing is known
// on systems without /proc.
func processors() (busy, total uint64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	for i, w := range bytes.Fields(line) {
		n, err := strconv.ParseUint(string(w), 10, 64)
		if err != nil || i > 8 { // guest time is in user time already
			continue
		}
		total += n
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += n
		}
	}
	return busy, total
}

func loadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(b, []byte(" "))
	v, err := strconv.ParseFloat(string(first), 64)
	if err != nil {
		return 0
	}
	return v
}
