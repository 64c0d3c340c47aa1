package tariff_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// TestWriteCSV: a deck that is written and read again is the same tariff.
func TestWriteCSV(t *testing.T) {
	cfg := tariff.Config{Windows: windows(t, "offpeak sat,sun 00:00-24:00", "night mon-fri 00:00-06:00")}
	rich := per("-0.000000000001/7", 0)
	rich.FreeTime, rich.Extra = true, tariff.Extra{Second: 30, Price: billing.MustPrice("0.5/3")}
	rich.Tiers = []tariff.Tier{{Start: 60, Interval: tariff.Interval{Price: billing.MustPrice("1/60"), Seconds: 30}}, {Start: 90, Connect: billing.NewAmount(5, eur)}}
	b := builder(t, cfg)
	for _, f := range []tariff.Fee{
		{ID: "a", Destination: "43", Rate: per("0.10/60", 60)},
		{Destination: "431", Source: "49", Zone: `V"i, e`, Rate: per("0.1", 6), Named: map[string]tariff.Rate{"offpeak": rich}},
		{Direction: billing.In, Service: tariff.SMS, Mode: tariff.RegexMatch, Destination: `^(1|2),"`, Rate: rich, Named: map[string]tariff.Rate{"night": per("1", 1)}},
		{Destination: "44", Connect: billing.NewAmount(-7, eur), Cap: tariff.Cap{Amount: billing.NewAmount(10, eur), Action: tariff.CapDisconnect}},
	} {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	want, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var deck bytes.Buffer
	if err := tariff.WriteCSV(&deck, b.Fees()); err != nil {
		t.Fatal(err)
	}
	c := builder(t, cfg)
	if err := c.ReadCSV(strings.NewReader(deck.String())); err != nil {
		t.Fatalf("%v\n%s", err, deck.String())
	}
	got, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	if got.Hash() != want.Hash() {
		t.Errorf("another tariff came back:\n%s", deck.String())
	}
}
