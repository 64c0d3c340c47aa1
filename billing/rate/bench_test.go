package rate_test

import (
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
)

// large is a deck of 500,000 prefixes and calls to it, each over two borders
// of the calendar: from before 18:00 until after midnight.
func large(tb testing.TB) (*tariff.Snapshot, []rate.Call) {
	tb.Helper()
	fees := sample.Fees(500_000, 1)
	b, err := tariff.NewBuilder(tariff.Config{Currency: eur, Windows: sample.Windows()})
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range fees {
		if err := b.Add(f); err != nil {
			tb.Fatal(err)
		}
	}
	s, err := b.Build()
	if err != nil {
		tb.Fatal(err)
	}
	calls := make([]rate.Call, 0, 1<<16)
	for i, n := range sample.Numbers(fees, 1<<16, 2) {
		// Monday 17:50 and a few minutes; every call lasts until after 00:00.
		calls = append(calls, rate.Call{
			Destination: n, Start: at(tb, "2026-05-04T17:50:00Z") + billing.Millis(i%600)*1000, Duration: 6*3_600_000 + 900_000,
		})
	}
	return s, calls
}

func run(b *testing.B, calls []rate.Call, f func(rate.Call) error) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := f(calls[i&(1<<16-1)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "legs/s")
}

func BenchmarkRate(b *testing.B) {
	s, calls := large(b)
	run(b, calls, func(c rate.Call) error {
		_, err := rate.Rate(s, c, rate.Options{})
		return err
	})
}

// BenchmarkRateSteps records the steps too, into a buffer used again.
func BenchmarkRateSteps(b *testing.B) {
	s, calls := large(b)
	steps := make([]rate.Step, 0, 8)
	run(b, calls, func(c rate.Call) error {
		_, err := rate.Rate(s, c, rate.Options{Steps: steps})
		return err
	})
}

func BenchmarkMaxDuration(b *testing.B) {
	s, calls := large(b)
	credit := billing.NewAmount(5_000_000, eur)
	run(b, calls, func(c rate.Call) error {
		c.Duration = 0
		_, err := rate.MaxDuration(s, c, credit)
		return err
	})
}

func BenchmarkExplain(b *testing.B) {
	s, calls := large(b)
	run(b, calls, func(c rate.Call) error {
		_, err := rate.Explain(s, c)
		return err
	})
}

// TestAllocs: rating and authorising allocate nothing.
func TestAllocs(t *testing.T) {
	s := peak(t)
	c := rate.Call{Destination: "43199", Start: at(t, "2026-05-03T17:58:30+02:00"), Duration: 15 * 3_600_000}
	credit := billing.NewAmount(5_000_000, eur)
	steps := make([]rate.Step, 0, 8)
	n := testing.AllocsPerRun(100, func() {
		if _, err := rate.Rate(s, c, rate.Options{Steps: steps}); err != nil {
			t.Fatal(err)
		}
		if _, err := rate.MaxDuration(s, c, credit); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
