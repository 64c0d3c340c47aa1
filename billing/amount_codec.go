package billing

import (
	"database/sql/driver"
	"fmt"
	"strings"
)

// ParseAmount reads a decimal of at most six places, a space and a currency:
// "12.50 EUR", "-0.000001 USD". The currency may be missing. There is no sign
// but the minus, no exponent and no mark between thousands.
func ParseAmount(s string) (Amount, error) {
	number, code, spaced := strings.Cut(s, " ")
	c, err := ParseCurrency(code)
	if err != nil {
		return Amount{}, err
	}
	if spaced && c.IsZero() {
		return Amount{}, fmt.Errorf("%w: %q", ErrSyntax, clip(s))
	}
	v, err := parseDecimal(number, amountPlaces)
	if err != nil {
		return Amount{}, err
	}
	return Amount{v, c}, nil
}

// String returns at least two places and the currency if there is one.
func (a Amount) String() string { return string(a.append(nil)) }

// Decimal returns the number alone with all six places, as a DECIMAL(18,6)
// column takes it.
func (a Amount) Decimal() string {
	return string(appendDecimal(nil, wideInt(a.micros), amountPlaces, amountPlaces))
}

func (a Amount) append(dst []byte) []byte {
	return appendMoney(dst, wideInt(a.micros), a.currency)
}

func appendMoney(dst []byte, w wide, c Currency) []byte {
	dst = appendDecimal(dst, w, amountPlaces, amountShown)
	if !c.IsZero() {
		dst = append(dst, ' ')
		dst = append(dst, c.code[:]...)
	}
	return dst
}

// MarshalText returns String; JSON holds an amount as that string.
func (a Amount) MarshalText() ([]byte, error) { return a.append(nil), nil }

// UnmarshalText is ParseAmount. A JSON number is refused, for it may have
// passed through a binary fraction on its way.
func (a *Amount) UnmarshalText(b []byte) error {
	v, err := ParseAmount(string(b))
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// Value implements driver.Valuer for a text column: number and currency. For
// numeric columns store Micros or Decimal beside the currency.
func (a Amount) Value() (driver.Value, error) { return a.String(), nil }

// Scan implements sql.Scanner for text, and for DECIMAL columns of drivers
// that hand decimals over as text; a text without currency leaves the
// currency of a as it was. Numbers are refused: a whole number does not say
// whether it counts units or millionths, and a binary fraction is not exact.
func (a *Amount) Scan(src any) error {
	var text string
	switch v := src.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	case nil:
		*a = Amount{}
		return nil
	default:
		return fmt.Errorf("%w: amount from a column of type %T", ErrSyntax, src)
	}
	v, err := ParseAmount(text)
	if err != nil {
		return err
	}
	if v.currency.IsZero() {
		v.currency = a.currency
	}
	*a = v
	return nil
}

// scanText scans a text column into v.
func scanText(v interface{ UnmarshalText([]byte) error }, src any) error {
	switch s := src.(type) {
	case string:
		return v.UnmarshalText([]byte(s))
	case []byte:
		return v.UnmarshalText(s)
	}
	return fmt.Errorf("%w: %T from a column of type %T", ErrSyntax, v, src)
}

// Value implements driver.Valuer for a text column.
func (p Price) Value() (driver.Value, error) { return p.String(), nil }

// Scan implements sql.Scanner for text.
func (p *Price) Scan(src any) error { return scanText(p, src) }

// Value implements driver.Valuer for a text column.
func (r Rounding) Value() (driver.Value, error) { return r.String(), nil }

// Scan implements sql.Scanner for text.
func (r *Rounding) Scan(src any) error { return scanText(r, src) }

// Value implements driver.Valuer for a CHAR(3) column.
func (c Currency) Value() (driver.Value, error) { return c.String(), nil }

// Scan implements sql.Scanner for text.
func (c *Currency) Scan(src any) error { return scanText(c, src) }
