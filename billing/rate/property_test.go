package rate_test

import (
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// oneFee is a tariff of one fee priced interval by interval with unbounded
// fractions and wall clocks: the reference for Rate.
type oneFee struct {
	connect  billing.Amount
	rates    map[string]tariff.Rate
	windows  []tariff.Window
	zone     *time.Location
	rounding billing.Rounding
	counting tariff.Counting
}

func (n *oneFee) inForce(t time.Time) tariff.Rate {
	l := t.In(n.zone)
	sec := l.Hour()*3600 + l.Minute()*60 + l.Second()
	for _, w := range n.windows {
		if w.Days.Has(l.Weekday()) && w.From <= sec && sec < w.To {
			return n.rates[w.Rate]
		}
	}
	return n.rates[""]
}

func (n *oneFee) price(start time.Time, d time.Duration) (*big.Int, time.Duration) {
	micro := big.NewRat(1, 1_000_000)
	sum := new(big.Rat).Mul(big.NewRat(n.connect.Micros(), 1), micro)
	each := n.rounding.Scope() == billing.ScopeIncrement
	if each {
		sum = new(big.Rat).Mul(new(big.Rat).SetInt(n.round(sum)), micro)
	}
	if n.counting == tariff.CountNearest {
		d = d.Round(time.Second)
	}
	var off time.Duration
	for i := n.inForce(start).Init; off < d; i = n.inForce(start.Add(off)).Follow {
		p := big.NewRat(i.Price.Pico(), 1_000_000_000_000)
		p.Mul(p, big.NewRat(int64(max(i.Seconds, 1)), i.Price.Per()))
		if each {
			p = new(big.Rat).Mul(new(big.Rat).SetInt(n.round(p)), micro)
		}
		sum.Add(sum, p)
		off += time.Duration(max(i.Seconds, 1)) * time.Second
	}
	return n.round(sum), off
}

// round returns micro-units.
func (n *oneFee) round(r *big.Rat) *big.Int {
	step := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(6-n.rounding.Places())), nil)
	x := new(big.Rat).Mul(new(big.Rat).Abs(r), big.NewRat(1_000_000, 1))
	x.Quo(x, new(big.Rat).SetInt(step))
	q, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(x.Denom())
	up := rest.Sign() > 0
	switch n.rounding.Mode() {
	case billing.HalfUp:
		up = half >= 0
	case billing.HalfEven:
		up = half > 0 || half == 0 && q.Bit(0) == 1
	case billing.Down:
		up = false
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	q.Mul(q, step)
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

// genTariff draws a tariff of one fee, as a snapshot and as its reference.
func genTariff(t *rapid.T, lowest int64) (*tariff.Snapshot, *oneFee) {
	draw := func(label string) tariff.Rate {
		i := func(what string) tariff.Interval {
			p, err := billing.NewPrice(rapid.Int64Range(lowest, 1e13).Draw(t, label+what), rapid.SampledFrom([]int{1, 7, 60, 3600}).Draw(t, label+" per"))
			if err != nil {
				t.Fatal(err)
			}
			return tariff.Interval{Price: p, Seconds: rapid.SampledFrom([]int{0, 1, 6, 30, 60, 600}).Draw(t, label+" seconds")}
		}
		return tariff.Rate{Init: i(" init"), Follow: i(" follow")}
	}
	loc, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Vienna", "Australia/Lord_Howe"}).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := billing.NewRounding(billing.Mode(rapid.IntRange(0, 3).Draw(t, "mode")), rapid.IntRange(0, 6).Draw(t, "places"), billing.Scope(rapid.IntRange(0, 1).Draw(t, "scope")))
	if err != nil {
		t.Fatal(err)
	}
	n := &oneFee{
		connect: billing.NewAmount(rapid.Int64Range(min(lowest, 0), 1e6).Draw(t, "connect"), eur), zone: loc, rounding: r,
		rates: map[string]tariff.Rate{"": draw("own")}, counting: tariff.Counting(rapid.IntRange(0, 1).Draw(t, "counting")),
	}
	fee := tariff.Fee{Connect: n.connect, Rate: n.rates[""], Named: map[string]tariff.Rate{}}
	// Windows of different names side by side: none overlap.
	from := 0
	for i := range rapid.IntRange(0, 4).Draw(t, "windows") {
		to := rapid.IntRange(from+1, min(from+30_000, 86_400-4+i)).Draw(t, "to")
		name := fmt.Sprintf("r%d", rapid.IntRange(0, 2).Draw(t, "name"))
		n.windows = append(n.windows, tariff.Window{Rate: name, Days: tariff.Days(rapid.IntRange(1, 127).Draw(t, "days")), From: from, To: to})
		if _, ok := n.rates[name]; !ok {
			n.rates[name] = draw(name)
			fee.Named[name] = n.rates[name]
		}
		if from = to; from > 80_000 {
			break
		}
	}
	b, err := tariff.NewBuilder(tariff.Config{Currency: eur, Location: loc, Windows: n.windows, Rounding: r, Counting: n.counting})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(fee); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s, n
}

// genCall draws a call, often near a change of local time.
func genCall(t *rapid.T) rate.Call {
	days := rapid.SampledFrom([]string{"2026-05-04T00:00:00Z", "2026-03-28T23:00:00Z", "2026-10-24T22:00:00Z", "2026-04-04T14:00:00Z", "2026-10-03T15:00:00Z"}).Draw(t, "day")
	start, err := time.Parse(time.RFC3339, days)
	if err != nil {
		t.Fatal(err)
	}
	return rate.Call{
		Start:    billing.MillisOf(start) + billing.Millis(rapid.Int64Range(0, 3*86_400_000).Draw(t, "start")),
		Duration: billing.Millis(rapid.Int64Range(0, 8*3_600_000).Draw(t, "duration")),
	}
}

func TestAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := genTariff(t, -1e12)
		c := genCall(t)
		want, charged := n.price(c.Start.Time(), c.Duration.Duration())
		got, err := rate.Rate(s, c, rate.Options{})
		if !want.IsInt64() {
			if !errors.Is(err, billing.ErrOverflow) {
				t.Fatalf("%v, %v; want an overflow", got.Amount, err)
			}
			return
		}
		if err != nil || got.Amount.Micros() != want.Int64() || got.Charged != billing.Span(charged) {
			t.Fatalf("%v for %d, %v; want %v for %v", got.Amount, got.Charged, err, want, charged)
		}
	})
}

// TestSteps: the steps sum up to the price, cover the time charged without a
// gap, and asking for them changes nothing.
func TestSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := genTariff(t, -1e12)
		c := genCall(t)
		plain, err := rate.Rate(s, c, rate.Options{})
		if err != nil {
			return // an overflow, which TestAgainstNaive looks at
		}
		r, err := rate.Rate(s, c, rate.Options{Steps: []rate.Step{}})
		if err != nil || r.Amount != plain.Amount || r.Charged != plain.Charged {
			t.Fatalf("%v and %v, %v", plain, r, err)
		}
		sum := billing.NewAmount(0, eur)
		var off billing.Millis
		for _, st := range r.Steps {
			if sum, err = sum.Add(st.Amount); err != nil {
				t.Fatal(err)
			}
			if st.Kind == rate.Connect {
				continue
			}
			if st.Offset != off {
				t.Fatalf("step at %d, the one before ends at %d", st.Offset, off)
			}
			off += billing.Millis(st.Count) * st.Interval.Length()
		}
		if sum != r.Amount || off != r.Charged {
			t.Fatalf("steps make %v for %d; the call %v for %d", sum, off, r.Amount, r.Charged)
		}
	})
}

// TestMonotone: where no price is below zero, a longer call costs no less.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := genTariff(t, 0)
		c := genCall(t)
		short, err := rate.Rate(s, c, rate.Options{})
		if err != nil {
			return // an overflow, which TestAgainstNaive looks at
		}
		c.Duration += billing.Millis(rapid.Int64Range(0, 600_000).Draw(t, "more"))
		long, err := rate.Rate(s, c, rate.Options{})
		if err != nil {
			return // an overflow, which TestAgainstNaive looks at
		}
		if d, err := short.Amount.Cmp(long.Amount); err != nil || d > 0 || long.Charged < short.Charged {
			t.Fatalf("%v, longer %v", short.Amount, long.Amount)
		}
	})
}

// TestWholeWeek: a week later, with the same local time, the price is the same.
func TestWholeWeek(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _ := genTariff(t, -1e12)
		c := genCall(t)
		// June has no change of local time in any of the zones.
		c.Start = billing.MillisOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)) + c.Start%(7*86_400_000)
		a, err := rate.Rate(s, c, rate.Options{})
		c.Start += 7 * 86_400_000
		b, err2 := rate.Rate(s, c, rate.Options{})
		if (err == nil) != (err2 == nil) || a.Amount != b.Amount || a.Charged != b.Charged {
			t.Fatalf("%v, %v; a week later %v, %v", a.Amount, err, b.Amount, err2)
		}
	})
}

// TestInverse: a call as long as MaxDuration says is within the credit, and a
// longer one is not.
func TestInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := genTariff(t, -1e11)
		c := genCall(t)
		c.Duration = billing.Millis(rapid.Int64Range(1, 8*3_600_000).Draw(t, "limit"))
		credit := billing.NewAmount(rapid.Int64Range(-1e6, 1e9).Draw(t, "credit"), eur)
		most, err := rate.MaxDuration(s, c, credit)
		if err != nil {
			t.Fatal(err)
		}
		limit := c.Duration
		within := func(d billing.Millis) bool {
			c.Duration = d
			r, err := rate.Rate(s, c, rate.Options{})
			if err != nil {
				return false
			}
			order, err := r.Amount.Cmp(credit)
			return err == nil && order <= 0
		}
		if most > limit {
			t.Fatalf("%d is more than the limit of %d", most, limit)
		}
		if most > 0 && !within(most) {
			t.Fatalf("%d ms cost more than %v", most, credit)
		}
		more := most + 1
		if n.counting == tariff.CountNearest {
			more = most + 500 // what is counted to the nearest second grows half a second later
		}
		if more <= limit && within(more) && (most > 0 || within(0)) {
			t.Fatalf("%d ms are within %v too, not only %d", more, credit, most)
		}
	})
}
