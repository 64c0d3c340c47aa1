package fraud_test

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/fraud"
)

// A daily limit of 50 that bars outgoing calls and cuts running ones.
func Example() {
	eur := billing.MustCurrency("EUR")
	limits := fraud.Limits{Day: &fraud.Money{
		Limit: billing.NewAmount(50_000_000, eur), Action: fraud.Action{Lock: 2, Cut: true, Notify: true},
	}}
	end := billing.MillisOf(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	call := fraud.Spent{End: end, Customer: billing.NewAmount(42_000_000, eur), Calls: 1}
	reserved := billing.NewAmount(9_000_000, eur) // by calls that are running
	_, verdict, err := fraud.Add(fraud.Counter{}, limits, call, reserved, time.UTC)
	fmt.Println(verdict.Lock, verdict.Cut, verdict.Notify, err)
	for _, r := range verdict.Reasons {
		fmt.Println(r.Period, r.Spent, "of", r.Limit)
	}
	// Output:
	// 2 true true <nil>
	// day 51.00 EUR of 50.00 EUR
}
