package scenario_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/class5-go/class5/billing/scenario"
)

// A night rate begins during a call.
func Example() {
	f, err := scenario.Read(strings.NewReader(`{
		"format": "class5-rating/1",
		"zone": "Europe/Vienna",
		"fee": {"price": "0.10/60", "interval": 60, "rates": {"night": {"price": "0.04/60", "interval": 60}}},
		"calendar": {"windows": ["night mon-sun 22:00-24:00", "night mon-sun 00:00-06:00"]},
		"timeline": [{"at": "2026-05-04T21:58:30", "call": {"to": "4930123", "duration": "3m30s"}}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := scenario.Run(context.Background(), f)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := a.Steps[0].Call
	fmt.Println("price", c.Price, "for", c.Charged, "s")
	for _, p := range c.Fragments {
		fmt.Println("from", p.Offset, p.States[0], p.Prices[0])
	}
	// Output:
	// price 0.28 for 240 s
	// from 0 default 0.2
	// from 90 night 0.08
}
