package sipgen

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/sip/transport"
)

// pace begins operations until end, or until Config.Count is reached and all
// have ended. In a closed loop it only fills slots that are free, those that are
// new and those whose operation was lost.
func (r *Run) pace(ctx context.Context, from, end time.Time) error {
	var out *transport.Outbox
	if r.cfg.Streams == nil {
		out = r.endpoint.Outbox()
	}
	var begun float64
	tick := closedTick
	if r.paced() {
		tick = openTick
	}
	swept := from
	for now := time.Now(); now.Before(end); now = time.Now() {
		if r.finished() && !r.busy() {
			return nil
		}
		if r.paced() {
			due := now.Sub(from).Seconds()*r.cfg.Rate - begun
			begun += float64(r.begin(now, out, int(due)))
			if due > r.cfg.Rate/10+float64(r.cfg.Window) {
				begun += due // we were not let run for so long: do not make up for it
			}
		} else {
			r.begin(now, out, r.cfg.Window)
		}
		if now.Sub(swept) > 100*time.Millisecond {
			swept = now
			r.sweep()
		}
		rest := sleep
		if r.paced() {
			rest = nap
		}
		if err := rest(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

// nap is sleep for times that the runtime's timers, which wait in whole
// milliseconds, would make longer: an open loop would come in waves.
func nap(ctx context.Context, d time.Duration) error {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // a shorter one after a signal does no harm
	return ctx.Err()
}

// paced tells whether operations begin by the clock and not by the end of others.
func (r *Run) paced() bool { return r.cfg.Rate > 0 && r.phase.Load() != opening }

func (r *Run) begin(now time.Time, out *transport.Outbox, n int) (begun int) {
	for i, l := range r.lanes {
		share := n / len(r.lanes)
		if i < n%len(r.lanes) {
			share++
		}
		begun += l.begin(now, out, share)
	}
	return begun
}

func (r *Run) finished() bool { n := r.limit.Load(); return n > 0 && r.begun.Load() >= n }

// claim takes one of the operations that may still begin.
func (r *Run) claim() bool {
	if r.phase.Load() == draining {
		return false
	}
	if n, limit := r.begun.Add(1), r.limit.Load(); limit > 0 && n > limit {
		r.begun.Add(^uint64(0))
		return false
	}
	return true
}

func (r *Run) sweep() {
	now := time.Now()
	for _, l := range r.lanes {
		l.sweep(now)
	}
}

func (r *Run) busy() bool {
	for _, l := range r.lanes {
		if l.busy() {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
