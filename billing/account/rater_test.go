package account_test

import (
	"errors"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/account"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/session"
	"github.com/class5-go/class5/billing/tariff"
)

var _ session.Rater = (*account.Rater)(nil)

// rich is an account with a wallet of 30 s, and another one of three messages.
func rich(t testing.TB) balance.Account {
	t.Helper()
	c, err := balance.Open(terms(), seed())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []balance.Wallet{{ID: "s", Unit: balance.Time, Value: 30_000, Weight: 1}, {ID: "m", Unit: "sms", Value: 3}} {
		if c, err = balance.Grant(terms(), c.Account, w, now, ""); err != nil {
			t.Fatal(err)
		}
	}
	return c.Account
}

// TestRater: 0.10 to connect and 0.10 a minute with a cap of 0.35, of which the
// wallet pays 30 s.
func TestRater(t *testing.T) {
	r := account.Rater{Terms: terms(), Account: rich(t), Snapshot: snapshot(t, tariff.Config{}), Call: rate.Call{Destination: "3", Start: now + 43_200_000}}
	for _, c := range []struct {
		ms   billing.Millis
		want string
	}{{0, "0.10 EUR"}, {30_000, "0.15 EUR"}, {60_000, "0.15 EUR"}, {61_000, "0.25 EUR"}, {3_600_000, "0.30 EUR"}} {
		// 0.10 to connect, half of the first minute, then whole ones up to the cap
		// of 0.35, of which the wallet has paid 0.05.
		if got, err := r.Price(c.ms); err != nil || got.String() != c.want {
			t.Errorf("%d ms: %s, %v, want %s", c.ms, got, err, c.want)
		}
	}
	for _, c := range []struct {
		credit int64
		want   billing.Millis
	}{{90_000, 0}, {149_999, 0}, {150_000, 60_000}, {249_999, 60_000}, {250_000, 120_000}, {300_000, 300_000}} {
		if got, err := r.MaxDuration(money(c.credit), 300_000); err != nil || got != c.want {
			t.Errorf("credit %d: %d, %v, want %d", c.credit, got, err, c.want)
		}
	}
	if _, err := r.MaxDuration(billing.NewAmount(1, billing.MustCurrency("USD")), 1000); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("a foreign credit: %v", err)
	}
}

// TestRaterUnits: three messages of the wallet, and what the credit has.
func TestRaterUnits(t *testing.T) {
	r := account.Rater{Terms: terms(), Account: rich(t), Snapshot: snapshot(t, tariff.Config{}), Call: rate.Call{Service: tariff.SMS, Start: now}}
	for credit, want := range map[int64]int64{0: 0, 9_999: 0, 10_000: 3, 79_999: 3, 80_000: 4, 10_000_000: 5} {
		if got, err := r.MaxUnits(money(credit), 5); err != nil || got != want {
			t.Errorf("credit %d: %d, %v, want %d", credit, got, err, want)
		}
	}
}

// TestUnpriced: without a tariff, money pays for nothing.
func TestUnpriced(t *testing.T) {
	r := account.Rater{Terms: terms(), Account: rich(t), Call: rate.Call{Start: now}}
	if got, err := r.MaxDuration(money(5_000_000_000_000_000), 86_400_000); err != nil || got != 30_000 {
		t.Errorf("%d ms, %v", got, err)
	}
	r.Call.Service = tariff.SMS
	if got, err := r.MaxUnits(money(5_000_000), 100); err != nil || got != 3 {
		t.Errorf("%d messages, %v", got, err)
	}
}
