package scenario_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing/scenario"
)

func run(t *rapid.T, f *scenario.File) *scenario.Answer {
	t.Helper()
	a, err := scenario.Run(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// world draws a profile and an account that pays by it.
func world(t *rapid.T) *scenario.File {
	minute := rapid.SampledFrom([]int{1, 10, 30, 60}).Draw(t, "interval")
	price := fmt.Sprintf("0.%02d/60", rapid.IntRange(0, 99).Draw(t, "price"))
	night := fmt.Sprintf("0.%02d/60", rapid.IntRange(0, 99).Draw(t, "night"))
	cash := scenario.Money(fmt.Sprintf("%d.%02d", rapid.IntRange(0, 5).Draw(t, "units"), rapid.IntRange(0, 99).Draw(t, "cents")))
	fee := scenario.Fee{Connect: scenario.Money(rapid.SampledFrom([]string{"0", "0.05"}).Draw(t, "connect"))}
	fee.Price, fee.Interval, fee.FreeTime = scenario.Price(price), &minute, rapid.Bool().Draw(t, "free")
	fee.Rates = map[string]scenario.Rate{"night": {Price: scenario.Price(night), Interval: &minute}}
	return &scenario.File{
		Format: scenario.Format, Zone: "Europe/Vienna",
		Profiles: map[string]scenario.Profile{"p": {
			Fees: []scenario.Fee{fee}, FreeTime: scenario.Span(fmt.Sprint(rapid.IntRange(0, 100).Draw(t, "free time"))), Prepaid: rapid.Bool().Draw(t, "prepaid"),
			Calendar: &scenario.CalendarRef{Calendar: windows},
		}},
		Accounts: map[string]scenario.Account{"a": {Profile: "p", Cash: &cash}},
	}
}

var windows = func() scenario.Calendar {
	f, err := scenario.Parse([]byte(`{"format":"class5-rating/1","calendars":{"c":{"windows":["night mon-sun 22:00-24:00","night mon-sun 00:00-06:00"]}}}`))
	if err != nil {
		panic(err) // a constant
	}
	return f.Calendars["c"]
}()

// TestWeekShift: a week later, without a change of local time between, all
// costs the same.
func TestWeekShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := world(t)
		f.Origin = "2026-05-04"
		second := rapid.IntRange(0, 86_400).Draw(t, "start")
		length := scenario.Span(fmt.Sprint(rapid.IntRange(0, 7200).Draw(t, "length")))
		answer := func(days int) *scenario.CallAnswer {
			g := *f
			g.Timeline = []scenario.Step{{At: scenario.Time(fmt.Sprintf("+%dd%ds", days, second)), Call: &scenario.Call{Account: "a", To: "1", Duration: length}}}
			return run(t, &g).Steps[0].Call
		}
		x, y := answer(0), answer(7)
		if x.Price != y.Price || x.Charged != y.Charged || x.FromBalance != y.FromBalance || x.Due != y.Due || x.FreeTime != y.FreeTime || x.Maximum != y.Maximum {
			t.Fatalf("%+v\n%+v", x, y)
		}
	})
}

// TestOnline: a call that is cut when the credit ends owes nothing, and one
// that is as long as the maximum is not cut.
func TestOnline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := world(t)
		f.Timeline = []scenario.Step{
			{At: scenario.Time(fmt.Sprintf("+%ds", rapid.IntRange(0, 86_400).Draw(t, "start"))), Authorize: &scenario.Call{Account: "a", To: "1", Duration: "7200"}},
			{Call: &scenario.Call{Account: "a", To: "1", Duration: "7200", Online: true}},
		}
		a := run(t, f)
		most, c := a.Steps[0].Authorize, a.Steps[1].Call
		if !most.Authorized {
			if a.Steps[1].Error != "no_credit" {
				t.Fatalf("%+v, error %q", most, a.Steps[1].Error)
			}
			return
		}
		if c == nil || c.Due != "0" || c.Duration != most.Maximum {
			t.Fatalf("%+v, authorized %+v", c, most)
		}
	})
}

// TestSplit: the fragments of a call sum up to its price.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := world(t)
		f.Timeline = []scenario.Step{{At: scenario.Time(fmt.Sprintf("+%ds", rapid.IntRange(70_000, 90_000).Draw(t, "start"))),
			Call: &scenario.Call{Profile: "p", To: "1", Duration: scenario.Span(fmt.Sprint(rapid.IntRange(1, 40_000).Draw(t, "length")))}}}
		a := run(t, f)
		c := a.Steps[0].Call
		sum, err := scenario.Together(c.Fragments)
		if err != nil || sum != c.Price {
			t.Fatalf("%s in fragments, %s as a whole: %v", sum, c.Price, err)
		}
	})
}
