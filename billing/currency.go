package billing

import "fmt"

// Currency is an alphabetic currency code of ISO 4217, such as EUR. The zero
// Currency stands for "none given".
type Currency struct{ code [3]byte }

// ParseCurrency reads three capital letters. The empty string gives the zero
// Currency.
func ParseCurrency(s string) (Currency, error) {
	if s == "" {
		return Currency{}, nil
	}
	var c Currency
	if len(s) != len(c.code) {
		return c, fmt.Errorf("%w: %q is not three capital letters", ErrCurrency, clip(s))
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return Currency{}, fmt.Errorf("%w: %q is not three capital letters", ErrCurrency, clip(s))
		}
		c.code[i] = s[i]
	}
	return c, nil
}

// MustCurrency is ParseCurrency for constants in a program; it panics on a
// code that is not well formed.
func MustCurrency(s string) Currency {
	c, err := ParseCurrency(s)
	if err != nil {
		panic(err)
	}
	return c
}

// IsZero reports whether no currency is given.
func (c Currency) IsZero() bool { return c == Currency{} }

// String returns the code, or "" for the zero Currency.
func (c Currency) String() string {
	if c.IsZero() {
		return ""
	}
	return string(c.code[:])
}

// MarshalText returns the code.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Currency) UnmarshalText(b []byte) error {
	v, err := ParseCurrency(string(b))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

// common returns the currency that two operands share. An operand without
// currency goes with any: the zero Amount is the neutral element of a sum.
func common(a, b Currency) (Currency, error) {
	switch {
	case a == b, b.IsZero():
		return a, nil
	case a.IsZero():
		return b, nil
	}
	return Currency{}, fmt.Errorf("%w: %s and %s in one sum", ErrCurrency, a, b)
}

// clip keeps hostile input out of error texts.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
