package ledger_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
)

// Money for a minute is set aside, and less of it is used. Sending the last
// request again changes nothing.
func Example() {
	ctx := context.Background()
	l := ledger.NewMemory()
	request := func(key string) ledger.Request {
		return ledger.Request{Key: key, Node: "proxy1", Epoch: 1, Account: "acme", At: 1_780_000_000_000}
	}
	_, err := l.Post(ctx, ledger.Posting{Request: request("payment 17"), Effect: ledger.Effect{Entries: []balance.Entry{
		{Account: "acme", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -5_000_000, Reason: balance.ReasonTopUp},
	}}})
	if err != nil {
		panic(err)
	}
	a, err := l.Reserve(ctx, ledger.Reservation{Request: request("call 1 request 0"), Hold: "call 1", Value: 100_000, Until: 1_780_000_090_000})
	if err != nil {
		panic(err)
	}
	fmt.Println("held", a.Held, "available", a.Available)
	stop := ledger.Settlement{Request: request("call 1 stop"), Hold: "call 1", Value: 35_000, Ref: "leg 1"}
	if a, err = l.Settle(ctx, stop); err != nil {
		panic(err)
	}
	fmt.Println("settled", a.Settled, "balance", a.Balance)
	_, err = l.Settle(ctx, stop)
	fmt.Println(errors.Is(err, ledger.ErrDuplicate), err)
	// Output:
	// held 100000 available 4900000
	// settled 35000 balance 4965000
	// true ledger: duplicate
}
