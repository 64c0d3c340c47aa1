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

func TestParsePrice(t *testing.T) {
	for _, c := range []struct {
		in, want string
		err      error
	}{
		{"0.10/60", "0.1/60", nil},
		{"0.1666666667", "0.1666666667", nil},
		{"-2/1", "-2", nil},
		{"0.000000000001/86400", "0.000000000001/86400", nil},
		{"9223372.036854775807", "9223372.036854775807", nil},
		{"9223372.036854775808", "", billing.ErrOverflow},
		{"0.0000000000001", "", billing.ErrPrecision},
		{"1/0", "", billing.ErrSyntax},
		{"1/1073741825", "", billing.ErrSyntax},
		{"1/-60", "", billing.ErrSyntax},
		{"1/+60", "", billing.ErrSyntax},
		{"1/", "", billing.ErrSyntax},
		{"/60", "", billing.ErrSyntax},
	} {
		p, err := billing.ParsePrice(c.in)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.in, err, c.err)
		} else if err == nil && p.String() != c.want {
			t.Errorf("%q: %s, want %s", c.in, p, c.want)
		}
	}
	var p billing.Price
	if p.Per() != 1 || !p.IsZero() || p.String() != "0" {
		t.Errorf("zero price is %s", p)
	}
	if err := json.Unmarshal([]byte(`"0.05/60"`), &p); err != nil || p != billing.MustPrice("0.05/60") {
		t.Errorf("JSON: %s, %v", p, err)
	}
}

// TestCost has worked examples: price, seconds, result.
func TestCost(t *testing.T) {
	type part struct {
		price string
		span  billing.Millis
	}
	for _, c := range []struct {
		name  string
		parts []part
		want  string
	}{
		// The minute at 10 per minute is 10, where a price per second with ten
		// places, 0.1666666667, would make it 10.000000002.
		{"per minute", []part{{"10/60", 60_000}}, "10.00 EUR"},
		// A third of a cent three times over is the cent; each part rounded to
		// six places would make 0.009999.
		{"thirds", []part{{"0.01/3", 1_000}, {"0.01/3", 1_000}, {"0.01/3", 1_000}}, "0.01 EUR"},
		// 30 s at 0.20/60 = 0.10, and 12 s at 0.05/7 = 0.0857142857...: together 0.185714.
		{"two denominators", []part{{"0.20/60", 30_000}, {"0.05/7", 12_000}}, "0.185714 EUR"},
		// Half of a millionth is rounded up.
		{"half", []part{{"0.000001/2", 1_000}}, "0.000001 EUR"},
		{"credit", []part{{"-0.10/60", 90_000}}, "-0.15 EUR"},
		{"milliseconds", []part{{"1/1", 1}}, "0.001 EUR"},
		{"nothing", nil, "0.00 EUR"},
	} {
		var cost billing.Cost
		for _, p := range c.parts {
			if err := cost.Add(billing.MustPrice(p.price), p.span); err != nil {
				t.Fatal(err)
			}
		}
		got, err := cost.Round(eur, billing.Rounding{})
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

func TestCostOverflow(t *testing.T) {
	huge, err := billing.NewPrice(math.MaxInt64, 1)
	if err != nil {
		t.Fatal(err)
	}
	var c billing.Cost
	for range 3 {
		err = c.Add(huge, math.MaxInt64)
		if err != nil {
			break
		}
	}
	if err == nil {
		_, err = c.Round(eur, billing.Rounding{})
	}
	if !errors.Is(err, billing.ErrOverflow) {
		t.Errorf("%v", err)
	}
	if err := c.AddUnits(huge, math.MaxInt64); !errors.Is(err, billing.ErrOverflow) {
		t.Errorf("units: %v", err)
	}
	if err := c.AddAmount(billing.NewAmount(math.MaxInt64, eur)); err != nil {
		t.Errorf("the largest amount: %v", err)
	}
}

func TestQuotient(t *testing.T) {
	cost := func(price string, span billing.Millis) (c billing.Cost) {
		if err := c.Add(billing.MustPrice(price), span); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		a, b billing.Cost
		want int64
	}{
		{cost("1/60", 60_000), cost("0.01/3", 3_000), 100},
		{cost("1", 999), cost("1", 1000), 0},
		{cost("9223372", 1<<40), cost("0.000000000001", 1), math.MaxInt64},
		{cost("9223372", 1<<40), cost("9223372", 1<<39), 2},
		{billing.Cost{}, cost("1", 1), 0},
		{cost("1", 1), billing.Cost{}, 0},
		{cost("-1", 1), cost("1", 1), 0},
	} {
		if got := c.a.Quotient(c.b); got != c.want {
			t.Errorf("%+v in %+v: %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

// TestCostAgainstRat: sums of any prices agree with fractions of unbounded
// integers, at every rounding.
func TestCostAgainstRat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cost billing.Cost
		want := new(big.Rat)
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			p, err := billing.NewPrice(rapid.Int64Range(-1e15, 1e15).Draw(t, "pico"), rapid.SampledFrom([]int{1, 6, 30, 60, 97, 3600}).Draw(t, "per"))
			if err != nil {
				t.Fatal(err)
			}
			span := rapid.Int64Range(0, 1e9).Draw(t, "span")
			if err := cost.Add(p, billing.Millis(span)); err != nil {
				t.Fatal(err)
			}
			r := big.NewRat(p.Pico(), 1e9) // pico-units x ms to units x s
			r.Quo(r, big.NewRat(1e6, 1))
			r.Mul(r, big.NewRat(span, p.Per()))
			want.Add(want, r)
		}
		mode := billing.Mode(rapid.IntRange(0, 3).Draw(t, "mode"))
		places := rapid.IntRange(0, 6).Draw(t, "places")
		r, err := billing.NewRounding(mode, places, billing.ScopeLeg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cost.Round(eur, r)
		if w := roundRat(want, mode, places); !w.IsInt64() {
			if !errors.Is(err, billing.ErrOverflow) {
				t.Fatalf("%v, %v; want an overflow", got, err)
			}
		} else if err != nil || got.Micros() != w.Int64() {
			t.Fatalf("%v, %v; want %v micro-units", got, err, w)
		}
		if cost.Sign() != want.Sign() {
			t.Fatalf("sign %d, want %d", cost.Sign(), want.Sign())
		}
	})
}

// roundRat is the naive rounding that the package is held against: units in,
// micro-units out.
func roundRat(r *big.Rat, mode billing.Mode, places int) *big.Int {
	ten := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(r), new(big.Rat).SetInt(ten(places)))
	q, rest := new(big.Int).QuoRem(scaled.Num(), scaled.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(scaled.Denom())
	if mode == billing.Up && rest.Sign() > 0 ||
		mode == billing.HalfUp && half >= 0 ||
		mode == billing.HalfEven && (half > 0 || half == 0 && q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	q.Mul(q, ten(6-places))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return q
}
