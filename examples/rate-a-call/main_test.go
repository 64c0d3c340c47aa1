package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrices(t *testing.T) {
	deck := filepath.Join(t.TempDir(), "deck.csv")
	if err := os.WriteFile(deck, []byte("destination,follow_price\n1,0.06/60\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"", "Charged time 3:30, price 0.42 EUR\n"},
		{"-to 4319001 -for 5m", "Charged time 5:00, price 0.09 EUR\n"}, // four of the minutes are off-peak
		{"-to 4390012 -for 1s", "price 1.76 EUR\n"},
		{"-credit 0.50", "With 0.50 EUR the call may last 4m0s\n"},
		{"-deck " + deck + " -currency USD -to 1212 -for 10s", "Charged time 0:10, price 0.01 USD\n"},
	} {
		var out strings.Builder
		if err := run(strings.Fields(c.args), &out); err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		if !strings.HasSuffix(out.String(), c.want) {
			t.Errorf("%q gives %q, want %q", c.args, out.String(), c.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range []string{"-to 999", "-deck nowhere.csv", "-currency euro", "-zone Nowhere", "-credit much", "-at noon"} {
		if err := run(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
