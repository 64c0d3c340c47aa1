package billing_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
)

// TestWideTotals: totals far above an amount are written and read again.
func TestWideTotals(t *testing.T) {
	var sum billing.Total
	most := billing.NewAmount(1<<63-1, eur)
	for range 1000 {
		if err := sum.Add(most); err != nil {
			t.Fatal(err)
		}
	}
	if sum.String() != "9223372036854775.807 EUR" {
		t.Errorf("%s", sum)
	}
	v, err := sum.Value()
	if err != nil {
		t.Fatal(err)
	}
	var again billing.Total
	if err := again.Scan(v); err != nil || again != sum {
		t.Errorf("%s, %v", again, err)
	}
	for text, want := range map[string]error{
		"": billing.ErrSyntax, "1 EU": billing.ErrCurrency, "1 ": billing.ErrSyntax, "0.0000001 EUR": billing.ErrPrecision,
		"999999999999999999999999999999999999999999 EUR": billing.ErrOverflow,
	} {
		if err := again.UnmarshalText([]byte(text)); !errors.Is(err, want) || again != sum {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSQLTexts(t *testing.T) {
	price := billing.MustPrice("0.10/1048576")
	v, err := price.Value()
	if err != nil {
		t.Fatal(err)
	}
	var p billing.Price
	if err := p.Scan(v); err != nil || p != price {
		t.Errorf("%v, %v", p, err)
	}
	r, err := billing.ParseRounding("down 2 increment")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = r.Value(); err != nil {
		t.Fatal(err)
	}
	var s billing.Rounding
	if err := s.Scan([]byte(v.(string))); err != nil || s != r {
		t.Errorf("%v, %v", s, err)
	}
	if v, err = eur.Value(); err != nil {
		t.Fatal(err)
	}
	var c billing.Currency
	if err := c.Scan(v); err != nil || c != eur {
		t.Errorf("%v, %v", c, err)
	}
	if err := c.Scan(int64(1)); !errors.Is(err, billing.ErrSyntax) || c != eur {
		t.Errorf("a number as a currency: %v", err)
	}
}

// TestCosts: sums, order and shares of exact costs against unbounded fractions.
func TestCosts(t *testing.T) {
	gen := func(t *rapid.T, what string) (billing.Cost, *big.Rat) {
		pico, per := rapid.Int64Range(-1e15, 1e15).Draw(t, what), rapid.SampledFrom([]int{1, 7, 60, 3600}).Draw(t, what+" per")
		p, err := billing.NewPrice(pico, per)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.Int64Range(0, 1e6).Draw(t, what+" units")
		var c billing.Cost
		if err := c.AddUnits(p, n); err != nil {
			t.Fatal(err)
		}
		r := big.NewRat(pico, int64(per))
		return c, r.Mul(r, big.NewRat(n, 1))
	}
	rapid.Check(t, func(t *rapid.T) {
		a, x := gen(t, "a")
		b, y := gen(t, "b")
		if got, err := a.Cmp(b); err != nil || got != x.Cmp(y) {
			t.Fatalf("order %d, %v; want %d", got, err, x.Cmp(y))
		}
		num, den := rapid.Int64Range(-1000, 1000).Draw(t, "num"), rapid.Int64Range(1, 1000).Draw(t, "den")
		share, err := a.Share(num, den)
		if err != nil {
			t.Fatal(err)
		}
		if err := share.Merge(b); err != nil {
			t.Fatal(err)
		}
		want := new(big.Rat).Mul(x, big.NewRat(num, den))
		want.Add(want, y)
		got, err := share.Round(eur, mustRounding(t, "down 6"))
		if err != nil {
			return // larger than an amount
		}
		micro := new(big.Rat).Mul(want, big.NewRat(1, 1_000_000))
		if q := new(big.Int).Quo(micro.Num(), micro.Denom()); q.Int64() != got.Micros() {
			t.Fatalf("%v, want %v", got, q)
		}
	})
	var c billing.Cost
	if _, err := c.Share(1, 0); !errors.Is(err, billing.ErrSyntax) {
		t.Errorf("a share of a zeroth: %v", err)
	}
}

func mustRounding(t *rapid.T, text string) billing.Rounding {
	r, err := billing.ParseRounding(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNewKinds: transfers and forwards go through both codecs and are checked.
func TestNewKinds(t *testing.T) {
	e := change(func(e *billing.Event) {
		e.Kind, e.Refer, e.Callee.Peer, e.Code = billing.EventTransfer, "next@host", "carrier-7", 0
	})
	b, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var got billing.Event
	if err := got.UnmarshalBinary(b); err != nil || got.Refer != e.Refer || got.Callee.Peer != e.Callee.Peer {
		t.Errorf("%+v, %v", got, err)
	}
	e.Refer = ""
	if err := e.Validate(); !errors.Is(err, billing.ErrEvent) {
		t.Errorf("a transfer to nowhere: %v", err)
	}
	var old billing.Event
	if err := old.UnmarshalJSON([]byte(`{"v":1,"kind":"forward","call_id":"c","from_tag":"f","leg":1,"type":"cfb","init":1,"at":2,"caller":{},"callee":{}}`)); err != nil ||
		old.Kind != billing.EventForward || old.Type != billing.CallForwardBusy {
		t.Errorf("%+v, %v", old, err)
	}
}
