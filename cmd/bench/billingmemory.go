package main

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/cmd/internal/load/meter"
)

// longCalls are calls to the numbers of a world, each over two borders of the
// calendar: from before 18:00 until after midnight.
func longCalls(w *billgen.World) []rate.Call {
	const evening billing.Millis = 1_777_916_400_000 // Monday, 2026-05-04, 17:40 UTC
	out := make([]rate.Call, len(w.Numbers))
	for i, n := range w.Numbers {
		out[i] = rate.Call{Destination: n, Start: evening + billing.Millis(i%600)*1000, Duration: 7 * 3_600_000}
	}
	return out
}

// billingMemory measures rating without anything around it.
func billingMemory(ctx context.Context, o *billingOptions, r *report, _ io.Writer) error {
	w, err := billgen.NewWorld(o.prefixes, o.seed)
	if err != nil {
		return err
	}
	index, all := w.Retail.Size()
	r.most("index, octets per prefix", "%.1f", float64(index)/float64(o.prefixes), 24)
	r.most("everything, octets per prefix", "%.1f", float64(all)/float64(o.prefixes), 64)
	if err := loading(w, r); err != nil {
		return err
	}
	calls := longCalls(w)
	perSecond, p99, allocs, err := legs(len(calls), func(i int) error {
		_, err := rate.Rate(w.Retail, calls[i], rate.Options{})
		return err
	})
	if err != nil {
		return err
	}
	r.least("Rate, two borders, legs/s on one processor", "%.0f", perSecond, 1e6)
	r.most("Rate, p99 with the clock, µs", "%.2f", us(p99), 3)
	r.most("Rate, allocations per leg", "%.3f", allocs, 0.001)
	credit := billing.NewAmount(5_000_000, billgen.EUR)
	perSecond, _, allocs, err = legs(len(calls), func(i int) error {
		c := calls[i]
		c.Duration = 0
		_, err := rate.MaxDuration(w.Retail, c, credit)
		return err
	})
	if err != nil {
		return err
	}
	r.most("MaxDuration, µs", "%.2f", 1e6/perSecond, 1)
	r.most("MaxDuration, allocations", "%.3f", allocs, 0.001)
	load := billgen.Load{World: w, Seed: o.seed, Calls: 1 << 16}
	records := make([]billing.CDR, 0, load.Calls)
	for n := range load.Calls {
		records = append(records, load.CDR(n))
	}
	rater := chain.Rater{Directory: w}
	var room []billing.Party
	perSecond, _, _, err = legs(len(records), func(i int) (err error) {
		room, err = rater.Rate(room[:0], &records[i])
		return err
	})
	if err != nil {
		return err
	}
	r.least("record of three parties, CDR/s on one processor", "%.0f", perSecond, 300_000)
	return swapping(ctx, w, calls, r)
}

// legs runs f for two seconds, then a while with a clock around each.
func legs(n int, f func(i int) error) (perSecond float64, p99 time.Duration, allocs float64, err error) {
	var before, after runtime.MemStats
	for i := range n { // caches and room
		if err := f(i); err != nil {
			return 0, 0, 0, err
		}
	}
	runtime.ReadMemStats(&before)
	began, done := time.Now(), 0
	for time.Since(began) < 2*time.Second {
		for range 1000 {
			if err := f(done % n); err != nil {
				return 0, 0, 0, err
			}
			done++
		}
	}
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	var h meter.Histogram
	for i := range 500_000 {
		at := time.Now()
		if err := f(i % n); err != nil {
			return 0, 0, 0, err
		}
		h.Add(time.Since(at))
	}
	return float64(done) / took.Seconds(), h.Quantile(0.99), float64(after.Mallocs-before.Mallocs) / float64(done), nil
}

// loading reads and builds the retail deck.
func loading(w *billgen.World, r *report) error {
	var deck bytes.Buffer
	if err := w.WriteCSV(&deck); err != nil {
		return err
	}
	began := time.Now()
	b, err := tariff.NewBuilder(tariff.Config{Currency: billgen.EUR, Windows: sample.Windows()})
	if err == nil {
		err = b.ReadCSV(&deck)
	}
	if err == nil {
		_, err = b.Build()
	}
	r.most("deck read from CSV and built, s", "%.2f", time.Since(began).Seconds(), 2)
	return err
}

// swapping rates while another goroutine puts new decks in force, a thousand a
// second, and tells the slowest percent with and without.
func swapping(ctx context.Context, w *billgen.World, calls []rate.Call, r *report) error {
	var deck atomic.Pointer[tariff.Snapshot]
	deck.Store(w.Retail)
	one := func(i int) error {
		_, err := rate.Rate(deck.Load(), calls[i], rate.Options{})
		return err
	}
	alone, p99, _, err := legs(len(calls), one)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	swaps := 0
	wg.Go(func() {
		for t := time.NewTicker(time.Millisecond); ctx.Err() == nil; swaps++ {
			<-t.C
			deck.Store([]*tariff.Snapshot{w.Retail, w.Wholesale}[swaps%2])
		}
	})
	swapped, p99s, _, err := legs(len(calls), one)
	stop()
	wg.Wait()
	r.add("decks swapped under load: legs/s and p99 without, with", "%.0f, %.2f µs; %.0f, %.2f µs (%d swaps)", alone, us(p99), swapped, us(p99s), swaps)
	return err
}
