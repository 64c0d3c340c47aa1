package rate_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
)

// Load a deck, build the tariff, price a call and tell why.
func Example() {
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR")})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = b.ReadCSV(strings.NewReader(`zone,destination,connect,init_price,init_interval,follow_price,follow_interval
Austria,43,0.05,0.06/60,60,0.06/60,30
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 5, 1, 19, 0, 0, 0, time.UTC)
	why, err := rate.Explain(s, rate.Call{Destination: "4319001", Start: billing.MillisOf(start), Duration: 100_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(why)
	// Output:
	// Call to 4319001 (Austria), 2026-05-01 19:00:00 +00:00, 1:40
	// Connection: 0.05 EUR
	// First 1:00 at 0.06 EUR/min: 0.06 EUR
	// From 1:00: 2 x 0:30 at 0.06 EUR/min: 0.06 EUR
	// Charged time 2:00, price 0.17 EUR
}

// How long may a prepaid customer talk?
func ExampleMaxDuration() {
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR")})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := b.Add(tariff.Fee{Rate: tariff.Rate{
		Init:   tariff.Interval{Price: billing.MustPrice("0.10/60"), Seconds: 60},
		Follow: tariff.Interval{Price: billing.MustPrice("0.10/60"), Seconds: 1},
	}}); err != nil {
		fmt.Println(err)
		return
	}
	s, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	credit, _ := billing.ParseAmount("0.25 EUR")
	d, err := rate.MaxDuration(s, rate.Call{Destination: "43", Start: 1_780_000_000_000}, credit)
	fmt.Println(d.Duration(), err)
	// Output: 2m30s <nil>
}
