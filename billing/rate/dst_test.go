package rate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/internal/naive"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/internal/sweep"
)

// dayParts is a tariff whose rates cut the day at hours at which zones change
// their local time, with a special date on two of those days.
func dayParts(t testing.TB, loc *time.Location) (*tariff.Snapshot, *naive.Tariff) {
	cfg := tariff.Config{Currency: eur, Location: loc}
	for _, w := range []string{"night mon-sun 00:00-02:00", "dawn mon-sun 02:30-03:00", "day mon-fri 08:00-18:00", "late sat,sun 22:30-24:00"} {
		cfg.Windows = append(cfg.Windows, window(t, w))
	}
	for _, v := range []string{"holiday 2026-03-29T02:15/2026-03-29T03:10", "holiday 2026-10-25T02:15/2026-10-25T02:45", "default 2024-12-24T00:30/2024-12-27"} {
		s, err := tariff.ParseSpecial(v)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Specials = append(cfg.Specials, s)
	}
	f := tariff.Fee{Rate: per("0.60/60", 60), Named: map[string]tariff.Rate{}}
	for i, name := range []string{"night", "dawn", "day", "late", "holiday"} {
		f.Named[name] = per(fmt.Sprintf("0.%d/60", i+1), 60)
	}
	b, err := tariff.NewBuilder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(f); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s, &naive.Tariff{Config: cfg, Fees: []tariff.Fee{f}}
}

func per(price string, seconds int) tariff.Rate {
	i := tariff.Interval{Price: billing.MustPrice(price), Seconds: seconds}
	return tariff.Rate{Init: i, Follow: i}
}

// look goes over a span step by step: the rate in force is that of the wall
// clock, and stays so up to where Period says, without a gap.
func look(t *testing.T, s *tariff.Snapshot, n *naive.Tariff, from, to time.Time, step time.Duration) {
	t.Helper()
	m, _ := s.Match(billing.Out, "", "")
	until := billing.MillisOf(from)
	was := -1
	for at := from; at.Before(to); at = at.Add(step) {
		ms := billing.MillisOf(at)
		number, end := s.Period(ms)
		if end <= ms {
			t.Fatalf("%s: a period that ends at %d", at, end)
		}
		if want := n.InForce(&n.Fees[0], at, nil); !m.Rate(number).Equal(want) {
			t.Fatalf("%s: rate %q, by the wall clock %+v", at.In(s.Location()), s.RateName(number), want)
		}
		if ms < until && number != was {
			t.Fatalf("%s: rate %q before the end of another", at, s.RateName(number))
		}
		if ms >= until {
			until, was = end, number
		}
	}
}

// TestYear: every minute (or, in a sample, every seventh) of a year in three
// zones, one of which changes by half an hour.
func TestYear(t *testing.T) {
	for _, name := range []string{"Europe/Vienna", "America/Sao_Paulo", "Australia/Lord_Howe"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		s, n := dayParts(t, loc)
		for _, year := range []int{2018, 2026} { // Sao Paulo had summer time until 2019
			look(t, s, n, time.Date(year, 1, 1, 0, 0, 0, 0, loc), time.Date(year+1, 1, 1, 0, 0, 0, 0, loc), sweep.Of(7*time.Minute, time.Minute))
		}
	}
}

// changes lists the changes of local time from 2020 to 2030.
func changes(loc *time.Location) []time.Time {
	var out []time.Time
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for end := at.AddDate(11, 0, 0); at.Before(end); at = at.Add(12 * time.Hour) {
		_, a := at.In(loc).Zone()
		next := at.Add(12 * time.Hour)
		if _, b := next.In(loc).Zone(); a == b {
			continue
		}
		low, high := at, next
		for high.Sub(low) > time.Second {
			mid := low.Add(high.Sub(low) / 2).Truncate(time.Second)
			if _, m := mid.In(loc).Zone(); m == a {
				low = mid
			} else {
				high = mid
			}
		}
		out = append(out, high)
	}
	return out
}

// TestEveryChange: three hours around every change of every zone (or of a
// sample of them) from 2020 to 2030, minute by minute, and calls across each on
// which both raters agree.
func TestEveryChange(t *testing.T) {
	seen := map[string]bool{}
	befores := []time.Duration{3 * time.Hour, 47*time.Minute + 300*time.Millisecond, time.Second}
	total := 0
	for _, name := range sweep.Zones(t) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		all := changes(loc)
		key := fmt.Sprint(all)
		if len(all) > 0 {
			_, off := all[0].In(loc).Zone()
			key += fmt.Sprint(off)
		}
		if len(all) == 0 || seen[key] {
			continue // no changes, or the same as in another zone
		}
		seen[key] = true
		s, n := dayParts(t, loc)
		for _, at := range all {
			total++
			look(t, s, n, at.Add(-3*time.Hour), at.Add(3*time.Hour), time.Minute)
			for _, before := range sweep.Of(befores[1:], befores) {
				compare(t, s, n, rate.Call{Start: billing.MillisOf(at.Add(-before)), Duration: billing.Span(before + sweep.Of(time.Hour, 3*time.Hour))})
			}
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if total < sweep.Of(200, 500) {
		t.Errorf("only %d changes", total)
	}
}
