package billing

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	pricePlaces = 12
	// maxPer bounds the denominator of a price, so that a few of them always
	// have a common one.
	maxPer = 1 << 30
)

// Price is a decimal of twelve places per so many seconds (or messages, or
// other units): "0.10 per 60" is kept as it was agreed, because a sixtieth of
// it has no exact decimal. The currency is that of the tariff. The zero Price
// is free of charge.
type Price struct {
	pico int64 // 10^-12 units of the currency
	per  uint32
}

// NewPrice makes a price of pico millionths of a millionth of a unit for per
// seconds or units, 1 to 2^30.
func NewPrice(pico int64, per int) (Price, error) {
	if per < 1 || per > maxPer {
		return Price{}, fmt.Errorf("%w: a price for %d seconds; 1 to %d are possible", ErrSyntax, per, maxPer)
	}
	return Price{pico, uint32(per)}, nil
}

// ParsePrice reads a decimal of at most twelve places, and the number of
// seconds it pays for behind a slash: "0.10/60". Without a slash it is the
// price of one second.
func ParsePrice(s string) (Price, error) {
	number, per, given := strings.Cut(s, "/")
	v, err := parseDecimal(number, pricePlaces)
	if err != nil {
		return Price{}, err
	}
	n := 1
	if given {
		if n, err = strconv.Atoi(per); err != nil || per[0] < '0' || per[0] > '9' {
			return Price{}, fmt.Errorf("%w: seconds of the price %q", ErrSyntax, clip(s))
		}
	}
	return NewPrice(v, n)
}

// MustPrice is ParsePrice for constants in a program; it panics on an error.
func MustPrice(s string) Price {
	p, err := ParsePrice(s)
	if err != nil {
		panic(err)
	}
	return p
}

// Pico returns the decimal in 10^-12 units of the currency.
func (p Price) Pico() int64 { return p.pico }

// Per returns the seconds or units that the decimal pays for, never 0.
func (p Price) Per() int64 { return int64(max(p.per, 1)) }

// IsZero reports whether the price is nothing.
func (p Price) IsZero() bool { return p.pico == 0 }

// String returns the form that ParsePrice reads.
func (p Price) String() string {
	b := appendDecimal(nil, wideInt(p.pico), pricePlaces, 0)
	if p.Per() != 1 {
		b = append(b, '/')
		b = strconv.AppendInt(b, p.Per(), 10)
	}
	return string(b)
}

// MarshalText returns String.
func (p Price) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is ParsePrice.
func (p *Price) UnmarshalText(b []byte) error {
	v, err := ParsePrice(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}
