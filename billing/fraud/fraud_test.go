package fraud_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/fraud"
	"pgregory.net/rapid"
)

func money(s string) billing.Amount {
	a, err := billing.ParseAmount(s + " EUR")
	if err != nil {
		panic(err)
	}
	return a
}

func ref[T any](v T) *T { return &v }

func at(s string) billing.Millis {
	t, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		panic(err)
	}
	return billing.MillisOf(t)
}

// text is the lock level, C for cut, N for notify, and the periods, new ones
// with a mark.
func text(v fraud.Verdict) string {
	s := fmt.Sprint(v.Lock)
	if v.Cut {
		s += " C"
	}
	if v.Notify {
		s += " N"
	}
	for _, r := range v.Reasons {
		s += " " + string(r.Period)
		if r.New {
			s += "!"
		}
	}
	return s
}

var limits = fraud.Limits{
	Day:        &fraud.Money{Limit: money("10"), Action: fraud.Action{Lock: 2, Cut: true, Notify: true}},
	Month:      &fraud.Money{Limit: money("25"), Action: fraud.Action{Lock: 1, Notify: true}},
	Hysteresis: ref(20),
}

func TestVerdicts(t *testing.T) {
	type step struct {
		at, customer, reserved string
		want                   string
	}
	for _, c := range []struct {
		name   string
		limits fraud.Limits
		steps  []step
	}{
		{"the limit itself is too much, and said once", limits, []step{
			{"2026-05-04T10:00", "9.99", "0", "0"}, {"2026-05-04T11:00", "0.01", "0", "2 C N day!"}, {"2026-05-04T12:00", "1", "0", "2 C day"},
		}},
		{"a month's lock beats a day's", limits, []step{
			{"2026-05-04T10:00", "9", "0", "0"}, {"2026-05-05T10:00", "9", "0", "0"}, {"2026-05-06T10:00", "12", "0", "1 C N month! day!"}, {"2026-05-07T10:00", "0", "0", "1 month"}, {"2026-06-01T10:00", "1", "0", "0"},
		}},
		{"reservations count", limits, []step{{"2026-05-04T10:00", "6", "3.99", "0"}, {"2026-05-04T10:01", "0", "4", "2 C N day!"}}},
		{"hysteresis", limits, []step{
			{"2026-05-04T10:00", "10", "0", "2 C N day!"}, {"2026-05-04T10:01", "-2", "0", "2 C day"}, {"2026-05-04T10:02", "-0.01", "0", "0"}, {"2026-05-04T10:03", "2.01", "0", "2 C N day!"},
		}},
		{"a call counts at its end", limits, []step{{"2026-05-04T23:59", "6", "0", "0"}, {"2026-05-05T00:00", "6", "0", "0"}, {"2026-05-04T23:59", "6", "0", "0"}}},
		{"hours", fraud.Limits{Hour: &fraud.Money{Limit: money("1"), Action: fraud.Action{Lock: 3}}}, []step{
			{"2026-05-04T10:59", "0.6", "0", "0"}, {"2026-05-04T11:00", "0.6", "0", "0"}, {"2026-05-04T11:59", "0.4", "0", "3 hour!"}, {"2026-05-04T12:00", "0", "0", "0"},
		}},
		{"calls in a window", fraud.Limits{Window: &fraud.Calls{Limit: 3, Span: 600_000, Action: fraud.Action{Lock: 2, Notify: true}}}, []step{
			{"2026-05-04T10:00", "0", "0", "0"}, {"2026-05-04T10:05", "0", "0", "0"}, {"2026-05-04T10:10", "0", "0", "0"}, {"2026-05-04T10:14", "0", "0", "2 N window!"}, {"2026-05-04T10:14", "0", "0", "2 window"}, {"2026-05-04T10:30", "0", "0", "0"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.limits.Check(); err != nil {
				t.Fatal(err)
			}
			var k fraud.Counter
			for i, s := range c.steps {
				var v fraud.Verdict
				var err error
				k, v, err = fraud.Add(k, c.limits, fraud.Spent{End: at(s.at), Customer: money(s.customer), Calls: 1}, money(s.reserved), time.UTC)
				if err != nil || text(v) != s.want {
					t.Fatalf("step %d: %q, want %q (%v)", i, text(v), s.want, err)
				}
			}
		})
	}
}

func TestUnlock(t *testing.T) {
	var k fraud.Counter
	k, v, err := fraud.Add(k, limits, fraud.Spent{End: at("2026-05-04T10:00"), Customer: money("12"), Calls: 1}, billing.Amount{}, time.UTC)
	if err != nil || v.Lock != 2 {
		t.Fatal(v, err)
	}
	k = fraud.Unlock(k, limits, at("2026-05-04T11:00"), time.UTC)
	k, v, err = fraud.Check(k, limits, at("2026-05-04T11:01"), money("9.99"), time.UTC)
	if err != nil || text(v) != "0" {
		t.Fatal(text(v), err)
	}
	if _, v, err = fraud.Add(k, limits, fraud.Spent{End: at("2026-05-04T12:00"), Customer: money("10"), Calls: 1}, billing.Amount{}, time.UTC); err != nil || text(v) != "2 C N day!" {
		t.Fatal(text(v), err)
	}
	data, err := json.Marshal(k)
	var back fraud.Counter
	if err != nil || json.Unmarshal(data, &back) != nil || !reflect.DeepEqual(back, k) {
		t.Errorf("%s: %+v, %v", data, back, err)
	}
}

func TestMerge(t *testing.T) {
	system := fraud.Limits{Hour: &fraud.Money{Limit: money("1")}, Day: &fraud.Money{Limit: money("1")}, Month: &fraud.Money{Limit: money("1")}}
	profile := fraud.Limits{Day: &fraud.Money{Limit: money("2")}, Month: &fraud.Money{Limit: money("2")}, Reseller: ref(true)}
	contract := fraud.Limits{Month: &fraud.Money{Limit: money("3")}}
	m := fraud.Merge(system, profile, contract)
	if m.Hour.Limit != money("1") || m.Day.Limit != money("2") || m.Month.Limit != money("3") || !*m.Reseller {
		t.Errorf("%+v", m)
	}
	_, v, err := fraud.Add(fraud.Counter{}, m, fraud.Spent{End: at("2026-05-04T10:00"), Customer: money("9"), Reseller: money("1.5"), Calls: 1}, billing.Amount{}, time.UTC)
	if err != nil || text(v) != "0 hour!" {
		t.Errorf("the reseller's money: %q, %v", text(v), err)
	}
	bad := fraud.Limits{Day: &fraud.Money{Limit: money("1"), Action: fraud.Action{Lock: 6}}}
	if err := bad.Check(); !errors.Is(err, fraud.ErrLimits) {
		t.Error(err)
	}
	_, _, err = fraud.Add(fraud.Counter{}, m, fraud.Spent{End: 1, Reseller: billing.NewAmount(1, billing.MustCurrency("USD"))}, billing.Amount{}, time.UTC)
	if !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("foreign money: %v", err)
	}
}

// TestZone: the day is that of the time zone, through changes of it.
func TestZone(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	var k fraud.Counter
	for _, s := range []struct{ at, want string }{
		{"2026-10-24T21:59", "0"}, {"2026-10-24T22:00", "0"}, {"2026-10-25T22:59", "2 C N day!"}, {"2026-10-25T23:00", "0"},
	} {
		var v fraud.Verdict
		if k, v, err = fraud.Add(k, limits, fraud.Spent{End: at(s.at), Customer: money("5"), Calls: 1}, billing.Amount{}, zone); err != nil || text(v) != s.want {
			t.Errorf("%s: %q, want %q (%v)", s.at, text(v), s.want, err)
		}
	}
}

// TestOrder: the calls of one hour give the same sums in any order.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var calls []fraud.Spent
		for range rapid.IntRange(1, 12).Draw(rt, "calls") {
			calls = append(calls, fraud.Spent{
				End:      at("2026-05-04T10:00") + billing.Millis(rapid.IntRange(0, 3_599_999).Draw(rt, "end")),
				Customer: billing.NewAmount(rapid.Int64Range(0, 2_000_000).Draw(rt, "price"), billing.MustCurrency("EUR")), Calls: 1,
			})
		}
		run := func(calls []fraud.Spent) (k fraud.Counter, lock int) {
			for _, s := range calls {
				var v fraud.Verdict
				var err error
				if k, v, err = fraud.Add(k, limits, s, billing.Amount{}, time.UTC); err != nil {
					rt.Fatal(err)
				}
				lock = v.Lock
			}
			return k, lock
		}
		a, l1 := run(calls)
		b, l2 := run(rapid.Permutation(calls).Draw(rt, "order"))
		if !reflect.DeepEqual(a, b) || l1 != l2 {
			rt.Fatalf("%+v, %d\n%+v, %d", a, l1, b, l2)
		}
	})
}
