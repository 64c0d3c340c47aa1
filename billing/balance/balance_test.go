package balance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

var eur = billing.MustCurrency("EUR")

func money(s string) billing.Amount {
	a, err := billing.ParseAmount(s + " EUR")
	if err != nil {
		panic(err)
	}
	return a
}

func ref[T any](v T) *T { return &v }

// world runs operations on one account and checks the conservation of each.
type world struct {
	t      testing.TB
	terms  *balance.Terms
	a      balance.Account
	events []string
}

func open(t testing.TB, terms *balance.Terms, created, pack string) *world {
	t.Helper()
	if err := terms.Check(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, terms: terms}
	seed := balance.Account{ID: "a", Currency: eur, Created: at(t, created), Package: pack}
	if pack == "" || len(terms.Packages[pack].Initial) == 0 {
		seed.Assignments = []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "p"}}}}
	}
	w.take(balance.Open(terms, seed))
	return w
}

func (w *world) take(c balance.Change, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	checkConserved(w.t, w.a, c)
	w.a = c.Account
	w.events = nil
	for _, e := range c.Events {
		if e.Kind != balance.EventInterval {
			w.events = append(w.events, strings.TrimSpace(string(e.Kind)+" "+e.Text))
		}
	}
}

// checkConserved holds that entries explain each change of a wallet, and that
// their sides sum up to nothing.
func checkConserved(t testing.TB, before balance.Account, c balance.Change) {
	t.Helper()
	sums, books := map[string]int64{}, map[balance.Unit]int64{}
	for _, e := range c.Entries {
		if e.Account == c.Account.ID {
			sums[e.Wallet] += e.Value
		}
		for _, l := range e.Lines() {
			books[l.Unit] += l.Value
		}
	}
	for unit, sum := range books {
		if sum != 0 {
			t.Fatalf("the journal sums up to %d of %s", sum, unit)
		}
	}
	names := map[string]bool{balance.CashWallet: true, balance.FreeWallet: true}
	for _, v := range c.Account.Wallets {
		names[v.ID] = true
	}
	for n := range names {
		var was int64
		if len(before.Intervals) > 0 {
			was, _, _ = before.Balance(n)
		}
		if is, _, err := c.Account.Balance(n); err != nil || is != was-sums[n] {
			t.Fatalf("%s: %d before, entries of %d, %d after (%v)\n%+v", n, was, sums[n], is, err, c.Entries)
		}
	}
	for i := 1; i < len(c.Account.Intervals); i++ {
		if a, b := c.Account.Intervals[i-1], c.Account.Intervals[i]; a.End != b.Start || a.End <= a.Start {
			t.Fatalf("intervals [%d, %d) and [%d, %d)", a.Start, a.End, b.Start, b.End)
		}
	}
}

func (w *world) topUp(when, amount, pack string) {
	w.t.Helper()
	w.take(balance.Add(w.terms, w.a, balance.TopUp{At: at(w.t, when), Amount: money(amount), Package: pack}))
}

func (w *world) advance(when string) {
	w.t.Helper()
	w.take(balance.Advance(w.terms, w.a, at(w.t, when)))
}

// call charges a call of n increments.
func (w *world) call(when string, n int64, length billing.Millis, price string) balance.Receipt {
	w.t.Helper()
	start := at(w.t, when)
	return w.charge(balance.Usage{
		Ref: "call", Start: start, End: start + billing.Millis(n)*length, FreeTime: true,
		Steps: []balance.Step{{Count: n, Span: billing.Millis(n) * length, Price: billing.MustPrice(price)}},
	})
}

func (w *world) charge(u balance.Usage) balance.Receipt {
	w.t.Helper()
	c, r, err := balance.Charge(w.terms, w.a, u)
	w.take(c, err)
	if sum, _ := r.FromBalance.Add(r.Due); sum != r.Price {
		w.t.Fatalf("%s from the balance and %s due are not %s", r.FromBalance, r.Due, r.Price)
	}
	return r
}

// want checks the intervals: begin, opening, cash, debit and free seconds left.
func (w *world) want(lines ...string) {
	w.t.Helper()
	var got []string
	for _, i := range w.a.Intervals {
		end := "open"
		if i.End != 0 {
			end = i.End.Time().Format("01-02")
			if i.End%86_400_000 != 0 {
				end = i.End.Time().Format("01-02T15:04")
			}
		}
		start := i.Start.Time().Format("01-02")
		if i.Start%86_400_000 != 0 {
			start = i.Start.Time().Format("01-02T15:04")
		}
		got = append(got, fmt.Sprintf("%s %s: %s %s %s %d", start, end, i.Opening.Decimal()[:len(i.Opening.Decimal())-4], i.Cash.Decimal()[:len(i.Cash.Decimal())-4],
			i.Debit.Decimal()[:len(i.Debit.Decimal())-4], i.FreeLeft/1000))
	}
	if !reflect.DeepEqual(got, lines) {
		w.t.Errorf("intervals\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func plain(p balance.Profile, packs map[string]balance.Package) *balance.Terms {
	return &balance.Terms{Profiles: map[string]balance.Profile{"p": p, "low": {}, "high": {}}, Packages: packs}
}

var month = balance.Span{1, balance.Month}

func TestFirstIntervalScaled(t *testing.T) {
	// 16 of 31 days are left when the day of creation begins.
	w := open(t, plain(balance.Profile{FreeTime: 310_000, FreeCash: money("31")}, nil), "2026-01-16T15:00", "")
	w.want("01-01 02-01: 16.00 16.00 0.00 160")
	w.advance("2026-02-01")
	w.want("01-01 02-01: 16.00 16.00 0.00 160", "02-01 03-01: 31.00 31.00 0.00 310")

	terms := plain(balance.Profile{FreeTime: 310_000, FreeCash: money("31")}, nil)
	terms.WholeFirst = true
	open(t, terms, "2026-01-16T15:00", "").want("01-01 02-01: 31.00 31.00 0.00 310")
	create := balance.Profile{FreeCash: money("31"), Rule: balance.Rule{Start: balance.StartCreate}}
	open(t, plain(create, nil), "2026-01-16T15:00", "").want("01-16 02-16: 31.00 31.00 0.00 0")
}

// TestUnusedFreeCash: of the free 5, calls for 2 used 2; 3 are taken away.
func TestUnusedFreeCash(t *testing.T) {
	w := open(t, plain(balance.Profile{FreeCash: money("5")}, nil), "2026-01-01", "")
	w.topUp("2026-01-02", "10", "")
	w.call("2026-01-03", 2, 60_000, "1/60")
	w.advance("2026-02-01")
	w.want("01-01 02-01: 5.00 13.00 2.00 0", "02-01 03-01: 15.00 15.00 0.00 0")
	w.call("2026-02-03", 7, 60_000, "1/60")
	w.advance("2026-03-01") // more than the free cash was used: all is carried
	w.want("01-01 02-01: 5.00 13.00 2.00 0", "02-01 03-01: 15.00 8.00 7.00 0", "03-01 04-01: 13.00 13.00 0.00 0")
}

func TestCarryOver(t *testing.T) {
	for _, c := range []struct {
		name string
		p    balance.Package
		want []string
	}{
		{"always", balance.Package{}, []string{"01-01 02-01: 0.00 10.00 0.00 0", "02-01 03-01: 10.00 10.00 0.00 0", "03-01 04-01: 10.00 10.00 0.00 0"}},
		{"never", balance.Package{CarryOver: balance.CarryNever}, []string{"01-01 02-01: 0.00 10.00 0.00 0", "02-01 03-01: 0.00 0.00 0.00 0", "03-01 04-01: 0.00 0.00 0.00 0"}},
		{"timely", balance.Package{CarryOver: balance.CarryTimely, Timely: balance.Span{10, balance.Day}},
			[]string{"01-01 02-01: 0.00 10.00 0.00 0", "02-01 03-01: 10.00 10.00 0.00 0", "03-01 04-01: 0.00 0.00 0.00 0"}},
		{"not timely", balance.Package{CarryOver: balance.CarryTimely, Timely: balance.Span{5, balance.Day}},
			[]string{"01-01 02-01: 0.00 10.00 0.00 0", "02-01 03-01: 0.00 0.00 0.00 0", "03-01 04-01: 0.00 0.00 0.00 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t, plain(balance.Profile{}, map[string]balance.Package{"k": c.p}), "2026-01-01", "k")
			w.topUp("2026-01-25T12:00", "10", "")
			w.advance("2026-03-15")
			w.want(c.want...)
		})
	}
}

// TestDiscardAfter: the top-up is in January, whose interval ends on 1
// February; two months later cash is discarded.
func TestDiscardAfter(t *testing.T) {
	packs := map[string]balance.Package{"k": {DiscardAfter: 2}}
	w := open(t, plain(balance.Profile{}, packs), "2026-01-01", "k")
	w.topUp("2026-01-10", "10", "")
	w.advance("2026-04-15")
	w.want("01-01 02-01: 0.00 10.00 0.00 0", "02-01 03-01: 10.00 10.00 0.00 0", "03-01 04-01: 10.00 10.00 0.00 0", "04-01 05-01: 0.00 0.00 0.00 0")
	if e := w.a.Running().Expiry; e != at(t, "2026-04-01") {
		t.Errorf("expiry %s", e.Time())
	}
	if fmt.Sprint(w.events) != "[discard]" {
		t.Errorf("events %v", w.events)
	}
}

func TestStartTopUp(t *testing.T) {
	packs := map[string]balance.Package{"k": {Rule: balance.Rule{month, balance.StartTopUp}, CarryOver: balance.CarryTimely, Timely: balance.Span{10, balance.Day}, DiscardAfter: 1}}
	w := open(t, plain(balance.Profile{FreeTime: 60_000}, packs), "2026-01-01T08:00", "k")
	w.want("01-01 open: 0.00 0.00 0.00 60")
	w.topUp("2026-01-25", "10", "")
	w.want("01-01 01-25: 0.00 0.00 0.00 60", "01-25 open: 0.00 10.00 0.00 60")
	// The timely end of an interval without an end is a month after its start.
	w.topUp("2026-02-20T12:00", "5", "")
	w.want("01-01 01-25: 0.00 0.00 0.00 60", "01-25 02-20T12:00: 0.00 10.00 0.00 60", "02-20T12:00 open: 10.00 15.00 0.00 60")
	w.topUp("2026-02-21", "1", "") // too early to be timely
	w.want("01-01 01-25: 0.00 0.00 0.00 60", "01-25 02-20T12:00: 0.00 10.00 0.00 60",
		"02-20T12:00 02-21: 10.00 15.00 0.00 60", "02-21 open: 0.00 1.00 0.00 60")
	// The interval would end on 21 March; one month later a call finds nothing.
	w.advance("2026-04-20T23:00")
	if w.a.Cash() != money("1") {
		t.Errorf("cash %s before the expiry", w.a.Cash())
	}
	if r := w.call("2026-04-21", 1, 60_000, "0.50/60"); w.a.Cash() != money("0") || r.FreeTime != 60_000 {
		t.Errorf("cash %s at the expiry, %v", w.a.Cash(), r)
	}
}

func TestStartTopUpInterval(t *testing.T) {
	packs := map[string]balance.Package{"k": {Rule: balance.Rule{month, balance.StartTopUpInterval}}}
	w := open(t, plain(balance.Profile{}, packs), "2026-01-01T08:00", "k")
	w.topUp("2026-01-31T10:00", "10", "")
	w.topUp("2026-02-10", "5", "")
	w.advance("2026-04-01")
	w.want("01-01 01-31T10:00: 0.00 0.00 0.00 0", "01-31T10:00 02-28T10:00: 0.00 15.00 0.00 0",
		"02-28T10:00 03-31T10:00: 15.00 15.00 0.00 0", "03-31T10:00 04-30T10:00: 15.00 15.00 0.00 0")
}

func TestPackage(t *testing.T) {
	packs := map[string]balance.Package{
		"start": {InitialBalance: money("3"), Initial: []balance.Mapping{{Profile: "high"}}},
		"k": {
			ServiceCharge: money("2"), TopUp: []balance.Mapping{{Profile: "p"}}, TopUpLock: ref(0),
			Bundles: []balance.Bundle{{Wallet: balance.Wallet{ID: "sms", Unit: "sms", Value: 100}, Life: balance.Span{30, balance.Day}}},
		},
	}
	w := open(t, plain(balance.Profile{}, packs), "2026-01-01", "start")
	w.want("01-01 02-01: 3.00 3.00 0.00 0")
	if p := w.a.ProfileAt(w.a.Created); p != "high" {
		t.Errorf("initial profile %q", p)
	}
	v := balance.Voucher{Code: "v1", Amount: money("10"), Package: "k", ValidUntil: at(t, "2026-02-01")}
	if _, _, err := balance.Redeem(w.terms, w.a, v, v.ValidUntil); !errors.Is(err, balance.ErrVoucher) {
		t.Errorf("a voucher that is over: %v", err)
	}
	c, used, err := balance.Redeem(w.terms, w.a, v, at(t, "2026-01-05"))
	w.take(c, err)
	w.want("01-01 02-01: 3.00 11.00 0.00 0")
	if fmt.Sprint(w.events) != "[package k profile p]" {
		t.Errorf("events %v", w.events)
	}
	if _, _, err := balance.Redeem(w.terms, w.a, used, at(t, "2026-01-06")); !errors.Is(err, balance.ErrVoucher) {
		t.Errorf("a voucher a second time: %v", err)
	}
	if n, unit, err := w.a.Balance("sms"); n != 100 || unit != "sms" || err != nil {
		t.Errorf("bundle: %d %s, %v", n, unit, err)
	}
	w.topUp("2026-01-10", "1", "k")
	if n, _, _ := w.a.Balance("sms"); n != 200 || w.a.Cash() != money("10") {
		t.Errorf("bundle of %d after the second, cash %s", n, w.a.Cash())
	}
	w.advance("2026-02-09")
	if n, _, _ := w.a.Balance("sms"); n != 0 {
		t.Errorf("bundle of %d after its end", n)
	}
}

func underrunTerms() *balance.Terms {
	return plain(balance.Profile{}, map[string]balance.Package{"k": {
		CarryOver: balance.CarryNever, InitialBalance: money("5"),
		LockBelow: ref(money("2")), LockLevel: ref(2), ProfileBelow: ref(money("1")),
		Underrun: []balance.Mapping{{Profile: "low"}}, TopUp: []balance.Mapping{{Profile: "high"}}, TopUpLock: ref(0),
	}})
}

func TestUnderrun(t *testing.T) {
	w := open(t, underrunTerms(), "2026-01-01", "k")
	w.call("2026-01-02", 3, 60_000, "1/60") // to 2: the threshold itself is not below it
	if w.a.Lock != 0 {
		t.Fatalf("lock %d at the threshold", w.a.Lock)
	}
	w.call("2026-01-03T00:00:00", 1, 60_000, "1/60") // to 1
	if w.a.Lock != 2 || fmt.Sprint(w.events) != "[lock 2]" {
		t.Fatalf("lock %d, %v", w.a.Lock, w.events)
	}
	w.call("2026-01-04", 1, 60_000, "1/60")
	if fmt.Sprint(w.events) != "[profile low]" || w.a.Assignments[1].From != at(t, "2026-01-04T00:01") {
		t.Errorf("events %v, from %s", w.events, w.a.Assignments[1].From.Time())
	}
	w.topUp("2026-01-05", "7", "")
	if w.a.Lock != 0 || w.a.ProfileAt(at(t, "2026-01-05")) != "high" {
		t.Errorf("after the top-up: lock %d, profile %s", w.a.Lock, w.a.ProfileAt(at(t, "2026-01-05")))
	}
	w.advance("2026-02-10") // discarded: both thresholds at once
	if fmt.Sprint(w.events) != "[discard lock 2 profile low]" {
		t.Errorf("events %v", w.events)
	}
	w.topUp("2026-02-11", "7", "")
	w.take(balance.Set(w.terms, w.a, balance.CashWallet, 1_500_000, at(t, "2026-02-12"), "by hand"))
	if w.a.Lock != 2 || w.a.ProfileAt(at(t, "2026-02-12")) != "high" {
		t.Errorf("set to 1.50: lock %d", w.a.Lock)
	}
}

func TestAccountJSON(t *testing.T) {
	w := open(t, underrunTerms(), "2026-01-01", "k")
	w.take(balance.Grant(w.terms, w.a, balance.Wallet{ID: "min", Unit: balance.Time, Value: 60_000, Price: billing.MustPrice("0.01/60")}, at(t, "2026-01-02"), "gift"))
	text, err := json.Marshal(w.a)
	if err != nil {
		t.Fatal(err)
	}
	var back balance.Account
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, w.a) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestErrors(t *testing.T) {
	w := open(t, underrunTerms(), "2026-01-01", "k")
	seed := w.a
	seed.Package = "none"
	if _, err := balance.Open(w.terms, seed); !errors.Is(err, balance.ErrTerms) {
		t.Errorf("unknown package: %v", err)
	}
	if _, err := balance.Add(w.terms, w.a, balance.TopUp{At: 1, Amount: money("-1")}); !errors.Is(err, balance.ErrUsage) {
		t.Errorf("negative top-up: %v", err)
	}
	usd := billing.NewAmount(1, billing.MustCurrency("USD"))
	if _, err := balance.Add(w.terms, w.a, balance.TopUp{At: at(t, "2026-01-02"), Amount: usd}); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("foreign money: %v", err)
	}
	if _, _, err := balance.Charge(w.terms, w.a, balance.Usage{Start: 5, End: 4}); !errors.Is(err, balance.ErrUsage) {
		t.Errorf("usage that ends before it starts: %v", err)
	}
	if _, _, err := balance.Charge(w.terms, w.a, balance.Usage{Start: at(t, "2026-01-02"), End: at(t, "2026-01-02"), Currency: usd.Currency()}); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("prices in foreign money: %v", err)
	}
	if _, err := balance.Set(w.terms, w.a, "none", 1, at(t, "2026-01-02"), ""); !errors.Is(err, balance.ErrWallet) {
		t.Errorf("unknown wallet: %v", err)
	}
	if _, err := balance.Advance(w.terms, w.a, 1<<60); !errors.Is(err, balance.ErrTime) {
		t.Errorf("the far future: %v", err)
	}
	bad := &balance.Terms{Packages: map[string]balance.Package{"k": {Rule: balance.Rule{Start: "never"}}}}
	if err := bad.Check(); !errors.Is(err, balance.ErrTerms) {
		t.Errorf("bad terms: %v", err)
	}
}
