package balance_test

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
)

// A customer has a hundred free minutes a month and tops up 10.
func Example() {
	eur := billing.MustCurrency("EUR")
	terms := &balance.Terms{Profiles: map[string]balance.Profile{"standard": {FreeTime: 6_000_000}}}
	day := billing.MillisOf(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))

	c, err := balance.Open(terms, balance.Account{
		ID: "acme", Currency: eur, Created: day,
		Assignments: []balance.Assignment{{Profiles: []balance.Mapping{{Profile: "standard"}}}},
	})
	if err != nil {
		panic(err)
	}
	if c, err = balance.Add(terms, c.Account, balance.TopUp{Ref: "payment 1", At: day, Amount: billing.NewAmount(10_000_000, eur)}); err != nil {
		panic(err)
	}
	c, receipt, err := balance.Charge(terms, c.Account, balance.Usage{
		Ref: "leg 1", Start: day, End: day + 7_200_000, FreeTime: true,
		Steps: []balance.Step{{Count: 120, Span: 7_200_000, Price: billing.MustPrice("0.10/60")}},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("free minutes:", receipt.FreeTime/60_000, "paid:", receipt.FromBalance, "left:", c.Account.Cash())
	for _, e := range c.Entries {
		fmt.Println(e.Wallet, e.Value, e.Reason)
	}
	// Output:
	// free minutes: 100 paid: 2.00 EUR left: 8.00 EUR
	// free 6000000 usage
	// cash 2000000 usage
}
