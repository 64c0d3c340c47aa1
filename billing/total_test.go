package billing_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
)

// TestTotal: four times the largest amount passes an Amount and not a Total.
func TestTotal(t *testing.T) {
	var total billing.Total
	most := billing.NewAmount(math.MaxInt64, eur)
	for range 4 {
		if err := total.Add(most); err != nil {
			t.Fatal(err)
		}
	}
	if got := total.String(); got != "36893488147419.103228 EUR" {
		t.Errorf("sum %s", got)
	}
	if _, err := total.Amount(); !errors.Is(err, billing.ErrOverflow) {
		t.Errorf("as an amount: %v", err)
	}
	if err := total.Add(billing.NewAmount(1, billing.MustCurrency("USD"))); !errors.Is(err, billing.ErrCurrency) {
		t.Errorf("mixed currency: %v", err)
	}
	for range 3 {
		if err := total.Sub(most); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := total.Amount(); err != nil || a != most || total.Currency() != eur {
		t.Errorf("back to %v, %v", a, err)
	}
	raw, err := json.Marshal(total)
	if err != nil {
		t.Fatal(err)
	}
	var again billing.Total
	if err := json.Unmarshal(raw, &again); err != nil || again != total {
		t.Errorf("JSON %s became %v, %v", raw, again, err)
	}
}

// TestTotalGrouping: any grouping of the same amounts gives the same total.
func TestTotalGrouping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOf(genAmount()).Draw(t, "amounts")
		cut := rapid.IntRange(0, len(amounts)).Draw(t, "cut")
		var all, left, right billing.Total
		want := new(big.Int)
		for i, a := range amounts {
			part := &left
			if i >= cut {
				part = &right
			}
			if all.Add(a) != nil || part.Add(a) != nil {
				t.Fatal("overflow")
			}
			want.Add(want, big.NewInt(a.Micros()))
		}
		if err := right.Merge(left); err != nil || right != all {
			t.Fatalf("%v and %v, %v", right, all, err)
		}
		if got, err := all.Amount(); want.IsInt64() && (err != nil || got.Micros() != want.Int64()) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
	})
}
