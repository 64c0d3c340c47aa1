package mediagen

import (
	"context"
	"maps"
	"runtime"
	"time"
)

// Probes are runs one after the other over the same calls, with more or fewer of
// them active.
type Probes struct{ run *run }

// Prepare sets the calls up. Close the probes in the end; the calls stay in the
// relay.
func Prepare(ctx context.Context, cfg Config) (*Probes, error) {
	cfg.Active = cfg.Calls
	r, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Probes{r}, nil
}

// Close closes the sockets.
func (p *Probes) Close() { p.run.close() }

// Probe is a run with that many calls, from 1 to all. What was still under way
// of the one before is waited for, and is in no figure.
func (p *Probes) Probe(ctx context.Context, active int) (Result, error) {
	r := p.run
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.settle(ctx)
	r.cfg.Active = active
	r.result = Result{Faults: map[string]uint64{}, SetUp: r.setups}
	if err := r.drive(ctx); err != nil {
		return Result{}, err
	}
	out := r.result
	out.Faults = maps.Clone(out.Faults)
	return out, nil
}

// settle reads until nothing has come for a tenth of a second, or for two
// seconds.
func (r *run) settle(ctx context.Context) {
	last, seen := time.Now(), r.result.Received
	for end := last.Add(2 * time.Second); time.Since(last) < 100*time.Millisecond && time.Now().Before(end) && ctx.Err() == nil; pause(time.Millisecond) {
		if r.drain(); r.result.Received != seen {
			last, seen = time.Now(), r.result.Received
		}
	}
}
