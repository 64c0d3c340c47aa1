package main

import (
	"context"
	"fmt"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/mediagen"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// What an element carries is what it neither loses nor falls behind with: a
// relay whose sockets fill up loses nothing for a while, and is too slow all the
// same.
const (
	fallBehind  = 20 * time.Millisecond // of packets that may be under way
	searchSteps = 4                     // halvings between what was carried and what was not
	leastCalls  = 50
)

// carried tells whether a probe was, and whether the generator could send all
// that it was to.
func (b *mediaBench) carried(active int, r *mediagen.Result) (ok, sent bool) {
	rate := float64(r.Sent) / (b.warm + b.measure).Seconds()
	lost, held := r.Sent-min(r.Received, r.Sent), uint64(0)
	if b.coded() {
		held = uint64(2 * active) // see judge
	}
	return lost <= held && float64(r.Behind) <= float64(held)+64+rate*fallBehind.Seconds(), r.Skipped <= r.Sent/50
}

// most searches how many calls an element carries: more and more until it does
// not, then between the last that it did and the first that it did not. A probe
// that fails is made a second time, because others use the machine too.
func (b *mediaBench) most(ctx context.Context, start func() (*target.Target, error)) (outcome, error) {
	defer b.clean()
	t, err := start()
	if err != nil {
		return outcome{}, err
	}
	var before, after reading
	cfg := b.config()
	cfg.Begin = func() error { return b.read(&before, t) }
	cfg.End = func() error { return b.read(&after, t) }
	p, err := mediagen.Prepare(ctx, cfg)
	if err != nil {
		return outcome{}, err
	}
	defer p.Close()
	var best outcome
	starved := false // by the generator
	probe := func(active int) (bool, error) {
		for range 2 {
			r, err := p.Probe(ctx, active)
			if err != nil {
				return false, err
			}
			ok, sent := b.carried(active, &r)
			fmt.Fprintf(b.stderr, "%s: %d calls, %d of %d packets arrived, %d under way at the end, %d left out\n", t.Name, active, r.Received, r.Sent, r.Behind, r.Skipped)
			if starved = !sent; ok && sent {
				best = b.judge(t, &r, before, after)
				best.carried = float64(active)
				return true, nil
			}
		}
		return false, nil
	}
	low, high := 0, 0
	for active := min(leastCalls, b.installed); high == 0; {
		ok, err := probe(active)
		switch {
		case err != nil:
			return outcome{}, err
		case !ok:
			high = active
		case active == b.installed:
			low, high = active, active // all that are set up
		default:
			low, active = active, min(active*3/2, b.installed)
		}
	}
	for range searchSteps {
		middle := (low + high) / 2
		if middle-low <= low/50 {
			break
		}
		ok, err := probe(middle)
		switch {
		case err != nil:
			return outcome{}, err
		case ok:
			low = middle
		default:
			high = middle
		}
	}
	if low == 0 {
		best.problems = append(best.problems, fmt.Sprintf("it does not even carry %d calls", high))
	}
	if starved || low == b.installed {
		fmt.Fprintf(b.stderr, "%s: more than %d calls could not be tried\n", t.Name, low)
	}
	return best, nil
}

// mostTable has the columns of bench media -most.
func mostTable(title string) *table {
	t := mediaTable(title)
	t.cols = append([]column{{"calls", func(f figures) float64 { return f.carried }}}, t.cols...)
	t.goals = []goal{{"calls", peerMedia, oursMedia, 1, false}, {"loss %", oursMedia, "", 0, true}}
	return t
}
