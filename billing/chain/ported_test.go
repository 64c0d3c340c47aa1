package chain_test

import (
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
)

func TestPortings(t *testing.T) {
	p := chain.NewPortings([]chain.Porting{
		{Prefix: "43664", Provider: "a", NumberType: "mobile"}, {Prefix: "436641", Provider: "b", From: 100, To: 200},
		{Prefix: "436641", Provider: "c", From: 150, To: 200}, {Prefix: "1", Provider: "d", To: 50},
	})
	for _, c := range []struct {
		number string
		at     billing.Millis
		want   string
	}{
		{"4366412", 99, "a mobile"}, {"4366412", 100, "b "}, {"4366412", 150, "c "}, {"4366412", 200, "a mobile"},
		{"43664", 1, "a mobile"}, {"4366", 1, " "}, {"12", 49, "d "}, {"12", 50, " "}, {"", 1, " "},
	} {
		if a, b := p.Ported(c.number, c.at); a+" "+b != c.want {
			t.Errorf("%s at %d: %s %s, want %s", c.number, c.at, a, b, c.want)
		}
	}
}
