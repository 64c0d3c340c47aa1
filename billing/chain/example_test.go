package chain_test

import (
	"fmt"
	"net/netip"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/tariff"
)

// tariffs is a directory without history: one tariff for each contract.
type tariffs map[string]chain.Terms

func (t tariffs) Terms(r chain.Ref, _ billing.Millis, _ netip.Addr) (chain.Terms, error) {
	return t[r.Account], nil
}

// deck makes a tariff of one price per minute for everything.
func deck(perMinute string) *tariff.Snapshot {
	b, err := tariff.NewBuilder(tariff.Config{Currency: billing.MustCurrency("EUR")})
	if err != nil {
		panic(err)
	}
	i := tariff.Interval{Price: billing.MustPrice(perMinute + "/60"), Seconds: 60}
	for _, d := range []billing.Direction{billing.Out, billing.In} {
		if err := b.Add(tariff.Fee{Direction: d, Rate: tariff.Rate{Init: i, Follow: i}}); err != nil {
			panic(err)
		}
	}
	s, err := b.Build()
	if err != nil {
		panic(err)
	}
	return s
}

// A customer of a reseller calls a foreign network: three parties.
func Example() {
	r := chain.Rater{Directory: tariffs{
		"customer": {Snapshot: deck("0.10"), Parent: "reseller"},
		"reseller": {Snapshot: deck("0.07")},
		"carrier":  {Snapshot: deck("0.04")},
	}}
	parties, err := r.Rate(nil, &billing.CDR{
		Status: billing.StatusOK, Start: 1_780_000_000_000, Duration: 90_000,
		Caller: billing.Endpoint{Account: "customer", Number: "4319001"},
		Callee: billing.Endpoint{Peer: "carrier", Number: "4930123"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range parties {
		fmt.Println(p.Side, p.Role, p.Account, p.Amount)
	}
	// Output:
	// caller customer customer 0.20 EUR
	// caller reseller reseller 0.14 EUR
	// caller carrier carrier 0.08 EUR
}
