package balance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// show is price, paid, due, free seconds and covered seconds.
func show(r balance.Receipt) string {
	s := fmt.Sprintf("%s = %s + %s, free %d, covered %d", r.Price.Decimal(), r.FromBalance.Decimal(), r.Due.Decimal(), r.FreeTime/1000, r.Covered/1000)
	if r.Covered < 0 {
		s = strings.Replace(s, "covered 0", "not even connected", 1)
	}
	if r.Blocked {
		s += ", blocked"
	}
	return s
}

func TestCharge(t *testing.T) {
	negative := balance.Step{Count: 2, Span: 120_000, Price: billing.MustPrice("-0.30/60")}
	for _, c := range []struct {
		name    string
		profile balance.Profile
		cash    string
		wallets []balance.Wallet
		usage   balance.Usage
		want    string
		left    string // cash
	}{
		{"small rests stay", balance.Profile{}, "1.00", nil,
			balance.Usage{Steps: steps(5, 60_000, "0.30/60")}, "1.500000 = 0.900000 + 0.600000, free 0, covered 180", "0.10"},
		{"a cheaper interval fits where a dearer did not", balance.Profile{}, "0.50", nil,
			balance.Usage{Steps: append(steps(1, 60_000, "0.40/60"), then(60_000, steps(2, 60_000, "0.30/60"), then(180_000, steps(1, 60_000, "0.10/60"), nil))...)},
			"1.100000 = 0.500000 + 0.600000, free 0, covered 60", "0.00"},
		{"free time first, the uncovered share in proportion", balance.Profile{FreeTime: 90_000}, "10", nil,
			balance.Usage{FreeTime: true, Steps: steps(3, 60_000, "0.10/60")}, "0.150000 = 0.150000 + 0.000000, free 90, covered 180", "9.85"},
		{"no free time for the fee", balance.Profile{FreeTime: 90_000}, "10", nil,
			balance.Usage{Steps: steps(3, 60_000, "0.10/60")}, "0.300000 = 0.300000 + 0.000000, free 0, covered 180", "9.70"},
		{"connect fee and one-off price are not free", balance.Profile{FreeTime: 900_000}, "0.05", nil,
			balance.Usage{FreeTime: true, Steps: append([]balance.Step{{Fee: money("0.05")}, {Once: true, Price: billing.MustPrice("0.20")}}, steps(1, 60_000, "0.10/60")...)},
			"0.250000 = 0.050000 + 0.200000, free 60, not even connected", "0.00"},
		{"thirds are rounded once", balance.Profile{}, "0.50", nil,
			balance.Usage{Steps: steps(6, 10_000, "1/60")}, "1.000000 = 0.500000 + 0.500000, free 0, covered 30", "0.00"},
		{"parts sum up to the rounded price", balance.Profile{}, "0.20", nil,
			balance.Usage{Steps: steps(2, 10_000, "1/60")}, "0.333333 = 0.166667 + 0.166666, free 0, covered 10", "0.033333"},
		{"postpaid credit is due", balance.Profile{}, "1", nil,
			balance.Usage{Steps: []balance.Step{negative}}, "-0.600000 = 0.000000 + -0.600000, free 0, covered 120", "1.00"},
		{"prepaid credit goes to cash", balance.Profile{Prepaid: true}, "1", nil,
			balance.Usage{Steps: []balance.Step{negative}}, "-0.600000 = -0.600000 + 0.000000, free 0, covered 120", "1.60"},
		{"settled online", balance.Profile{Prepaid: true}, "1", nil,
			balance.Usage{Settled: ref(money("0.77")), Steps: steps(5, 60_000, "0.30/60")}, "0.770000 = 0.770000 + 0.000000, free 0, covered 300", "1.00"},
		{"capped", balance.Profile{}, "10", nil,
			balance.Usage{Cap: ref(money("0.75")), Steps: steps(5, 60_000, "0.30/60")}, "0.750000 = 0.750000 + 0.000000, free 0, covered 300", "9.25"},
		// The cap is reached in the third minute, at 0.15 of it; half of that
		// minute is free.
		{"capped in a minute that is free in part", balance.Profile{FreeTime: 150_000}, "10", nil,
			balance.Usage{FreeTime: true, Cap: ref(money("0.75")), Steps: steps(5, 60_000, "0.30/60")}, "0.075000 = 0.075000 + 0.000000, free 150, covered 300", "9.925"},
		{"each interval rounded up to a cent", balance.Profile{}, "10", nil,
			balance.Usage{Rounding: rounding("up 2 increment"), Steps: steps(3, 10_000, "0.10/60")}, "0.060000 = 0.060000 + 0.000000, free 0, covered 30", "9.94"},
		{"whole cents can be had only", balance.Profile{}, "0.049", nil,
			balance.Usage{Rounding: rounding("half-up 2 leg"), Steps: steps(2, 60_000, "0.025/60")}, "0.050000 = 0.030000 + 0.020000, free 0, covered 60", "0.019"},
		{"the heavier wallet first", balance.Profile{}, "10", []balance.Wallet{{ID: "bonus", Unit: balance.Cash, Value: 700_000, Weight: 1}},
			balance.Usage{Steps: steps(5, 60_000, "0.30/60")}, "1.500000 = 1.500000 + 0.000000, free 0, covered 300", "9.10"},
		{"the lighter wallet last", balance.Profile{}, "1", []balance.Wallet{{ID: "bonus", Unit: balance.Cash, Value: 700_000, Weight: -1}},
			balance.Usage{Steps: steps(5, 60_000, "0.30/60")}, "1.500000 = 1.500000 + 0.000000, free 0, covered 300", "0.10"},
		{"overdraft of a wallet", balance.Profile{}, "0", []balance.Wallet{{ID: "bonus", Unit: balance.Cash, Weight: 1, Overdraft: 600_000}},
			balance.Usage{Steps: steps(5, 60_000, "0.30/60")}, "1.500000 = 0.600000 + 0.900000, free 0, covered 120", "0.00"},
		{"seconds with own increment, price and connect fee", balance.Profile{}, "10",
			[]balance.Wallet{{ID: "s", Unit: balance.Time, Value: 180_000, Increment: 60_000, Price: billing.MustPrice("0.01/60"), Connect: money("0.05")}},
			balance.Usage{Steps: steps(10, 10_000, "1/60")}, "0.070000 = 0.070000 + 0.000000, free 0, covered 100", "9.93"},
		{"seconds for one country", balance.Profile{}, "10",
			[]balance.Wallet{{ID: "s", Unit: balance.Time, Value: 180_000, Filter: balance.Filter{Destinations: []string{"49"}}}},
			balance.Usage{Destination: "43123", Steps: steps(1, 60_000, "1/60")}, "1.000000 = 1.000000 + 0.000000, free 0, covered 60", "9.00"},
		{"seconds at one rate", balance.Profile{}, "10",
			[]balance.Wallet{{ID: "s", Unit: balance.Time, Value: 600_000, Filter: balance.Filter{Rates: []string{"off"}}}},
			balance.Usage{Steps: []balance.Step{{Count: 1, Span: 60_000, Price: billing.MustPrice("1/60"), Rate: "on"}, {Offset: 60_000, Count: 1, Span: 60_000, Price: billing.MustPrice("1/60"), Rate: "off"}}},
			"1.000000 = 1.000000 + 0.000000, free 0, covered 120", "9.00"},
		{"a blocker", balance.Profile{}, "10", []balance.Wallet{{ID: "s", Unit: balance.Time, Value: 90_000, Weight: 1, Blocker: true}},
			balance.Usage{Steps: steps(3, 60_000, "1/60")}, "1.500000 = 0.000000 + 1.500000, free 0, covered 60, blocked", "10.00"},
		{"messages", balance.Profile{FreeTime: 600_000}, "10", []balance.Wallet{{ID: "m", Unit: "sms", Value: 3}},
			balance.Usage{Service: "sms", Steps: steps(5, 1_000, "0.10")}, "0.200000 = 0.200000 + 0.000000, free 0, covered 5", "9.80"},
		{"expired at the second interval", balance.Profile{}, "10",
			[]balance.Wallet{{ID: "s", Unit: balance.Time, Value: 600_000, Expires: 1_767_607_260_000}}, // 10:01
			balance.Usage{Steps: steps(3, 60_000, "1/60")}, "2.000000 = 2.000000 + 0.000000, free 0, covered 180", "8.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t, plain(c.profile, nil), "2026-01-01", "")
			w.take(balance.Set(w.terms, w.a, balance.CashWallet, money(c.cash).Micros(), at(t, "2026-01-02"), ""))
			for _, v := range c.wallets {
				w.take(balance.Grant(w.terms, w.a, v, at(t, "2026-01-02"), ""))
			}
			u := c.usage
			u.Start = at(t, "2026-01-05T10:00")
			last := u.Steps[len(u.Steps)-1]
			u.End = u.Start + last.Offset + last.Span
			if got := show(w.charge(u)); got != c.want {
				t.Errorf("%s, want\n%s", got, c.want)
			}
			if w.a.Cash() != money(c.left) {
				t.Errorf("cash %s, want %s", w.a.Cash(), c.left)
			}
		})
	}
}

func rounding(s string) billing.Rounding {
	r, err := billing.ParseRounding(s)
	if err != nil {
		panic(err)
	}
	return r
}

func steps(n int64, length billing.Millis, price string) []balance.Step {
	return []balance.Step{{Count: n, Span: billing.Millis(n) * length, Price: billing.MustPrice(price)}}
}

func then(off billing.Millis, s, more []balance.Step) []balance.Step {
	s[0].Offset = off
	return append(s, more...)
}

// TestOverBorder: a call of ten minutes begins two before the month ends. The
// third minute begins in the next one; free amounts of both months count.
func TestOverBorder(t *testing.T) {
	w := open(t, plain(balance.Profile{FreeTime: 60_000, FreeCash: money("1.50")}, nil), "2026-01-01", "")
	r := w.call("2026-01-31T23:58", 10, 60_000, "1/60")
	// January: a minute free, a minute for 1 of 1.50. February: a minute free,
	// one for 1 of 1.50 (0.50 was not used and is taken away), six are due.
	if got := show(r); got != "8.000000 = 2.000000 + 6.000000, free 120, covered 240" {
		t.Error(got)
	}
	w.want("01-01 02-01: 1.50 0.50 1.00 0", "02-01 03-01: 1.50 0.50 7.00 0")
}

// TestLate: calls of January that arrive in February are paid from January,
// and what they used of its free cash is not missing in February.
func TestLate(t *testing.T) {
	w := open(t, plain(balance.Profile{FreeTime: 60_000, FreeCash: money("5")}, nil), "2026-01-01", "")
	w.topUp("2026-01-02", "3", "")
	w.advance("2026-02-02")
	w.want("01-01 02-01: 5.00 8.00 0.00 60", "02-01 03-01: 8.00 8.00 0.00 60")
	r := w.call("2026-01-20", 7, 60_000, "1/60") // one minute is free, 6 are paid: 5 would have been lost
	if got := show(r); got != "6.000000 = 6.000000 + 0.000000, free 60, covered 420" {
		t.Error(got)
	}
	w.want("01-01 02-01: 5.00 2.00 6.00 0", "02-01 03-01: 7.00 7.00 0.00 60")
	w.call("2026-02-03", 7, 60_000, "1/60")
	w.want("01-01 02-01: 5.00 2.00 6.00 0", "02-01 03-01: 7.00 1.00 6.00 0")
	// January has 2 left, but February has only 1 of them.
	if got := show(w.call("2026-01-21", 2, 60_000, "1/60")); got != "2.000000 = 1.000000 + 1.000000, free 0, covered 60" {
		t.Error(got)
	}
	w.want("01-01 02-01: 5.00 1.00 8.00 0", "02-01 03-01: 6.00 0.00 6.00 0")
}

// TestShared: a wallet of the group pays when the account's own is used up.
func TestShared(t *testing.T) {
	terms := plain(balance.Profile{}, nil)
	own, group := open(t, terms, "2026-01-01", ""), open(t, terms, "2026-01-01", "")
	group.a.ID = "g"
	group.take(balance.Grant(terms, group.a, balance.Wallet{ID: "pool", Unit: balance.Time, Value: 100_000, Shared: true}, at(t, "2026-01-02"), ""))
	group.take(balance.Grant(terms, group.a, balance.Wallet{ID: "private", Unit: balance.Time, Value: 500_000}, at(t, "2026-01-02"), ""))
	own.topUp("2026-01-02", "1", "")
	start := at(t, "2026-01-03")
	c, r, err := balance.Charge(terms, own.a, balance.Usage{Start: start, End: start + 180_000, Steps: steps(3, 60_000, "0.60/60")}, group.a)
	if err != nil {
		t.Fatal(err)
	}
	// 60 s of the pool, 40 s of it and 0.20, then 0.60.
	if got := show(r); got != "0.800000 = 0.800000 + 0.000000, free 0, covered 180" {
		t.Error(got)
	}
	checkConserved(t, own.a, c)
	if v, _, _ := c.Shared[0].Balance("pool"); v != 0 {
		t.Errorf("pool of %d", v)
	}
	if v, _, _ := c.Shared[0].Balance("private"); v != 500_000 {
		t.Errorf("private wallet of %d", v)
	}
	if len(r.Moves) != 2 || r.Moves[1].Account != "g" || r.Moves[1].Before != 100_000 {
		t.Errorf("moves %+v", r.Moves)
	}
}
