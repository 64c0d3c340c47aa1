package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/session"
)

var eur = billing.MustCurrency("EUR")

// tenths is a tariff of 0.10 for every ten seconds begun.
type tenths struct{}

func (tenths) Price(d billing.Millis) (billing.Amount, error) {
	return billing.NewAmount(int64((d+9_999)/10_000)*100_000, eur), nil
}

func (tenths) MaxDuration(credit billing.Amount, wanted billing.Millis) (billing.Millis, error) {
	return min(billing.Millis(credit.Micros()/100_000)*10_000, wanted), nil
}

// book is a ledger that can be out of reach.
type book struct {
	*ledger.Memory
	down bool
	keys int
}

func (b *book) Extend(ctx context.Context, r ledger.Reservation) (ledger.Answer, error) {
	if b.down {
		return ledger.Answer{}, ledger.ErrUnavailable
	}
	return b.Memory.Extend(ctx, r)
}

func (b *book) fund(t testing.TB, micros int64, now billing.Millis) {
	t.Helper()
	b.keys++
	_, err := b.Post(t.Context(), ledger.Posting{
		Request: ledger.Request{Key: fmt.Sprint("fund ", b.keys), Node: "web", Account: "a", At: now},
		Effect:  ledger.Effect{Entries: []balance.Entry{{Account: "a", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -micros}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *book) has(t testing.TB, value, held int64, now billing.Millis) {
	t.Helper()
	got, err := b.Balance(t.Context(), "a", balance.CashWallet, now)
	if err != nil || got.Value != value || got.Held != held {
		t.Fatalf("%+v, %v; want %d with %d held", got, err, value, held)
	}
}

func now() billing.Millis { return billing.MillisOf(time.Now()) }

// talk runs a call by the grants it gets, until it is cut or hangs up, and
// returns for how long it lasted. It goes on from the stored state each time.
func talk(t *testing.T, b *book, cfg session.Config, hangUp time.Duration) (time.Duration, session.Result) {
	s := session.New(b, cfg, tenths{}, "s", "a")
	g, err := s.Start(t.Context(), 0, now())
	if err != nil {
		t.Fatal(err)
	}
	answer := time.Now()
	used := func() billing.Millis { return billing.Span(time.Since(answer)) }
	for number := int64(1); ; number++ {
		if g.Final {
			time.Sleep(min(g.Total.Duration(), hangUp) - time.Since(answer))
			break
		}
		next := min(time.Since(answer)+g.RenewAfter.Duration(), hangUp)
		if time.Sleep(next - time.Since(answer)); next == hangUp {
			break
		}
		data, err := s.State()
		if err != nil {
			t.Fatal(err)
		}
		if s, err = session.Restore(b, cfg, tenths{}, data); err != nil {
			t.Fatal(err)
		}
		if g, err = s.Update(t.Context(), number, used(), now()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Stop(t.Context(), 1000, used(), now())
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(answer), r
}

func TestCall(t *testing.T) {
	for _, c := range []struct {
		name          string
		fund          int64
		hangUp, lasts time.Duration
		left          int64
		refund        int64
	}{
		{"hangs up within the first quota", 10_000_000, 35 * time.Second, 35 * time.Second, 9_600_000, 200_000},
		{"hangs up later", 10_000_000, 500 * time.Second, 500 * time.Second, 5_000_000, 100_000},
		{"is cut when the money is used up", 1_250_000, time.Hour, 120 * time.Second, 50_000, 50_000},
		{"has money for less than a quota", 390_000, time.Hour, 30 * time.Second, 90_000, 90_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &book{Memory: ledger.NewMemory()}
				b.fund(t, c.fund, now())
				lasted, r := talk(t, b, session.Config{Node: "n"}, c.hangUp)
				if lasted != c.lasts || r.Refund.Micros() != c.refund || !r.Short.IsZero() {
					t.Errorf("lasted %s, %+v", lasted, r)
				}
				b.has(t, c.left, 0, now())
			})
		})
	}
}

func TestGrants(t *testing.T) {
	ctx := t.Context()
	b := &book{Memory: ledger.NewMemory()}
	const at billing.Millis = 1_780_000_000_000
	b.fund(t, 99_999, at)
	s := session.New(b, session.Config{Node: "n"}, tenths{}, "s1", "a")
	if _, err := s.Start(ctx, 0, at); !errors.Is(err, session.ErrCredit) {
		t.Fatalf("less than an interval: %v", err)
	}
	b.has(t, 99_999, 0, at)
	b.fund(t, 900_001, at)
	s = session.New(b, session.Config{Node: "n"}, tenths{}, "s2", "a")
	want := session.Grant{Seconds: 60, Total: 60_000, RenewAfter: 50_000, ValidUntil: at + 90_000}
	for range 2 {
		if g, err := s.Start(ctx, 0, at); err != nil || g != want {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	b.has(t, 1_000_000, 600_000, at)
	lost, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	// 1.00 is enough for 100 s; 50 s are used.
	want = session.Grant{Seconds: 50, Total: 100_000, Final: true, ValidUntil: at + 140_000}
	if g, err := s.Update(ctx, 1, 50_000, at+50_000); err != nil || g != want {
		t.Fatalf("%+v, %v", g, err)
	}
	b.has(t, 1_000_000, 1_000_000, at+50_000)
	// A standby that missed the last answer asks again.
	standby, err := session.Restore(b, session.Config{Node: "n", Epoch: 1}, tenths{}, lost)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := standby.Update(ctx, 1, 50_000, at+50_500); err != nil || g.Total != want.Total || !g.Final {
		t.Fatalf("the standby got %+v, %v", g, err)
	}
	b.has(t, 1_000_000, 1_000_000, at+50_500)
	if _, err := s.Update(ctx, 2, 60_000, at+60_000); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the dead node: %v", err)
	}
	if _, err := standby.Update(ctx, 0, 60_000, at+60_000); !errors.Is(err, session.ErrNumber) {
		t.Errorf("an old number: %v", err)
	}
	for range 2 {
		r, err := standby.Stop(ctx, 2, 61_000, at+61_000)
		if err != nil || r.Settled.Micros() != 700_000 || r.Refund.Micros() != 300_000 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	b.has(t, 300_000, 0, at+61_000)
}

// TestLate: a renewal after the reservation was over makes another one.
func TestLate(t *testing.T) {
	b := &book{Memory: ledger.NewMemory()}
	const at billing.Millis = 1_780_000_000_000
	b.fund(t, 5_000_000, at)
	s := session.New(b, session.Config{Node: "n"}, tenths{}, "s", "a")
	if _, err := s.Start(t.Context(), 0, at); err != nil {
		t.Fatal(err)
	}
	if g, err := s.Update(t.Context(), 1, 90_000, at+90_000); err != nil || g.Total != 150_000 {
		t.Fatalf("%+v, %v", g, err)
	}
	b.has(t, 5_000_000, 1_500_000, at+90_000)
	if r, err := s.Stop(t.Context(), 2, 100_000, at+100_000); err != nil || r.Settled.Micros() != 1_000_000 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.has(t, 4_000_000, 0, at+100_000)
}

func TestUnreachable(t *testing.T) {
	const at billing.Millis = 1_780_000_000_000
	for _, c := range []struct {
		cfg  session.Config
		want []session.Grant
	}{
		{session.Config{Node: "n"}, []session.Grant{{Seconds: 10, Total: 60_000, Final: true, ValidUntil: at + 140_000}}},
		{session.Config{Node: "n", OnFailure: session.Continue, Cap: 70_000}, []session.Grant{
			{Seconds: 60, Total: 110_000, RenewAfter: 50_000, ValidUntil: at + 140_000},
			{Seconds: 30, Total: 130_000, Final: true, ValidUntil: at + 190_000},
		}},
	} {
		b := &book{Memory: ledger.NewMemory()}
		b.fund(t, 1_000_000, at)
		s := session.New(b, c.cfg, tenths{}, "s", "a")
		if _, err := s.Start(t.Context(), 0, at); err != nil {
			t.Fatal(err)
		}
		b.down = true
		used := billing.Millis(50_000)
		for n, want := range c.want {
			if g, err := s.Update(t.Context(), int64(n+1), used, at+used); err != nil || g != want {
				t.Fatalf("%+v, %v; want %+v", g, err, want)
			}
			used += 50_000
		}
		// What went on unreserved is paid as far as the money goes.
		if r, err := s.Stop(t.Context(), 9, 130_000, at+130_000); err != nil || r.Settled.Micros() != 1_000_000 || r.Short.Micros() != 300_000 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

func FuzzRestore(f *testing.F) {
	s := session.New(ledger.NewMemory(), session.Config{}, tenths{}, "s", "a")
	data, err := s.State()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"id":"s","account":"a","number":3,"granted_ms":60000,"reserved":"1.20 EUR","currency":"EUR"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := session.Restore(ledger.NewMemory(), session.Config{Node: "n"}, tenths{}, data)
		if err != nil {
			return
		}
		if _, err := s.State(); err != nil {
			t.Fatal(err)
		}
		_, _ = s.Update(t.Context(), 1<<40, 1000, 1_780_000_000_000)
	})
}
