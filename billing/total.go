package billing

import (
	"database/sql/driver"
	"fmt"
	"strings"
)

// Total is a sum of amounts in 128 bits, for reports over any number of
// records: it overflows only behind 10^19 of the largest amounts. The zero
// Total is an empty sum.
type Total struct {
	sum      wide
	currency Currency
}

// Add adds a.
func (t *Total) Add(a Amount) error { return t.merge(wideInt(a.micros), a.currency) }

// Sub takes a off.
func (t *Total) Sub(a Amount) error { return t.merge(wideInt(a.micros).negate(), a.currency) }

// Merge adds the sum of another total.
func (t *Total) Merge(u Total) error { return t.merge(u.sum, u.currency) }

func (t *Total) merge(w wide, c Currency) error {
	c, err := common(t.currency, c)
	if err != nil {
		return err
	}
	sum, ok := t.sum.add(w)
	if !ok {
		return fmt.Errorf("%w: total", ErrOverflow)
	}
	t.sum, t.currency = sum, c
	return nil
}

// Amount returns the sum as an amount, or ErrOverflow when it is too large.
func (t Total) Amount() (Amount, error) {
	v, ok := t.sum.int64()
	if !ok {
		return Amount{}, fmt.Errorf("%w: total %s as an amount", ErrOverflow, t)
	}
	return Amount{v, t.currency}, nil
}

// Currency returns the currency of the amounts added so far.
func (t Total) Currency() Currency { return t.currency }

// String writes the sum as an Amount is written.
func (t Total) String() string { return string(appendMoney(nil, t.sum, t.currency)) }

// MarshalText returns String.
func (t Total) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what String wrote.
func (t *Total) UnmarshalText(b []byte) error {
	number, code, spaced := strings.Cut(string(b), " ")
	c, err := ParseCurrency(code)
	if err != nil {
		return err
	}
	if spaced && c.IsZero() {
		return fmt.Errorf("%w: %q", ErrSyntax, clip(string(b)))
	}
	w, err := parseWide(number, amountPlaces)
	if err != nil {
		return err
	}
	*t = Total{w, c}
	return nil
}

// Value implements driver.Valuer for a text column.
func (t Total) Value() (driver.Value, error) { return t.String(), nil }

// Scan implements sql.Scanner for text.
func (t *Total) Scan(src any) error { return scanText(t, src) }
