package redisledger_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/redisledger"
	"github.com/redis/go-redis/v9"
)

// A call is granted from a lease that the ledger below holds.
func Example() {
	ctx := context.Background()
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()

	below := ledger.NewMemory()
	l := redisledger.New(client, below, redisledger.Config{Chunk: 500_000})
	request := func(key string) ledger.Request {
		return ledger.Request{Key: key, Node: "proxy1", Account: "acme", At: 1_780_000_000_000}
	}
	_, err = l.Post(ctx, ledger.Posting{Request: request("payment 17"), Effect: ledger.Effect{Entries: []balance.Entry{
		{Account: "acme", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -5_000_000, Reason: balance.ReasonTopUp},
	}}})
	if err != nil {
		panic(err)
	}
	a, err := l.Reserve(ctx, ledger.Reservation{Request: request("call 1"), Hold: "call 1", Value: 100_000, Until: 1_780_000_090_000})
	if err != nil {
		panic(err)
	}
	b, err := below.Balance(ctx, "acme", balance.CashWallet, 1_780_000_000_000)
	if err != nil {
		panic(err)
	}
	fmt.Println("granted", a.Granted, "leased", b.Held)
	// Output: granted 100000 leased 500000
}
