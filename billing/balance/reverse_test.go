package balance_test

import (
	"reflect"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"pgregory.net/rapid"
)

// TestReverseWorked: a call over the end of January, reversed in March, and a
// wallet of seconds.
func TestReverseWorked(t *testing.T) {
	w := open(t, plain(balance.Profile{FreeTime: 60_000, FreeCash: money("1.50")}, nil), "2026-01-01", "")
	w.topUp("2026-01-02", "5", "")
	w.take(balance.Grant(w.terms, w.a, balance.Wallet{ID: "s", Unit: balance.Time, Value: 60_000, Weight: 1}, at(t, "2026-01-02"), ""))
	before := w.a
	r := w.call("2026-01-31T23:57", 6, 60_000, "1/60")
	// One minute of the wallet, one free, one for 1; February: one free, two for 2.
	if got := show(r); got != "3.000000 = 3.000000 + 0.000000, free 120, covered 360" {
		t.Fatal(got)
	}
	w.want("01-01 02-01: 1.50 5.50 1.00 0", "02-01 03-01: 6.50 4.50 2.00 0")
	w.take(balance.Reverse(w.terms, w.a, r, "call", at(t, "2026-03-01")))
	w.want("01-01 02-01: 1.50 6.50 0.00 60", "02-01 03-01: 6.50 6.50 0.00 60", "03-01 04-01: 6.50 6.50 0.00 60")
	if v, _, _ := w.a.Balance("s"); v != 60_000 {
		t.Errorf("wallet of %d", v)
	}
	want, err := balance.Advance(w.terms, before, at(t, "2026-03-01"))
	if err != nil || !reflect.DeepEqual(want.Account, w.a) {
		t.Errorf("%+v\n%+v, %v", w.a, want.Account, err)
	}
}

// TestReverseSettled: what was paid online was not taken here.
func TestReverseSettled(t *testing.T) {
	w := open(t, plain(balance.Profile{Prepaid: true}, nil), "2026-01-01", "")
	w.topUp("2026-01-02", "5", "")
	u := balance.Usage{Start: at(t, "2026-01-03"), End: at(t, "2026-01-03") + 60_000, Settled: ref(money("0.77"))}
	r := w.charge(u)
	w.take(balance.Reverse(w.terms, w.a, r, "call", u.End))
	w.want("01-01 02-01: 0.00 5.00 0.00 0")
}

// TestReverse: a usage and its reversal leave the account as if nothing had
// been, but for locks and profiles, whatever the rules are.
func TestReverse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		terms := anyTerms(rt)
		now := at(t, "2026-03-27T13:00") + billing.Millis(rapid.IntRange(0, 400).Draw(rt, "created"))*hour
		for name, p := range terms.Packages {
			p.LockBelow, p.ProfileBelow, p.DiscardAfter = nil, nil, 0
			terms.Packages[name] = p
		}
		w := &world{t: t, terms: terms}
		w.take(balance.Open(terms, balance.Account{ID: "a", Currency: eur, Created: now, Package: "k", Assignments: []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "p"}}}}}))
		for range rapid.IntRange(0, 4).Draw(rt, "operations") {
			now += billing.Millis(rapid.IntRange(0, 200).Draw(rt, "later")) * hour
			w.take(balance.Add(terms, w.a, balance.TopUp{At: now, Amount: money("3.21")}))
		}
		u := anyUsage(rt, now)
		end := u.End + billing.Millis(rapid.IntRange(0, 400).Draw(rt, "later"))*hour
		want, err := balance.Advance(terms, w.a, end)
		if err != nil {
			rt.Fatal(err)
		}
		r := w.charge(u)
		w.take(balance.Reverse(terms, w.a, r, "", end))
		if !reflect.DeepEqual(want.Account, w.a) {
			rt.Fatalf("usage %+v\n%+v\n%+v\nwant\n%+v", u, r, w.a, want.Account)
		}
	})
}
