package main

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/rerate"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// billingWhatIf prices the records of a month by dearer decks, all parties of
// each, and sums the differences.
func billingWhatIf(ctx context.Context, o *billingOptions, r *report, _ io.Writer) error {
	world, err := billgen.NewWorld(o.prefixes, o.seed)
	if err != nil {
		return err
	}
	records, err := priced(&billgen.Load{World: world, Seed: o.seed, Calls: o.records})
	if err != nil {
		return err
	}
	dearer := *world
	if dearer.Retail, err = billgen.Compile(world.Fees, 20); err != nil {
		return err
	}
	cpu, err := billbed.Self()
	if err != nil {
		return err
	}
	began := time.Now()
	d, err := rerate.Plan(ctx, func(yield func(*billing.CDR, error) bool) {
		for i := range records {
			if !yield(&records[i], nil) {
				return
			}
		}
	}, &chain.Rater{Directory: dearer.Sell()}, rerate.Options{})
	if err != nil {
		return err
	}
	took := time.Since(began)
	used, err := billbed.Self()
	r.most("what if: a million records by other decks, s", "%.2f", took.Seconds()*1e6/float64(o.records), 10)
	r.add("what if: records, changed, CPU seconds", "%d, %d, %.1f on %d processors", d.Records, d.Changed, (used - cpu).Seconds(), runtime.GOMAXPROCS(0))
	return err
}

// priced makes the records of a load with the prices that they have.
func priced(l *billgen.Load) ([]billing.CDR, error) {
	out := make([]billing.CDR, l.Calls)
	rater := chain.Rater{Directory: l.World}
	workers := runtime.GOMAXPROCS(0)
	failed := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := w; n < len(out) && failed[w] == nil; n += workers {
				out[n] = l.CDR(n)
				out[n].Parties, failed[w] = rater.Rate(nil, &out[n])
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
