package balance_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"pgregory.net/rapid"
)

const hour billing.Millis = 3_600_000

// anyTerms draws terms with one package in every combination of modes.
func anyTerms(t *rapid.T) *balance.Terms {
	p := balance.Package{
		Rule: balance.Rule{
			Length: balance.Span{Count: rapid.IntRange(1, 3).Draw(t, "count"), Period: balance.Period(rapid.IntRange(2, 5).Draw(t, "period"))},
			Start: rapid.SampledFrom([]balance.Start{balance.StartFirst, balance.StartCreate, balance.StartFirstTZ,
				balance.StartCreateTZ, balance.StartTopUp, balance.StartTopUpInterval}).Draw(t, "start"),
		},
		CarryOver:    rapid.SampledFrom([]balance.CarryOver{balance.CarryAlways, balance.CarryTimely, balance.CarryNever}).Draw(t, "carry"),
		Timely:       balance.Span{Count: rapid.IntRange(1, 20).Draw(t, "timely"), Period: balance.Hour},
		DiscardAfter: rapid.IntRange(0, 3).Draw(t, "discard"),
		LockBelow:    ref(money("1")), LockLevel: ref(2), ProfileBelow: ref(money("2")), Underrun: []balance.Mapping{{Profile: "low"}},
		TopUp: []balance.Mapping{{Profile: "p"}},
	}
	other := p
	other.Rule.Start = balance.StartTopUpInterval
	other.ServiceCharge = money("0.40")
	terms := plain(balance.Profile{
		FreeTime: billing.Millis(rapid.IntRange(0, 300).Draw(t, "free time")) * 1000,
		FreeCash: billing.NewAmount(rapid.Int64Range(0, 5_000_000).Draw(t, "free cash"), eur),
		Prepaid:  rapid.Bool().Draw(t, "prepaid"),
	}, map[string]balance.Package{"k": p, "other": other})
	terms.Keep = 10_000
	return terms
}

func anyUsage(t *rapid.T, at billing.Millis) balance.Usage {
	u := balance.Usage{Start: at, FreeTime: rapid.Bool().Draw(t, "free"), Rounding: rounding(rapid.SampledFrom([]string{"half-up", "half-even 2", "up 3 increment", "down 4"}).Draw(t, "rounding"))}
	off := billing.Millis(0)
	if rapid.Bool().Draw(t, "connect") {
		u.Steps = append(u.Steps, balance.Step{Fee: money("0.07")})
	}
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		n, length := rapid.Int64Range(1, 50).Draw(t, "n"), billing.Millis(rapid.IntRange(1, 90).Draw(t, "length"))*1000
		price, err := billing.NewPrice(rapid.Int64Range(-100_000_000_000, 3_000_000_000_000).Draw(t, "price"), 60)
		if err != nil {
			t.Fatal(err)
		}
		span := billing.Millis(n) * length
		u.Steps = append(u.Steps, balance.Step{Offset: off, Count: n, Span: span, Price: price})
		off += span
	}
	u.End = u.Start + off
	return u
}

// TestConservation takes an account through a random life and holds at every
// step that entries explain each balance, that their sides sum up to nothing,
// that intervals neither gap nor overlap, that a postpaid balance is never
// negative, and that a price is the rounded exact one.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		terms := anyTerms(rt)
		now := at(t, "2026-03-27T13:00") + billing.Millis(rapid.IntRange(0, 400).Draw(rt, "created"))*hour
		seed := balance.Account{ID: "a", Currency: eur, Created: now, Package: "k", Assignments: []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "p"}}}}}
		w := &world{t: t, terms: terms}
		w.take(balance.Open(terms, seed))
		if rapid.Bool().Draw(rt, "wallet") {
			w.take(balance.Grant(terms, w.a, balance.Wallet{ID: "w", Unit: balance.Time, Value: 500_000, Weight: rapid.IntRange(-1, 1).Draw(rt, "weight"),
				Increment: rapid.SampledFrom([]int64{0, 60_000}).Draw(rt, "increment"), Price: billing.MustPrice("0.02/60")}, now, ""))
		}
		for range rapid.IntRange(1, 12).Draw(rt, "operations") {
			now += billing.Millis(rapid.IntRange(-20, 200).Draw(rt, "later")) * hour
			now = max(now, seed.Created)
			switch rapid.IntRange(0, 3).Draw(rt, "operation") {
			case 0:
				w.take(balance.Advance(terms, w.a, now))
			case 1:
				w.take(balance.Add(terms, w.a, balance.TopUp{At: now, Amount: money("3.21"), Package: rapid.SampledFrom([]string{"", "", "other", "k"}).Draw(rt, "package")}))
			default:
				w.anyCharge(rt, now)
			}
		}
	})
}

func (w *world) anyCharge(rt *rapid.T, now billing.Millis) {
	u := anyUsage(rt, now)
	negative := w.a.Cash().Sign() < 0
	r := w.charge(u)
	if r.FreeTime < 0 || r.Covered > u.End-u.Start {
		rt.Fatalf("receipt %+v of %+v", r, u)
	}
	for _, i := range w.a.Intervals {
		if i.FreeLeft < 0 || i.Cash.Sign() < 0 && !negative {
			// A service charge may be more than a top-up.
			rt.Fatalf("interval %+v after %+v", i, u)
		}
	}
	var exact billing.Cost
	for _, s := range u.Steps {
		if !s.Fee.IsZero() {
			exact.AddAmount(s.Fee)
		} else {
			exact.Add(s.Price, s.Span)
		}
	}
	if r.FreeTime == 0 && len(w.a.Wallets) == 0 && u.Rounding.Scope() == billing.ScopeLeg {
		if want, err := exact.Round(eur, u.Rounding); err != nil || want != r.Price {
			rt.Fatalf("price %s, want %s (%v)", r.Price, want, err)
		}
	}
}

// TestOrder: debits that the cash is enough for give the same account in any
// order, each alone or grouped into one usage.
func TestOrder(t *testing.T) {
	terms := plain(balance.Profile{FreeCash: money("5")}, nil)
	rapid.Check(t, func(rt *rapid.T) {
		w := open(t, terms, "2026-01-01", "")
		w.topUp("2026-01-02", "10000", "")
		w.advance("2026-03-05")
		var calls []balance.Usage
		for i := range rapid.IntRange(2, 8).Draw(rt, "calls") {
			start := at(t, "2026-01-03") + billing.Millis(rapid.IntRange(0, 1000).Draw(rt, "start"))*hour
			n := rapid.Int64Range(1, 100).Draw(rt, "n")
			calls = append(calls, balance.Usage{Ref: fmt.Sprint(i), Start: start, End: start + billing.Millis(n)*1000, Steps: steps(n, 1000, "0.06/60")})
		}
		other := *w
		for _, u := range calls {
			w.charge(u)
		}
		for _, u := range rapid.Permutation(calls).Draw(rt, "order") {
			if n := u.Steps[0].Count; n > 1 && rapid.Bool().Draw(rt, "split") {
				first, second := u, u
				k := rapid.Int64Range(1, n-1).Draw(rt, "at")
				first.Steps, second.Steps = steps(k, 1000, "0.06/60"), then(billing.Millis(k)*1000, steps(n-k, 1000, "0.06/60"), nil)
				other.charge(second)
				u = first
			}
			other.charge(u)
		}
		if !reflect.DeepEqual(w.a, other.a) {
			rt.Fatalf("%+v\n%+v", w.a, other.a)
		}
	})
}
