package billgen

import (
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
)

// Sizes of the world: contracts of each kind.
const (
	Customers = 10_000
	Resellers = 100
	Carriers  = 8
)

// Deck is a compiled tariff.
type Deck = *tariff.Snapshot

// Decks are the tariffs of the three kinds of contracts. All have the same
// prefixes at different prices, as the decks of one chain do.
type Decks struct{ Retail, Wholesale, Carrier Deck }

// World is the tariffs and who has which. It is a chain.Directory.
type World struct {
	Fees    []tariff.Fee // of the retail deck
	Numbers []string     // that are called; a power of two of them
	Decks
	contracts map[string]chain.Terms
}

// EUR is the currency of all decks.
var EUR = billing.MustCurrency("EUR")

// NewWorld makes decks of so many prefixes.
func NewWorld(prefixes int, seed uint64) (*World, error) {
	w := &World{Fees: sample.Fees(prefixes, seed)}
	w.Numbers = sample.Numbers(w.Fees, 1<<16, seed+1)
	var err error
	// Of what the customer pays, in sixteenths.
	for deck, share := range map[*Deck]int64{&w.Retail: 16, &w.Wholesale: 11, &w.Carrier: 7} {
		if *deck, err = Compile(w.Fees, share); err != nil {
			return nil, err
		}
	}
	return w.Sell(), nil
}

// Sell gives all contracts the decks that the world has now, and returns it.
func (w *World) Sell() *World {
	w.contracts = make(map[string]chain.Terms, Customers+Resellers+Carriers)
	for i := range Resellers {
		w.contracts[reseller(i)] = chain.Terms{Snapshot: w.Wholesale, Profile: "wholesale"}
	}
	for i := range Carriers {
		w.contracts[carrier(i)] = chain.Terms{Snapshot: w.Carrier, Profile: "carrier"}
	}
	for i := range Customers {
		w.contracts[customer(i)] = chain.Terms{Snapshot: w.Retail, Profile: "retail", Parent: reseller(i % Resellers)}
	}
	return w
}

func customer(i int) string { return fmt.Sprintf("c%05d", i) }
func reseller(i int) string { return fmt.Sprintf("r%03d", i) }
func carrier(i int) string  { return fmt.Sprintf("x%d", i) }

// Compile builds a deck at a share, in sixteenths, of the prices of fees.
func Compile(fees []tariff.Fee, share int64) (*tariff.Snapshot, error) {
	b, err := tariff.NewBuilder(tariff.Config{Currency: EUR, Windows: sample.Windows()})
	if err != nil {
		return nil, err
	}
	for _, f := range fees {
		if f.Rate, err = part(f.Rate, share); err != nil {
			return nil, err
		}
		named := make(map[string]tariff.Rate, len(f.Named))
		for name, r := range f.Named {
			if named[name], err = part(r, share); err != nil {
				return nil, err
			}
		}
		f.Named = named
		if err := b.Add(f); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

func part(r tariff.Rate, share int64) (tariff.Rate, error) {
	for _, i := range []*tariff.Interval{&r.Init, &r.Follow} {
		p, err := billing.NewPrice(i.Price.Pico()/16*share, int(i.Price.Per()))
		if err != nil {
			return r, err
		}
		i.Price = p
	}
	return r, nil
}

// Terms implements chain.Directory.
func (w *World) Terms(r chain.Ref, _ billing.Millis, _ netip.Addr) (chain.Terms, error) {
	t, ok := w.contracts[r.Account]
	if !ok {
		return t, fmt.Errorf("no contract %q", r.Account)
	}
	return t, nil
}

// WriteCSV writes the retail deck in this project's own layout.
func (w *World) WriteCSV(to io.Writer) error { return tariff.WriteCSV(to, slices.Values(w.Fees)) }
