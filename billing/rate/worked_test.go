package rate_test

import (
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

const rich = `id,service,destination,connect,follow_price,follow_interval,tiers,extra_second,extra_price,cap,cap_action
tiers,call,1,0.05,0.10/60,60,60 0.06/60 30; 120 0.03/60 60 0.20,,,,
extra,call,2,,0.10/60,60,,90,0.50,,
free,call,3,0.10,0.10/60,60,,,,0.35,free
disconnect,call,4,0.10,0.10/60,60,,,,0.35,disconnect
both,call,5,,0.10/60,60,,90,0.50,0.60,disconnect
sms,sms,,0.01,0.07,1,,,,,
data,data,,,1/1000,100,1000 0.5/1000 100,,,,
`

// TestWorkedMore has prices worked out by hand.
func TestWorkedMore(t *testing.T) {
	s := world(t, tariff.Config{}, rich)
	for _, c := range []struct {
		what           string
		dest           string
		ms             billing.Millis
		service        tariff.Service
		units          int64
		charged, ended billing.Millis
		want           string
		capped         bool
	}{
		{"first tier: 0.05 + 0.10", "1", 60_000, tariff.Voice, 0, 60_000, 60_000, "0.15 EUR", false},
		{"and 0.03 for half a minute of the second", "1", 60_001, tariff.Voice, 0, 90_000, 60_001, "0.18 EUR", false},
		{"0.05 + 0.10 + 0.06 + 0.20 + 0.03", "1", 121_000, tariff.Voice, 0, 180_000, 121_000, "0.44 EUR", false},
		{"one second short of the one-off price", "2", 89_999, tariff.Voice, 0, 120_000, 89_999, "0.20 EUR", false},
		{"N = duration pays it", "2", 90_000, tariff.Voice, 0, 120_000, 90_000, "0.70 EUR", false},
		{"and only once", "2", 600_000, tariff.Voice, 0, 600_000, 600_000, "1.50 EUR", false},
		{"0.10 + 0.20 is under the cap", "3", 120_000, tariff.Voice, 0, 120_000, 120_000, "0.30 EUR", false},
		{"the rest is free", "3", 3_600_000, tariff.Voice, 0, 3_600_000, 3_600_000, "0.35 EUR", true},
		{"ends before the minute that would pass the cap", "4", 3_600_000, tariff.Voice, 0, 120_000, 120_000, "0.30 EUR", true},
		{"ends before the second of the one-off price", "5", 3_600_000, tariff.Voice, 0, 120_000, 89_000, "0.20 EUR", true},
		{"three messages: 0.01 + 0.21", "", 0, tariff.SMS, 3, 3_000, 3_000, "0.22 EUR", false},
		{"data by the hundred: 1.00 + 3 x 0.05", "", 0, tariff.Data, 1_201, 1_300_000, 1_201_000, "1.15 EUR", false},
	} {
		r, err := rate.Rate(s, rate.Call{Destination: c.dest, Start: 1, Duration: c.ms, Service: c.service, Units: c.units}, rate.Options{})
		if err != nil || r.Amount.String() != c.want || r.Charged != c.charged || r.Served != c.ended || r.Capped != c.capped {
			t.Errorf("%s: %s for %d, served %d, capped %v, %v; want %s for %d, %d", c.what, r.Amount, r.Charged, r.Served, r.Capped, err, c.want, c.charged, c.ended)
		}
	}
}

// TestPolicies: 0.60 a minute by the minute, 0.30 in the evening, by policy.
func TestPolicies(t *testing.T) {
	const deck = "destination,follow_price,follow_interval,off.follow_price,off.follow_interval\n,0.60/60,60,0.30/60,60\n"
	for _, c := range []struct {
		counting tariff.Counting
		crossing tariff.Crossing
		start    string
		ms       billing.Millis
		want     string
	}{
		{tariff.CountBegun, tariff.CrossBegin, "17:59:30", 90_000, "0.90 EUR"},   // 0.60 + 0.30
		{tariff.CountBegun, tariff.CrossSplit, "17:59:30", 90_000, "0.75 EUR"},   // 0.30 + 0.15 + 0.30
		{tariff.CountExact, tariff.CrossBegin, "17:59:30", 90_000, "0.75 EUR"},   // 0.60 + 0.15
		{tariff.CountExact, tariff.CrossSplit, "17:59:30", 90_000, "0.60 EUR"},   // 0.30 + 0.30
		{tariff.CountNearest, tariff.CrossBegin, "12:00:00", 60_499, "0.60 EUR"}, // a minute
		{tariff.CountNearest, tariff.CrossBegin, "12:00:00", 60_500, "1.20 EUR"},
		{tariff.CountWhole, tariff.CrossBegin, "12:00:00", 60_999, "0.60 EUR"},
		{tariff.CountBegun, tariff.CrossBegin, "12:00:00", 60_001, "1.20 EUR"},
		{tariff.CountExact, tariff.CrossBegin, "12:00:00", 60_100, "0.601 EUR"},
	} {
		s := world(t, tariff.Config{Windows: []tariff.Window{window(t, "off mon-sun 18:00-24:00")}, Counting: c.counting, Crossing: c.crossing}, deck)
		r, err := rate.Rate(s, rate.Call{Start: at(t, "2026-05-04T"+c.start+"Z"), Duration: c.ms}, rate.Options{})
		if err != nil || r.Amount.String() != c.want {
			t.Errorf("%s, %s, %d ms at %s: %s, %v; want %s", c.counting, c.crossing, c.ms, c.start, r.Amount, err, c.want)
		}
	}
}

func TestExplainRich(t *testing.T) {
	s := world(t, tariff.Config{}, rich)
	for _, c := range []struct {
		call rate.Call
		want []string
	}{
		{rate.Call{Destination: "1", Duration: 121_000}, []string{"Connection: 0.05 EUR", "From 1:00: 2 x 0:30 at 0.06 EUR/min: 0.06 EUR", "From 2:00: once 0.20 EUR"}},
		{rate.Call{Destination: "2", Duration: 90_000}, []string{"In the interval from 1:00: once 0.50 EUR"}},
		{rate.Call{Destination: "3", Duration: 3_600_000}, []string{"Free from 0.35 EUR on"}},
		{rate.Call{Destination: "4", Duration: 3_600_000}, []string{"Ends after 2:00: the price is not to pass 0.35 EUR"}},
		{rate.Call{Service: tariff.SMS, Destination: "7", Units: 3}, []string{"SMS to 7", "3 units", "at 0.07 EUR/unit"}},
		{rate.Call{Service: tariff.Data, Destination: "7", Units: 300}, []string{"1 EUR/1000 units"}},
	} {
		c.call.Start = at(t, "2026-05-04T12:00:00Z")
		tr, err := rate.Explain(s, c.call)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(tr.String(), want) {
				t.Errorf("no %q in\n%s", want, tr)
			}
		}
	}
}

func TestMaxUnits(t *testing.T) {
	s := world(t, tariff.Config{}, rich)
	for credit, want := range map[string]int64{"0.22 EUR": 3, "0.219999 EUR": 2, "0.07 EUR": 0, "0.00 EUR": 0, "100.00 EUR": 5} {
		a, err := billing.ParseAmount(credit)
		if err != nil {
			t.Fatal(err)
		}
		c := rate.Call{Service: tariff.SMS, Start: 1}
		if want == 5 {
			c.Units = 5
		}
		if got, err := rate.MaxUnits(s, c, a); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", credit, got, err, want)
		}
	}
}

// TestFragmentsWorked: a call over two borders, each interval in the fragment
// in which it begins.
func TestFragmentsWorked(t *testing.T) {
	s := world(t, tariff.Config{Windows: []tariff.Window{window(t, "off mon-sun 18:00-18:01")}},
		"destination,follow_price,follow_interval,off.follow_price,off.follow_interval\n,0.07/60,40,0.01/60,40\n")
	c := rate.Call{Start: at(t, "2026-05-04T17:59:30Z"), Duration: 150_000}
	r, err := rate.Rate(s, c, rate.Options{Steps: []rate.Step{}})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := rate.Fragments(s, c, r)
	if err != nil || len(parts) != 3 {
		t.Fatalf("%+v, %v", parts, err)
	}
	// Intervals begin at 0 (day), 40 and 80 (off), 120 (day): 40 s cost
	// 0.046667 by day and 0.006667 off, rounded as running sums.
	for i, want := range []struct {
		off, ms billing.Millis
		price   string
	}{{0, 30_000, "0.046667 EUR"}, {30_000, 60_000, "0.013333 EUR"}, {90_000, 60_000, "0.046667 EUR"}} {
		if f := parts[i]; f.Offset != want.off || f.Duration != want.ms || f.Amount.String() != want.price {
			t.Errorf("fragment %d: %+v, want %+v", i, f, want)
		}
	}
	if r.Amount.String() != "0.106667 EUR" {
		t.Errorf("%s", r.Amount)
	}
}
