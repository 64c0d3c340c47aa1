package rate_test

import (
	"slices"
	"testing"
	"time"

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

// BenchmarkRateP99 measures every call by itself, the clock included.
func BenchmarkRateP99(b *testing.B) {
	s, calls := large(b)
	took := make([]time.Duration, 0, 1<<22)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		if _, err := rate.Rate(s, calls[i&(1<<16-1)], rate.Options{}); err != nil {
			b.Fatal(err)
		}
		if len(took) < cap(took) {
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkRateRich prices by a fee with tiers, a one-off price, a cap, and
// peaks in a zone with summer time.
func BenchmarkRateRich(b *testing.B) {
	loc, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		b.Fatal(err)
	}
	s := world(b, tariff.Config{Location: loc, Windows: []tariff.Window{window(b, "off mon-sun 18:00-24:00")}},
		"destination,follow_price,follow_interval,off.follow_price,off.follow_interval,tiers,extra_second,extra_price,cap,cap_action\n43,0.10/60,60,0.05/60,60,60 0.06/60 30; 120 0.03/60 60 0.20,90,0.50,9,disconnect\n")
	c := rate.Call{Destination: "4319", Start: at(b, "2026-05-04T15:50:00Z"), Duration: 1_000_000}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rate.Rate(s, c, rate.Options{}); err != nil {
			b.Fatal(err)
		}
	}
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
