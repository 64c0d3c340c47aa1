package sample_test

import (
	"reflect"
	"testing"

	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/billing/tariff/sample"
)

func TestFees(t *testing.T) {
	fees := sample.Fees(2000, 1)
	if len(fees) != 2000 || !reflect.DeepEqual(fees, sample.Fees(2000, 1)) {
		t.Fatal("not the same for the same seed")
	}
	seen := map[string]tariff.Fee{}
	america := 0
	for _, f := range fees {
		if _, dup := seen[f.Destination]; dup {
			t.Fatalf("%s twice", f.Destination)
		}
		seen[f.Destination] = f
		if len(f.Destination) == 7 && f.Destination[0] == '1' {
			america++
		}
	}
	if america < 500 || america > 1000 {
		t.Errorf("%d of 2000 are area and office codes", america)
	}
	for _, n := range sample.Numbers(fees, 100, 1) {
		if len(n) != 12 {
			t.Errorf("number %s", n)
		}
	}
}
