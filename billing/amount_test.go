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

var eur = billing.MustCurrency("EUR")

func amount(t *testing.T, s string) billing.Amount {
	t.Helper()
	a, err := billing.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // canonical text, "" where err is expected
		err  error
	}{
		{"0", "0.00", nil},
		{"12.5 EUR", "12.50 EUR", nil},
		{"-0.000001 USD", "-0.000001 USD", nil},
		{"-0", "0.00", nil},
		{"007.10", "7.10", nil},
		{"0.2000000000 EUR", "0.20 EUR", nil}, // ten places as decks in the field have them
		{"9223372036854.775807", "9223372036854.775807", nil},
		{"-9223372036854.775808", "-9223372036854.775808", nil},
		{"9223372036854.775808", "", billing.ErrOverflow},
		{"-9223372036854.775809", "", billing.ErrOverflow},
		{"99999999999999999999999999999999999999999", "", billing.ErrOverflow},
		{"0.0000001", "", billing.ErrPrecision},
		{"", "", billing.ErrSyntax},
		{"-", "", billing.ErrSyntax},
		{"1.", "", billing.ErrSyntax},
		{".5", "", billing.ErrSyntax},
		{"+1", "", billing.ErrSyntax},
		{"1e3", "", billing.ErrSyntax},
		{"1,000.00", "", billing.ErrSyntax},
		{"1.00 ", "", billing.ErrSyntax},
		{"1.0000000x", "", billing.ErrSyntax},
		{" 1.00", "", billing.ErrCurrency},
		{"1.00 eur", "", billing.ErrCurrency},
		{"1.00 EURO", "", billing.ErrCurrency},
		{"1.00 EUR EUR", "", billing.ErrCurrency},
		{"0000000000000000000000000000000000000000000000000000000000000000000001", "", billing.ErrSyntax},
	} {
		a, err := billing.ParseAmount(c.in)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: error %v, want %v", c.in, err, c.err)
			continue
		}
		if c.err == nil && a.String() != c.want {
			t.Errorf("%q: %s, want %s", c.in, a, c.want)
		}
	}
}

func TestArithmetic(t *testing.T) {
	most := billing.NewAmount(math.MaxInt64, eur)
	least := billing.NewAmount(math.MinInt64, eur)
	one := billing.NewAmount(1, eur)
	none := billing.Amount{}
	usd := billing.NewAmount(1, billing.MustCurrency("USD"))
	for _, c := range []struct {
		name string
		got  func() (billing.Amount, error)
		want billing.Amount
		err  error
	}{
		{"neutral zero", func() (billing.Amount, error) { return none.Add(one) }, one, nil},
		{"add to the brim", func() (billing.Amount, error) { return most.Add(one) }, none, billing.ErrOverflow},
		{"add down", func() (billing.Amount, error) { return least.Add(least) }, none, billing.ErrOverflow},
		{"sub", func() (billing.Amount, error) { return least.Sub(one) }, none, billing.ErrOverflow},
		{"sub itself", func() (billing.Amount, error) { return least.Sub(least) }, billing.NewAmount(0, eur), nil},
		{"no positive twin", func() (billing.Amount, error) { return least.Neg() }, none, billing.ErrOverflow},
		{"neg", func() (billing.Amount, error) { return most.Neg() }, billing.NewAmount(-math.MaxInt64, eur), nil},
		{"mul", func() (billing.Amount, error) { return one.Mul(math.MinInt64) }, least, nil},
		{"mul twin", func() (billing.Amount, error) { return least.Mul(-1) }, none, billing.ErrOverflow},
		{"mul zero", func() (billing.Amount, error) { return least.Mul(0) }, billing.NewAmount(0, eur), nil},
		{"mixed", func() (billing.Amount, error) { return one.Add(usd) }, none, billing.ErrCurrency},
		{"mixed sub", func() (billing.Amount, error) { return one.Sub(usd) }, none, billing.ErrCurrency},
		// 20 % tax of 0.000001 is 0.0000002: nothing, half up to six places.
		{"ratio", func() (billing.Amount, error) { return one.MulRatio(20, 100, billing.Rounding{}) }, billing.NewAmount(0, eur), nil},
		{"ratio of all", func() (billing.Amount, error) { return least.MulRatio(-7, -7, billing.Rounding{}) }, least, nil},
		{"ratio by zero", func() (billing.Amount, error) { return one.MulRatio(1, 0, billing.Rounding{}) }, none, billing.ErrSyntax},
		{"ratio too large", func() (billing.Amount, error) { return most.MulRatio(2, 1, billing.Rounding{}) }, none, billing.ErrOverflow},
	} {
		got, err := c.got()
		if !errors.Is(err, c.err) || got != c.want {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, err, c.want, c.err)
		}
	}
}

// TestRounding shows each mode on both sides of zero, at two places.
func TestRounding(t *testing.T) {
	for _, c := range []struct{ in, halfUp, halfEven, up, down string }{
		{"1.004999 EUR", "1.00 EUR", "1.00 EUR", "1.01 EUR", "1.00 EUR"},
		{"1.005 EUR", "1.01 EUR", "1.00 EUR", "1.01 EUR", "1.00 EUR"},
		{"1.015 EUR", "1.02 EUR", "1.02 EUR", "1.02 EUR", "1.01 EUR"},
		{"-1.005 EUR", "-1.01 EUR", "-1.00 EUR", "-1.01 EUR", "-1.00 EUR"},
		{"-0.000001 EUR", "0.00 EUR", "0.00 EUR", "-0.01 EUR", "0.00 EUR"},
		{"2.00 EUR", "2.00 EUR", "2.00 EUR", "2.00 EUR", "2.00 EUR"},
	} {
		for mode, want := range map[billing.Mode]string{
			billing.HalfUp: c.halfUp, billing.HalfEven: c.halfEven, billing.Up: c.up, billing.Down: c.down,
		} {
			r, err := billing.NewRounding(mode, 2, billing.ScopeLeg)
			if err != nil {
				t.Fatal(err)
			}
			got, err := amount(t, c.in).Round(r)
			if err != nil || got.String() != want {
				t.Errorf("%s %s: %s, %v; want %s", c.in, r, got, err, want)
			}
		}
	}
}

func TestParseRounding(t *testing.T) {
	for in, want := range map[string]string{
		"half-up": "half-up 6 leg", "down 0": "down 0 leg", "half-even 2 increment": "half-even 2 increment",
		"up 7": "", "sideways": "", "": "", "up 2 leg more": "", "up 2 call": "", "up two": "",
	} {
		r, err := billing.ParseRounding(in)
		if want == "" {
			if !errors.Is(err, billing.ErrSyntax) {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, r, err, want)
		}
	}
	if got := (billing.Rounding{}).String(); got != "half-up 6 leg" {
		t.Errorf("default is %s", got)
	}
	for _, bad := range []func() (billing.Rounding, error){
		func() (billing.Rounding, error) { return billing.NewRounding(billing.Up, 7, billing.ScopeLeg) },
		func() (billing.Rounding, error) { return billing.NewRounding(billing.Up, -1, billing.ScopeLeg) },
		func() (billing.Rounding, error) { return billing.NewRounding(9, 2, billing.ScopeLeg) },
	} {
		if _, err := bad(); err == nil {
			t.Error("an impossible policy was made")
		}
	}
}

func genAmount() *rapid.Generator[billing.Amount] {
	return rapid.Custom(func(t *rapid.T) billing.Amount {
		return billing.NewAmount(rapid.Int64().Draw(t, "micros"), eur)
	})
}

// TestAmountText: text, JSON and SQL bring back the very same amount.
func TestAmountText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := genAmount().Draw(t, "amount")
		if b, err := billing.ParseAmount(a.String()); err != nil || b != a {
			t.Fatalf("text: %v became %v, %v", a, b, err)
		}
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var b, c, d billing.Amount
		if err := json.Unmarshal(raw, &b); err != nil || b != a {
			t.Fatalf("JSON: %v became %v, %v", a, b, err)
		}
		v, err := a.Value()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Scan(v); err != nil || c != a {
			t.Fatalf("SQL: %v became %v, %v", a, c, err)
		}
		d = billing.NewAmount(0, eur)
		if err := d.Scan([]byte(a.Decimal())); err != nil || d != a {
			t.Fatalf("DECIMAL: %v became %v, %v", a, d, err)
		}
	})
}

func TestScanRefuses(t *testing.T) {
	a := billing.NewAmount(5, eur)
	for _, src := range []any{int64(5), 0.5, true, "five"} {
		if err := a.Scan(src); err == nil {
			t.Errorf("%v of %T was taken", src, src)
		}
	}
	if a != billing.NewAmount(5, eur) {
		t.Errorf("a refused value left %v", a)
	}
	if err := a.Scan(nil); err != nil || a != (billing.Amount{}) {
		t.Errorf("NULL gave %v, %v", a, err)
	}
	if err := json.Unmarshal([]byte(`1.5`), &a); err == nil {
		t.Error("a JSON number was taken for money")
	}
}

// TestAmountAgainstBig: every checked operation agrees with unbounded
// integers or says that it overflowed.
func TestAmountAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genAmount().Draw(t, "a"), genAmount().Draw(t, "b")
		n := rapid.Int64().Draw(t, "n")
		x, y := big.NewInt(a.Micros()), big.NewInt(b.Micros())
		check := func(op string, got billing.Amount, err error, want *big.Int) {
			if !want.IsInt64() {
				if !errors.Is(err, billing.ErrOverflow) {
					t.Fatalf("%s: %v, %v; want an overflow", op, got, err)
				}
				return
			}
			if err != nil || got.Micros() != want.Int64() || got.Currency() != eur {
				t.Fatalf("%s: %v, %v; want %v", op, got, err, want)
			}
		}
		sum, err := a.Add(b)
		check("add", sum, err, new(big.Int).Add(x, y))
		diff, err := a.Sub(b)
		check("sub", diff, err, new(big.Int).Sub(x, y))
		prod, err := a.Mul(n)
		check("mul", prod, err, new(big.Int).Mul(x, big.NewInt(n)))
		if c, err := a.Cmp(b); err != nil || c != x.Cmp(y) {
			t.Fatalf("cmp: %d, %v; want %d", c, err, x.Cmp(y))
		}
		if a.Sign() != x.Sign() || a.IsZero() != (x.Sign() == 0) {
			t.Fatalf("sign of %v", a)
		}
	})
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0", "12.5 EUR", "-9223372036854.775808", "0.2000000000", "1 EURO", "1.", "--1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := billing.ParseAmount(s)
		if err != nil {
			return
		}
		b, err := billing.ParseAmount(a.String())
		if err != nil || a != b {
			t.Fatalf("%q: %v became %v, %v", s, a, b, err)
		}
	})
}
