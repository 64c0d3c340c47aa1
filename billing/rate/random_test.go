package rate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/internal/naive"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/internal/sweep"
)

// draw makes random tariffs and calls of every kind that there is.
type draw struct {
	*rand.Rand
	zones []*tariff.Zone
}

func newDraw(t testing.TB, seed uint64) draw {
	d := draw{Rand: rand.New(rand.NewPCG(seed, 5))}
	for _, name := range []string{"UTC", "Europe/Vienna", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		d.zones = append(d.zones, tariff.NewZone(loc))
	}
	return d
}

func pick[T any](d draw, of ...T) T { return of[d.IntN(len(of))] }

// one is true once in n times.
func (d draw) one(n int) bool { return d.IntN(n) == 0 }

func (d draw) price(lowest int64) billing.Price {
	p, err := billing.NewPrice(lowest+d.Int64N(int64(pick(d, 10.0, 1e9, 1e11, 1e12))-lowest), pick(d, 1, 1, 7, 60, 60, 3600, 100_000))
	if err != nil {
		panic(err) // never for these
	}
	return p
}

func (d draw) interval(lowest int64) tariff.Interval {
	return tariff.Interval{Price: d.price(lowest), Seconds: pick(d, 0, 1, 6, 30, 60, 60, 61, 600)}
}

func (d draw) rate(lowest int64) tariff.Rate {
	r := tariff.Rate{Init: d.interval(lowest), Follow: d.interval(lowest), FreeTime: d.one(2)}
	if d.one(4) {
		start := 0
		for range 1 + d.IntN(3) {
			start += pick(d, 1, 30, 60, 300)
			r.Tiers = append(r.Tiers, tariff.Tier{Start: start, Connect: billing.NewAmount(pick(d, 0, d.Int64N(1e6)), eur), Interval: d.interval(lowest)})
		}
	}
	if d.one(4) {
		r.Extra = tariff.Extra{Second: 1 + d.IntN(200), Price: d.price(lowest)}
	}
	return r
}

func (d draw) digits(most int) string {
	b := make([]byte, d.IntN(most+1))
	for i := range b {
		b[i] = "012"[d.IntN(3)]
	}
	return string(b)
}

// config draws calendar and policies. Windows of one name may overlap, those of
// two do not: each name has its own part of the day.
func (d draw) config() tariff.Config {
	places := pick(d, 6, 6, 6, d.IntN(7))
	r, err := billing.NewRounding(billing.Mode(d.IntN(4)), places, pick(d, billing.ScopeLeg, billing.ScopeLeg, billing.ScopeIncrement))
	if err != nil {
		panic(err) // never for these
	}
	cfg := tariff.Config{
		Currency: eur, Location: pick(d, d.zones...).Location(), CustomerZone: d.one(4), Rounding: r, InclusiveEnds: d.one(4),
		Counting: pick(d, tariff.CountBegun, tariff.CountBegun, tariff.CountNearest, tariff.CountWhole, tariff.CountExact),
		Crossing: pick(d, tariff.CrossBegin, tariff.CrossBegin, tariff.CrossSplit), IgnoreDomain: d.one(8),
	}
	from := 0
	for from < 70_000 && !d.one(3) {
		to := from + 1 + d.IntN(86_400-4-from)
		cfg.Windows = append(cfg.Windows, tariff.Window{Rate: pick(d, "a", "b", "c"), Days: tariff.Days(1 + d.IntN(127)), From: from, To: to})
		from = to + 1
	}
	day := tariff.WallOf(time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC))
	for range d.IntN(3) {
		day += tariff.Wall(1 + d.IntN(86_400))
		to := day + tariff.Wall(d.IntN(2*86_400)+1)
		cfg.Specials = append(cfg.Specials, tariff.Special{Rate: pick(d, "", "a", "holiday"), From: day, To: to})
		day = to + 1
	}
	return cfg
}

func (d draw) fee(lowest int64) tariff.Fee {
	f := tariff.Fee{
		Direction: billing.Direction(d.IntN(2)), Service: pick(d, tariff.Voice, tariff.Voice, tariff.Voice, tariff.SMS, tariff.Data),
		Zone: pick(d, "", "x", "y"), Connect: billing.NewAmount(pick(d, 0, d.Int64N(1e6)), eur), Rate: d.rate(lowest),
		Named: map[string]tariff.Rate{},
	}
	switch d.IntN(8) {
	case 0:
		f.Mode, f.Destination = tariff.Exact, "1"+d.digits(3)
	case 1:
		f.Mode, f.Destination = tariff.Exact, pick(d, "u", "v")+"@"+pick(d, "d.example", "e.example")
	case 2:
		f.Destination = pick(d, "u", "u@", "v@d.ex", "u@e")
	case 3:
		f.Destination = pick(d, "lnp:p", "lnp:q", "lnpnumbertype:m")
	case 4, 5:
		f.Mode = pick(d, tariff.RegexMatch, tariff.RegexPattern)
		f.Destination = pick(d, "^1", "^1[01]", "2+", "^u@.*$", "0?1", "^(1|2)0*", ".")
		f.Source = pick(d, "", "", "^2", "@d")
	default:
		f.Destination = d.digits(3)
	}
	if f.Mode < tariff.RegexMatch && d.one(4) {
		f.Source = pick(d, "1", "2", "w", d.digits(2))
	}
	for _, name := range []string{"a", "b", "c", "holiday"} {
		if d.one(2) {
			f.Named[name] = d.rate(lowest)
		}
	}
	if lowest >= 0 && d.one(4) {
		f.Cap = tariff.Cap{Amount: billing.NewAmount(d.Int64N(3e6), eur), Action: pick(d, tariff.CapFree, tariff.CapDisconnect)}
	}
	return f
}

// world draws a tariff, as a snapshot and as what the second rater takes.
func (d draw) world(t testing.TB) (*tariff.Snapshot, *naive.Tariff) {
	lowest := pick(d, int64(0), 0, 0, -1e9)
	n := &naive.Tariff{Config: d.config()}
	b, err := tariff.NewBuilder(n.Config)
	if err != nil {
		t.Fatal(err)
	}
	type key struct {
		d    billing.Direction
		s    tariff.Service
		m    tariff.Mode
		a, b string
	}
	seen := map[key]bool{}
	for range 1 + d.IntN(24) {
		f := d.fee(lowest)
		k := key{f.Direction, f.Service, f.Mode, f.Destination, f.Source}
		if seen[k] {
			continue
		}
		seen[k] = true
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
		n.Fees = append(n.Fees, f)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s, n
}

// call draws one, often near a change of local time or a special date.
func (d draw) call() rate.Call {
	days := pick(d, "2026-05-04T00:00:00Z", "2026-03-27T12:00:00Z", "2026-03-28T23:00:00Z", "2026-10-24T22:00:00Z", "2026-04-04T14:00:00Z", "2026-10-03T15:00:00Z")
	start, err := time.Parse(time.RFC3339, days)
	if err != nil {
		panic(err) // constants
	}
	c := rate.Call{
		Direction: billing.Direction(d.IntN(2)), Source: pick(d, "1", "2", d.digits(4), "w"), Destination: pick(d, "u", "v", d.digits(5), "1"+d.digits(3)),
		Start:    billing.MillisOf(start) + billing.Millis(d.Int64N(2*86_400_000)),
		Duration: billing.Millis(pick(d, 0, 1000, d.Int64N(2000), d.Int64N(70_000), d.Int64N(300_000), 1000*d.Int64N(200), -5)),
	}
	if d.one(100) {
		c.Duration = billing.Millis(d.Int64N(6 * 3_600_000))
	}
	if d.one(4) {
		c.Service, c.Units = pick(d, tariff.SMS, tariff.Data), d.Int64N(200)
	}
	if d.one(2) {
		c.SourceURI, c.DestinationURI = c.Source+"@d.example", c.Destination+pick(d, "@d.example", "@e.example")
	}
	if d.one(4) {
		c.Provider, c.NumberType = pick(d, "", "p", "q", "r"), pick(d, "", "m", "n")
	}
	if d.one(2) {
		c.Zone = pick(d, d.zones...)
	}
	return c
}

// pairs is how many pairs of tariff and call the two raters are compared on.
func pairs(t *testing.T) int {
	n := sweep.Of(3000, 1_000_000)
	if s := os.Getenv("CLASS5_RATE_PAIRS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSecondRater: on random tariffs and calls, both raters find the same fee,
// price, time charged and end.
func TestSecondRater(t *testing.T) {
	const calls = 20
	priced := 0
	for i := range pairs(t) / calls {
		d := newDraw(t, uint64(i))
		s, n := d.world(t)
		for range calls {
			c := d.call()
			if compare(t, s, n, c) {
				priced++
			}
			if t.Failed() {
				t.Fatalf("tariff %d, call %+v\n%+v", i, c, n)
			}
		}
	}
	if priced < pairs(t)/10 {
		t.Errorf("only %d calls had a fee", priced)
	}
}

func compare(t *testing.T, s *tariff.Snapshot, n *naive.Tariff, c rate.Call) bool {
	t.Helper()
	want := n.Rate(c)
	got, err := rate.Rate(s, c, rate.Options{Steps: []rate.Step{}})
	if want.Fee == nil {
		if !errors.Is(err, rate.ErrNoFee) {
			t.Errorf("%v, %v; the other rater finds no fee", got.Match, err)
		}
		return false
	}
	if err != nil {
		t.Errorf("%v; the other rater: %v", err, want.Micros)
		return false
	}
	what := func(amount any, charged, served time.Duration, capped, cut, extra bool) string {
		return fmt.Sprint(amount, " for ", charged, ", served ", served, ", capped ", capped, ", cut ", cut, ", extra ", extra)
	}
	a := what(got.Amount.Micros(), got.Charged.Duration(), got.Served.Duration(), got.Capped, got.Cut, !got.Extra.IsZero())
	b := what(want.Micros, want.Charged, want.Served, want.Capped, want.Cut, want.Extra && !want.ExtraIsZero())
	if a != b || got.Match.Zone() != want.Fee.Zone {
		t.Errorf("fee %s: %s\nthe other: %s, fee %+v", got.Match.Fee(), a, b, want.Fee)
	}
	return true
}

// TestReplay: the trace of any price, through JSON and back, is made again to
// the last bit, and the steps in it sum up to the price.
func TestReplay(t *testing.T) {
	for i := range sweep.Of(400, 2000) {
		d := newDraw(t, uint64(i))
		s, _ := d.world(t)
		for range 5 {
			c := d.call()
			tr, err := rate.Explain(s, c)
			if err != nil {
				continue
			}
			raw, err := json.Marshal(tr)
			if err != nil {
				t.Fatal(err)
			}
			var stored rate.Trace
			if err := json.Unmarshal(raw, &stored); err != nil {
				t.Fatal(err)
			}
			again, err := rate.Replay(&stored)
			if err != nil {
				t.Fatalf("%v\n%s", err, raw)
			}
			if b, err := json.Marshal(again); err != nil || string(b) != string(raw) {
				t.Fatalf("tariff %d: %v\n%s\n%s", i, err, raw, b)
			}
			if stored.String() == "" {
				t.Fatal("no text")
			}
			forged(t, stored)
		}
	}
}

// forged: a trace that was changed differs from its replay.
func forged(t *testing.T, tr rate.Trace) {
	t.Helper()
	more, err := tr.Amount.Add(billing.NewAmount(1, eur))
	if err != nil {
		t.Fatal(err)
	}
	tr.Amount = more
	again, err := rate.Replay(&tr)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(again, &tr) {
		t.Fatal("a forged price is taken for good")
	}
}

// TestFragments: the fragments of any call cover it and sum up to its price.
func TestFragments(t *testing.T) {
	for i := range sweep.Of(400, 2000) {
		d := newDraw(t, uint64(i))
		s, _ := d.world(t)
		for range 5 {
			c := d.call()
			r, err := rate.Rate(s, c, rate.Options{Steps: []rate.Step{}})
			if err != nil {
				continue
			}
			parts, err := rate.Fragments(s, c, r)
			if err != nil {
				t.Fatal(err)
			}
			sum := billing.NewAmount(0, eur)
			var off billing.Millis
			for k, f := range parts {
				if f.Offset != off || k > 0 && f.Rate == parts[k-1].Rate {
					t.Fatalf("fragments %+v", parts)
				}
				off += f.Duration
				if sum, err = sum.Add(f.Amount); err != nil {
					t.Fatal(err)
				}
			}
			if sum != r.Amount || c.Service == tariff.Voice && off != r.Served {
				t.Fatalf("tariff %d: %v for %d in fragments, %v for %d as a whole\n%+v", i, sum, off, r.Amount, r.Served, parts)
			}
		}
	}
}

// TestMaxDurationRandom: a call as long as MaxDuration says is within the
// credit at its end; one that is a second longer is not, unless the limit or a
// cap that ends the call came first.
func TestMaxDurationRandom(t *testing.T) {
	for i := range sweep.Of(400, 2000) {
		d := newDraw(t, uint64(i))
		s, n := d.world(t)
		for range 5 {
			c := d.call()
			c.Service, c.Units = tariff.Voice, 0
			c.Duration = billing.Millis(1 + d.Int64N(600_000))
			credit := billing.NewAmount(d.Int64N(4e6), eur)
			most, err := rate.MaxDuration(s, c, credit)
			if err != nil {
				continue
			}
			limit := c.Duration
			if most > limit || most < 0 {
				t.Fatalf("%d of %d", most, limit)
			}
			costs := func(ms billing.Millis) rate.Result {
				c.Duration = ms
				r, err := rate.Rate(s, c, rate.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			if r := costs(most); most > 0 && r.Amount.Micros() > credit.Micros() {
				t.Fatalf("tariff %d: %d ms cost %v of %v\n%+v\n%+v", i, most, r.Amount, credit, c, n)
			}
			r := costs(most + 1000)
			if most+1000 < limit && r.Amount.Micros() <= credit.Micros() && !r.Cut && !negative(n) && costs(0).Amount.Micros() <= credit.Micros() {
				t.Fatalf("tariff %d: %d ms are within %v too, not only %d\n%+v\n%+v", i, most+1000, credit, most, c, n)
			}
		}
	}
}

// negative: with prices below zero a longer call may be within the credit again.
func negative(n *naive.Tariff) bool {
	for _, f := range n.Fees {
		for _, r := range append([]tariff.Rate{f.Rate}, f.Named["a"], f.Named["b"], f.Named["c"], f.Named["holiday"]) {
			if r.Init.Price.Pico() < 0 || r.Follow.Price.Pico() < 0 || r.Extra.Price.Pico() < 0 {
				return true
			}
			for _, t := range r.Tiers {
				if t.Interval.Price.Pico() < 0 {
					return true
				}
			}
		}
	}
	return false
}
