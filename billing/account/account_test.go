package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"pgregory.net/rapid"
)

var eur = billing.MustCurrency("EUR")

const now billing.Millis = 1_780_000_000_000

func money(micros int64) billing.Amount { return billing.NewAmount(micros, eur) }

const deck = `service,destination,connect,follow_price,follow_interval,tiers,extra_second,extra_price,cap,cap_action,free_time,night.follow_price,night.follow_interval
call,1,0.05,0.10/60,60,60 0.06/60 30; 120 0.03/60 60 0.20,,,,,1,0.01/60,60
call,2,,0.07/60,7,,90,0.50,,,,0.03/60,30
call,3,0.10,0.10/60,60,,,,0.35,free,,,
call,4,0.10,0.10/60,60,,,,0.35,disconnect,,,
call,5,,-0.10/60,60,,,,,,,,
sms,,0.01,0.07,1,,,,,,,,
`

func snapshot(t testing.TB, cfg tariff.Config) *tariff.Snapshot {
	t.Helper()
	cfg.Currency = eur
	w, err := tariff.ParseWindow("night mon-sun 00:00-12:00")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Windows = []tariff.Window{w}
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

func terms() *balance.Terms { return &balance.Terms{Profiles: map[string]balance.Profile{"p": {}}} }

func seed() balance.Account {
	return balance.Account{ID: "acme", Currency: eur, Created: now, Assignments: []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "p"}}}}}
}

// TestUsagePrice: accounts pay the price that the rater made, to the last
// millionth, and a part of it when they have less, however intervals are
// rounded and split.
func TestUsagePrice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, err := billing.ParseRounding(rapid.SampledFrom([]string{"half-up", "half-even 2", "up 3 increment", "down 4", "half-up 2 increment", "half-even 3 increment", "up 2 increment"}).Draw(rt, "rounding"))
		if err != nil {
			rt.Fatal(err)
		}
		s := snapshot(t, tariff.Config{Rounding: r, Counting: tariff.Counting(rapid.IntRange(0, 3).Draw(rt, "counting")),
			Crossing: tariff.Crossing(rapid.IntRange(0, 1).Draw(rt, "crossing"))})
		c := rate.Call{
			Destination: rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(rt, "to"),
			Start:       now + billing.Millis(rapid.IntRange(0, 86_400_000).Draw(rt, "start")),
			Duration:    billing.Millis(rapid.IntRange(0, 900_000).Draw(rt, "ms")),
		}
		if rapid.Bool().Draw(rt, "sms") {
			c.Service, c.Units, c.Duration = tariff.SMS, rapid.Int64Range(0, 9).Draw(rt, "units"), 0
		}
		res, err := rate.Rate(s, c, rate.Options{Steps: []rate.Step{}})
		if err != nil {
			rt.Fatal(err)
		}
		a, err := balance.Open(terms(), seed())
		if err != nil {
			rt.Fatal(err)
		}
		have := rapid.Int64Range(0, 3_000_000).Draw(rt, "cash")
		if a, err = balance.Add(terms(), a.Account, balance.TopUp{At: now, Amount: money(have)}); err != nil {
			rt.Fatal(err)
		}
		u, err := account.Usage(s, c, res, "leg")
		if err != nil {
			rt.Fatal(err)
		}
		_, receipt, err := balance.Charge(terms(), a.Account, u)
		if err != nil {
			rt.Fatal(err)
		}
		if sum, err := receipt.FromBalance.Add(receipt.Due); receipt.Price != res.Amount || sum != receipt.Price || err != nil || receipt.FromBalance.Micros() > have {
			rt.Fatalf("%s of the account (%s and %s), %s of the rater\n%+v", receipt.Price, receipt.FromBalance, receipt.Due, res.Amount, res)
		}
	})
}

// open makes an account with some cash in a ledger.
func open(t testing.TB, l ledger.Ledger, micros int64) {
	t.Helper()
	ctx := context.Background()
	req := func(key string) ledger.Request {
		return ledger.Request{Key: key, Node: "n", Account: "acme", At: now}
	}
	if _, err := l.Post(ctx, ledger.Posting{Request: req("open"), Make: account.Open(terms(), seed())}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Post(ctx, ledger.Posting{Request: req("topup"), Make: account.Apply(func(a balance.Account, _ []balance.Account) (balance.Change, any, error) {
		c, err := balance.Add(terms(), a, balance.TopUp{At: now, Amount: money(micros), Ref: "topup"})
		return c, nil, err
	})}); err != nil {
		t.Fatal(err)
	}
}

// TestSettled: a session paid 0.50 for a call whose first minute a wallet of
// seconds pays.
func TestSettled(t *testing.T) {
	ctx := t.Context()
	l := ledger.NewMemory()
	open(t, l, 2_000_000)
	req := ledger.Request{Node: "n", Account: "acme", At: now}
	post := func(key string, m account.Make) ledger.Answer {
		t.Helper()
		r := req
		r.Key = key
		a, err := l.Post(ctx, ledger.Posting{Request: r, Make: m, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	post("wallet", account.Apply(func(a balance.Account, _ []balance.Account) (balance.Change, any, error) {
		c, err := balance.Grant(terms(), a, balance.Wallet{ID: "s", Unit: balance.Time, Value: 60_000}, now, "")
		return c, nil, err
	}))
	hold := req
	hold.Key = "reserve"
	if _, err := l.Reserve(ctx, ledger.Reservation{Request: hold, Hold: "h", Value: 900_000, Until: now + 60_000}); err != nil {
		t.Fatal(err)
	}
	hold.Key = "settle"
	paid, err := l.Settle(ctx, ledger.Settlement{Request: hold, Hold: "h", Value: 500_000})
	if err != nil || paid.Settled != 500_000 {
		t.Fatal(paid, err)
	}
	u := balance.Usage{Ref: "leg", Start: now, End: now + 120_000, Steps: []balance.Step{{Count: 2, Span: 120_000, Price: billing.MustPrice("0.25/60")}}}
	a := post("charge", account.Settled(terms(), u, paid.Settled))
	var r balance.Receipt
	if err := json.Unmarshal(a.Result, &r); err != nil || r.FromBalance != money(250_000) || a.Balance != 1_750_000 {
		t.Errorf("%+v, balance %d, %v", r, a.Balance, err)
	}
	post("look", account.Apply(func(a balance.Account, _ []balance.Account) (balance.Change, any, error) {
		if a.Cash() != money(1_750_000) {
			t.Errorf("the document has %s", a.Cash())
		}
		return balance.Change{Account: a}, nil, nil
	}))
	if err := l.Audit(ctx); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	ctx := t.Context()
	l := ledger.NewMemory()
	r := ledger.Request{Key: "charge", Node: "n", Account: "acme", At: now}
	if _, err := l.Post(ctx, ledger.Posting{Request: r, Make: account.Charge(terms(), account.Price(money(1), now, ""))}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
	open(t, l, 1_000_000)
	r.Key = "again"
	if _, err := l.Post(ctx, ledger.Posting{Request: r, Make: account.Open(terms(), seed())}); !errors.Is(err, ledger.ErrRequest) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := account.Decode(ledger.State{Account: "acme", Data: []byte("{")}); err == nil {
		t.Error("a broken document was read")
	}
}

func Example() {
	ctx := context.Background()
	l := ledger.NewMemory()
	terms := &balance.Terms{Profiles: map[string]balance.Profile{"basic": {}}}
	const now billing.Millis = 1_780_000_000_000
	req := func(key string) ledger.Request {
		return ledger.Request{Key: key, Node: "web", Account: "acme", At: now}
	}
	_, err := l.Post(ctx, ledger.Posting{Request: req("open"), Make: account.Open(terms, balance.Account{
		ID: "acme", Currency: billing.MustCurrency("EUR"), Created: now,
		Assignments: []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "basic"}}}},
	})})
	if err != nil {
		fmt.Println(err)
		return
	}
	topUp := func(a balance.Account, _ []balance.Account) (balance.Change, any, error) {
		c, err := balance.Add(terms, a, balance.TopUp{At: now, Amount: billing.NewAmount(5_000_000, a.Currency)})
		return c, nil, err
	}
	if _, err = l.Post(ctx, ledger.Posting{Request: req("payment 17"), Make: account.Apply(topUp)}); err != nil {
		fmt.Println(err)
		return
	}
	price := billing.NewAmount(1_250_000, billing.MustCurrency("EUR"))
	a, err := l.Post(ctx, ledger.Posting{Request: req("invoice 4"), Make: account.Charge(terms, account.Price(price, now, "invoice 4"))})
	fmt.Println(a.Balance, err)
	// Output: 3750000 <nil>
}
