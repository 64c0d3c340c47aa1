package billgen_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// TestLoad: the load has the shares that it promises, the record of a call is
// what mediation makes of its events, and every call can be priced.
func TestLoad(t *testing.T) {
	w, err := billgen.NewWorld(2000, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := billgen.Load{World: w, Seed: 7, Calls: 4000}
	m := mediate.New(mediate.Config{})
	rater := chain.Rater{Directory: w}
	answered, crossing := 0, 0
	var seconds billing.Millis
	for n := range l.Calls {
		var got []billing.CDR
		for i, e := range l.Events(nil, n) {
			if got, err = m.Feed(got, uint64(i), e); err != nil {
				t.Fatal(err)
			}
		}
		want := l.CDR(n)
		if len(got) == 1 {
			got[0].Generation = 1
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Fatalf("call %d: %+v, want %+v", n, got, want)
		}
		parties, err := rater.Rate(nil, &want)
		if err != nil || len(parties) != 3 {
			t.Fatalf("call %d: %d parties, %v", n, len(parties), err)
		}
		if want.Chargeable() {
			answered++
			seconds += want.Duration / 1000
			a, b := want.Start.Time().UTC(), want.End.Time().UTC()
			border := time.Date(a.Year(), a.Month(), a.Day(), 18, 0, 0, 0, time.UTC)
			if a.Before(border) && b.After(border) {
				crossing++
			}
		}
	}
	if mean := int(seconds) / answered; answered < 2700 || answered > 2900 || mean < 150 || mean > 230 || crossing < 250 || crossing > 420 {
		t.Errorf("%d answered, mean %d s, %d over a border", answered, mean, crossing)
	}
}

// TestCSV: the deck read back has the same prices.
func TestCSV(t *testing.T) {
	w, err := billgen.NewWorld(500, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tariff.NewBuilder(tariff.Config{Currency: billgen.EUR, Windows: sample.Windows()})
	var deck bytes.Buffer
	if err == nil {
		err = errors.Join(w.WriteCSV(&deck), b.ReadCSV(&deck))
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		c := (&billgen.Load{World: w, Seed: 1, Calls: 300}).CDR(n)
		got, err := rate.Rate(s, rate.CallOf(&c, billing.Out), rate.Options{})
		want, err2 := rate.Rate(w.Retail, rate.CallOf(&c, billing.Out), rate.Options{})
		if err != nil || err2 != nil || got.Amount != want.Amount {
			t.Fatalf("call %d: %v, %v; %v, %v", n, got.Amount, err, want.Amount, err2)
		}
	}
}
