package session_test

import (
	"context"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/session"
)

// A call of 0.10 for ten seconds on an account with 0.75.
func Example() {
	ctx := context.Background()
	l := ledger.NewMemory()
	const now billing.Millis = 1_780_000_000_000
	_, err := l.Post(ctx, ledger.Posting{
		Request: ledger.Request{Key: "payment", Node: "web", Account: "acme", At: now},
		Effect:  ledger.Effect{Entries: []balance.Entry{{Account: "acme", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -750_000}}},
	})
	if err != nil {
		panic(err)
	}
	s := session.New(l, session.Config{Node: "proxy1"}, tenths{}, "call 1", "acme")
	g, err := s.Start(ctx, 0, now)
	fmt.Println(g.Seconds, g.Final, err)
	g, err = s.Update(ctx, 1, 50_000, now+50_000)
	fmt.Println(g.Seconds, g.Final, err)
	r, err := s.Stop(ctx, 2, 64_000, now+64_000)
	fmt.Println(r.Price, r.Refund, err)
	// Output:
	// 60 false <nil>
	// 20 true <nil>
	// 0.70 EUR 0.05 EUR <nil>
}
