package billing_test

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// A minute and a half at ten cents a minute and a connect fee, rounded once.
func ExampleCost() {
	eur := billing.MustCurrency("EUR")
	connect, _ := billing.ParseAmount("0.05 EUR")

	var cost billing.Cost
	if err := cost.Add(billing.MustPrice("0.10/60"), 90_000); err != nil {
		fmt.Println(err)
	}
	if err := cost.AddAmount(connect); err != nil {
		fmt.Println(err)
	}
	sum, err := cost.Round(eur, billing.Rounding{})
	fmt.Println(sum, err)
	// Output: 0.20 EUR <nil>
}

// The standby that took the call over names the leg as the first node did.
func ExampleEvent_Key() {
	e := billing.Event{
		Kind: billing.EventStop, CallID: "a84b4c76e66710", FromTag: "1928301774",
		Init: 1_780_000_000_000, Start: 1_780_000_004_000, At: 1_780_000_064_000,
		Caller: billing.Endpoint{User: "alice", Domain: "example.org"}, Node: "proxy1a",
	}
	first := e.Key()
	e.Node = "proxy1b"
	fmt.Println(e.Key() == first, e.Validate())
	// Output: true <nil>
}
