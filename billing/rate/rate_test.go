package rate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

var eur = billing.MustCurrency("EUR")

// world builds a tariff from a deck without zones.
func world(t testing.TB, cfg tariff.Config, deck string) *tariff.Snapshot {
	t.Helper()
	cfg.Currency = eur
	b, err := tariff.NewBuilder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ReadCSV(strings.NewReader(deck)); err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func window(t testing.TB, text string) tariff.Window {
	t.Helper()
	w, err := tariff.ParseWindow(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func at(t testing.TB, text string) billing.Millis {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return billing.MillisOf(v)
}

func rounding(t testing.TB, text string) billing.Rounding {
	t.Helper()
	r, err := billing.ParseRounding(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const deck = `id,direction,destination,connect,init_price,init_interval,follow_price,follow_interval
minute,out,1,,,,0.10/60,60
second,out,2,,,,0.10/60,1
3060,out,3,0.05,0.20/60,30,0.10/60,6
sixth,out,4,,,,0.01/3,1
ten,out,5,,,,10/60,60
credit,out,6,,,,-0.03/60,60
zero,out,7,,,0,1,0
free,in,,,,,0,60
`

// TestWorked has prices worked out by hand.
func TestWorked(t *testing.T) {
	s := world(t, tariff.Config{}, deck)
	for _, c := range []struct {
		what    string
		dest    string
		ms      billing.Millis
		charged billing.Millis
		want    string
	}{
		{"one minute", "1", 60_000, 60_000, "0.10 EUR"},
		{"a millisecond more begins the second minute", "1", 60_001, 120_000, "0.20 EUR"},
		{"by the second: 61 x 0.10/60 = 0.101666...", "2", 61_000, 61_000, "0.101667 EUR"},
		{"answered and gone: no interval", "1", 0, 0, "0.00 EUR"},
		{"answered and gone: the connect fee", "3", 0, 0, "0.05 EUR"},
		{"clock went back", "3", -5, 0, "0.05 EUR"},
		{"0.05 + 30 s at 0.20/60 = 0.15", "3", 1, 30_000, "0.15 EUR"},
		{"and 11 x 6 s at 0.10/60 = 0.11", "3", 91_000, 96_000, "0.26 EUR"},
		{"a third of a cent thrice is a cent", "4", 3_000, 3_000, "0.01 EUR"},
		{"ten a minute is ten", "5", 60_000, 60_000, "10.00 EUR"},
		{"a bonus", "6", 90_000, 120_000, "-0.06 EUR"},
		{"an interval of 0 counts as 1", "7", 2_000, 2_000, "2.00 EUR"},
	} {
		r, err := rate.Rate(s, rate.Call{Destination: c.dest, Start: 1, Duration: c.ms}, rate.Options{})
		if err != nil || r.Amount.String() != c.want || r.Charged != c.charged {
			t.Errorf("%s: %s for %d ms, %v; want %s for %d", c.what, r.Amount, r.Charged, err, c.want, c.charged)
		}
	}
}

// TestRounding: 61 seconds at 0.10/60, each 0.001666..., by policy.
func TestRounding(t *testing.T) {
	for policy, want := range map[string]string{
		"half-up 6 leg":       "0.101667 EUR", // 0.1016666...
		"down 6 leg":          "0.101666 EUR",
		"up 2 leg":            "0.11 EUR",
		"half-up 2 leg":       "0.10 EUR",
		"half-up 6 increment": "0.101687 EUR", // 61 x 0.001667
		"down 4 increment":    "0.0976 EUR",   // 61 x 0.0016
		"up 2 increment":      "0.61 EUR",     // 61 x 0.01
	} {
		s := world(t, tariff.Config{Rounding: rounding(t, policy)}, deck)
		r, err := rate.Rate(s, rate.Call{Destination: "2", Start: 1, Duration: 61_000}, rate.Options{})
		if err != nil || r.Amount.String() != want {
			t.Errorf("%s: %s, %v; want %s", policy, r.Amount, err, want)
		}
	}
	s := world(t, tariff.Config{Rounding: rounding(t, "up 2 increment")}, "destination,connect,follow_price\n,0.001,0\n")
	if r, err := rate.Rate(s, rate.Call{Start: 1}, rate.Options{}); err != nil || r.Amount.String() != "0.01 EUR" {
		t.Errorf("connect fee: %s, %v", r.Amount, err)
	}
}

func TestCounting(t *testing.T) {
	s := world(t, tariff.Config{Counting: tariff.CountNearest}, deck)
	for ms, want := range map[billing.Millis]billing.Millis{
		60_000: 60_000, 60_499: 60_000, 60_500: 120_000, 499: 0, 500: 60_000,
	} {
		r, err := rate.Rate(s, rate.Call{Destination: "1", Start: 1, Duration: ms}, rate.Options{})
		if err != nil || r.Charged != want {
			t.Errorf("%d ms: charged %d, %v; want %d", ms, r.Charged, err, want)
		}
	}
}

// peak is 0.10 a minute by day, 0.04 by night (18:00 to 08:00), by the minute.
func peak(t testing.TB) *tariff.Snapshot {
	loc, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	return world(t, tariff.Config{Location: loc, Windows: []tariff.Window{
		window(t, "night mon-sun 18:00-24:00"), window(t, "night mon-sun 00:00-08:00"),
	}}, `destination,follow_price,follow_interval,night.follow_price,night.follow_interval
43,0.10/60,60,0.04/60,30
`)
}

func TestPeak(t *testing.T) {
	s := peak(t)
	for _, c := range []struct {
		what, start string
		seconds     billing.Millis
		want        string
	}{
		{"by day", "2026-05-04T12:00:00+02:00", 120, "0.20 EUR"},
		{"by night: 4 x 30 s at 0.04/60", "2026-05-04T20:00:00+02:00", 120, "0.08 EUR"},
		{"a minute that begins by day is a day's minute: 0.10, then 2 x 0.02", "2026-05-04T17:59:30+02:00", 120, "0.14 EUR"},
		{"0.02 + 0.02 for the night until 08:00, then a day's minute", "2026-05-04T07:59:00+02:00", 61, "0.14 EUR"},
		{"half a second before the day is night", "2026-05-04T07:59:59.5+02:00", 1, "0.02 EUR"},
		// The night of spring is from 18:00 to 08:00 thirteen hours: 1560 x 0.02.
		{"spring", "2026-03-28T18:00:00+01:00", 13 * 3600, "31.20 EUR"},
		{"spring, and a minute", "2026-03-28T18:00:00+01:00", 13*3600 + 60, "31.30 EUR"},
		// That of autumn is fifteen: 1800 x 0.02.
		{"autumn", "2026-10-24T18:00:00+02:00", 15 * 3600, "36.00 EUR"},
		{"autumn, and a minute", "2026-10-24T18:00:00+02:00", 15*3600 + 60, "36.10 EUR"},
	} {
		r, err := rate.Rate(s, rate.Call{Destination: "43", Start: at(t, c.start), Duration: c.seconds * 1000}, rate.Options{})
		if err != nil || r.Amount.String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.what, r.Amount, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	s := world(t, tariff.Config{}, deck+"huge,out,8,,,,9223372.036854775807,1\n")
	for _, c := range []struct {
		call rate.Call
		err  error
	}{
		{rate.Call{Destination: "9", Start: 1}, rate.ErrNoFee},
		{rate.Call{Destination: "1", Start: -1}, rate.ErrCall},
		{rate.Call{Destination: "1", Start: 1 << 62}, rate.ErrCall},
		{rate.Call{Destination: "1", Start: 1, Duration: 367 * 86_400_000}, rate.ErrCall},
		{rate.Call{Destination: "8", Start: 1, Duration: 365 * 86_400_000}, billing.ErrOverflow},
	} {
		if _, err := rate.Rate(s, c.call, rate.Options{}); !errors.Is(err, c.err) {
			t.Errorf("%+v: %v, want %v", c.call, err, c.err)
		}
		if _, err := rate.Explain(s, c.call); !errors.Is(err, c.err) {
			t.Errorf("explain %+v: %v, want %v", c.call, err, c.err)
		}
	}
	if _, err := rate.MaxDuration(s, rate.Call{Destination: "9", Start: 1}, billing.Amount{}); !errors.Is(err, rate.ErrNoFee) {
		t.Errorf("max duration: %v", err)
	}
	usd := billing.NewAmount(1, billing.MustCurrency("USD"))
	if _, err := rate.MaxDuration(s, rate.Call{Destination: "1", Start: 1}, usd); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("credit in dollars: %v", err)
	}
}

// TestMaxDuration has durations worked out by hand.
func TestMaxDuration(t *testing.T) {
	s := world(t, tariff.Config{}, deck)
	for _, c := range []struct {
		what, dest, credit string
		limit, want        billing.Millis
	}{
		{"nothing", "1", "0", 0, 0},
		{"less than a minute", "1", "0.099999", 0, 0},
		{"a minute", "1", "0.10 EUR", 0, 60_000},
		{"three", "1", "0.399999", 0, 180_000},
		{"seconds: 60 x 0.10/60", "2", "0.10", 0, 60_000},
		// 0.0016666... is 0.001667 rounded: for 0.001666 there is no second.
		{"rounded up", "2", "0.001666", 0, 0},
		{"connect fee only", "3", "0.14", 0, 0},
		{"connect fee and init", "3", "0.15", 0, 30_000},
		{"and four of 0.01", "3", "0.199999", 0, 54_000},
		{"up to a limit", "1", "100", 90_000, 90_000},
		{"a day at most", "1", "1000", 0, 86_400_000},
		{"paid to talk", "6", "0", 0, 86_400_000},
		{"debt", "1", "-0.01", 0, 0},
	} {
		credit, err := billing.ParseAmount(c.credit)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rate.MaxDuration(s, rate.Call{Destination: c.dest, Start: 1, Duration: c.limit}, credit)
		if err != nil || got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.what, got, err, c.want)
		}
	}
	// 17:58:30: two day's minutes to 18:00:30, then 0.02 for each half minute.
	p := peak(t)
	credit, _ := billing.ParseAmount("0.25")
	got, err := rate.MaxDuration(p, rate.Call{Destination: "43", Start: at(t, "2026-05-04T17:58:30+02:00")}, credit)
	if err != nil || got != 180_000 {
		t.Errorf("over a border: %d, %v; want 180000", got, err)
	}
}

func TestExplain(t *testing.T) {
	s := peak(t)
	// Sunday evening: the night goes on over the end of the week in one step.
	tr, err := rate.Explain(s, rate.Call{Destination: "43199", Source: "1", Start: at(t, "2026-05-03T17:58:30+02:00"), Duration: 15*3_600_000 + 500})
	if err != nil {
		t.Fatal(err)
	}
	// 17:58:30 + 2 min = 18:00:30; then 13 h 59.5 min of night = 1679 x 30 s until
	// 08:00; then 59 minutes of day begin before 08:58:30.5.
	want := `Call to 43199 (fee out:43), 2026-05-03 17:58:30 +02:00, 15:00:00.500
First 1:00 at 0.1 EUR/min: 0.10 EUR
From 1:00: 1 x 1:00 at 0.1 EUR/min: 0.10 EUR
From 2:00: 1679 x 0:30 at 0.04 EUR/min (night): 33.58 EUR
From 14:01:30: 59 x 1:00 at 0.1 EUR/min: 5.90 EUR
Charged time 15:00:30, price 39.68 EUR`
	if d := cmp.Diff(want, tr.String()); d != "" {
		t.Error(d)
	}
	raw, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	var back rate.Trace
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*tr, back, cmpopts.EquateComparable(billing.Amount{}, billing.Price{}, billing.Rounding{})); d != "" {
		t.Error(d)
	}
	if back.Tariff != s.Hash() || back.DestinationPrefix != "43" || back.SourcePrefix != "" {
		t.Errorf("%+v", back)
	}
}

func TestExplainKinds(t *testing.T) {
	s := world(t, tariff.Config{Counting: tariff.CountNearest}, `id,zone,destination,connect,init_price,follow_price,follow_interval
a,Austria,43,0.05,1/3600,0.5/7,7
b,Here,,,2,2,1
`)
	tr, err := rate.Explain(s, rate.Call{Destination: "43", Start: at(t, "2026-05-03T17:58:30Z"), Duration: 8_000})
	if err != nil {
		t.Fatal(err)
	}
	want := `Call to 43 (Austria), 2026-05-03 17:58:30 +00:00, 0:08
Connection: 0.05 EUR
First 0:07 at 1 EUR/h: 0.001944 EUR
From 0:07: 1 x 0:07 at 0.5 EUR/7 s: 0.50 EUR
Charged time 0:14, price 0.551944 EUR`
	if d := cmp.Diff(want, tr.String()); d != "" {
		t.Error(d)
	}
	if tr.Counting != tariff.CountNearest {
		t.Errorf("counting %s", tr.Counting)
	}
	b := world(t, tariff.Config{}, "direction,destination,follow_price\nin,,2\n")
	if tr, err = rate.Explain(b, rate.Call{Direction: billing.In, Destination: "43", Start: 1, Duration: 1}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tr.Lines()[0], tr.Lines()[1]); got != "Call received at 43 (fee in:), 1970-01-01 00:00:00 +00:00, 0:00.001First 0:01 at 2 EUR/s: 2.00 EUR" {
		t.Error(got)
	}
}

func TestParty(t *testing.T) {
	s := world(t, tariff.Config{}, deck)
	c := billing.CDR{
		Status: billing.StatusOK, Start: at(t, "2026-05-03T17:58:30Z"), Duration: 61_000,
		Caller: billing.Endpoint{Account: "a", Number: "4319"}, Callee: billing.Endpoint{Account: "b", User: "12"},
	}
	p, err := rate.Party(s, &c, billing.SideCaller, "retail")
	if err != nil {
		t.Fatal(err)
	}
	var tr rate.Trace
	if err := json.Unmarshal(p.Explain, &tr); err != nil {
		t.Fatal(err)
	}
	if p.Amount.String() != "0.20 EUR" || p.Charged != 120_000 || p.Fee != "minute" || p.Account != "a" || p.Profile != "retail" ||
		p.Tariff != s.Hash() || p.Direction != billing.Out || p.Role != billing.RoleCustomer || tr.Amount != p.Amount || tr.Source != "4319" {
		t.Errorf("%+v", p)
	}
	p, err = rate.Party(s, &c, billing.SideCallee, "retail")
	if err != nil || p.Amount.Sign() != 0 || p.Fee != "free" || p.Account != "b" || p.Direction != billing.In {
		t.Errorf("%+v, %v", p, err)
	}
	outOnly := world(t, tariff.Config{}, "destination,follow_price\n1,1\n")
	if p, err = rate.Party(outOnly, &c, billing.SideCallee, ""); err != nil || p.Amount.String() != "0.00 EUR" || p.Fee != "" {
		t.Errorf("nothing for received calls: %+v, %v", p, err)
	}
	c.Callee.User = "99"
	if _, err = rate.Party(outOnly, &c, billing.SideCaller, ""); !errors.Is(err, rate.ErrNoFee) {
		t.Errorf("no fee: %v", err)
	}
	c.Status = billing.StatusBusy
	if p, err = rate.Party(outOnly, &c, billing.SideCaller, ""); err != nil || p.Amount.String() != "0.00 EUR" || p.Explain != nil {
		t.Errorf("busy: %+v, %v", p, err)
	}
}
