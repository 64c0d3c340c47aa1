package billing

import (
	"fmt"
	"math/bits"
)

// amountPlaces is the number of decimal places that an Amount keeps, and
// amountShown the number it writes at least.
const (
	amountPlaces = 6
	amountShown  = 2
)

// Amount is money: a whole number of millionths of a unit, and its currency.
// It ranges over more than nine million million units either way. Amounts are
// comparable with == and the zero Amount, which has no currency, may be added
// to any other.
type Amount struct {
	micros   int64
	currency Currency
}

// NewAmount makes an amount of micros millionths of a unit.
func NewAmount(micros int64, c Currency) Amount { return Amount{micros, c} }

// Micros returns the amount in millionths of a unit, the form for a BIGINT
// column that a database can sum exactly.
func (a Amount) Micros() int64 { return a.micros }

// Currency returns the currency, or the zero Currency.
func (a Amount) Currency() Currency { return a.currency }

// Sign returns -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.micros < 0:
		return -1
	case a.micros > 0:
		return 1
	}
	return 0
}

// IsZero reports whether no money is meant, in whatever currency.
func (a Amount) IsZero() bool { return a.micros == 0 }

// Add returns a+b.
func (a Amount) Add(b Amount) (Amount, error) {
	c, err := common(a.currency, b.currency)
	if err != nil {
		return Amount{}, err
	}
	sum := a.micros + b.micros
	if (a.micros < 0) == (b.micros < 0) && (sum < 0) != (a.micros < 0) {
		return Amount{}, fmt.Errorf("%w: %s + %s", ErrOverflow, a, b)
	}
	return Amount{sum, c}, nil
}

// Sub returns a-b.
func (a Amount) Sub(b Amount) (Amount, error) {
	c, err := common(a.currency, b.currency)
	if err != nil {
		return Amount{}, err
	}
	diff := a.micros - b.micros
	if (a.micros < 0) != (b.micros < 0) && (diff < 0) != (a.micros < 0) {
		return Amount{}, fmt.Errorf("%w: %s - %s", ErrOverflow, a, b)
	}
	return Amount{diff, c}, nil
}

// Neg returns -a.
func (a Amount) Neg() (Amount, error) { return Amount{0, a.currency}.Sub(a) }

// Mul returns a times n.
func (a Amount) Mul(n int64) (Amount, error) {
	hi, lo := bits.Mul64(magnitude(a.micros), magnitude(n))
	neg := (a.micros < 0) != (n < 0) && hi|lo != 0
	v, ok := wide{hi, lo, neg}.int64()
	if !ok {
		return Amount{}, fmt.Errorf("%w: %s x %d", ErrOverflow, a, n)
	}
	return Amount{v, a.currency}, nil
}

// MulRatio returns a times num/den, exact until it is rounded once by r. It
// is the way to a tax, a share or a conversion. den must not be zero.
func (a Amount) MulRatio(num, den int64, r Rounding) (Amount, error) {
	if den == 0 {
		return Amount{}, fmt.Errorf("%w: division of %s by zero", ErrSyntax, a)
	}
	hi, lo := bits.Mul64(magnitude(a.micros), magnitude(num))
	neg := (a.micros < 0) != ((num < 0) != (den < 0)) && hi|lo != 0
	v, err := settle(wide{hi, lo, neg}, magnitude(den), r)
	if err != nil {
		return Amount{}, err
	}
	return Amount{v, a.currency}, nil
}

// Round returns a with the places of r.
func (a Amount) Round(r Rounding) (Amount, error) {
	v, err := settle(wideInt(a.micros), 1, r)
	return Amount{v, a.currency}, err
}

// Cmp returns -1, 0 or 1 as a is less than, equal to or more than b. Amounts
// of two currencies have no order: ErrCurrency.
func (a Amount) Cmp(b Amount) (int, error) {
	if _, err := common(a.currency, b.currency); err != nil {
		return 0, err
	}
	return wideInt(a.micros).cmp(wideInt(b.micros)), nil
}

// settle turns the exact fraction w/den of micro-units into whole ones that
// are a multiple of the last place kept.
func settle(w wide, den uint64, r Rounding) (int64, error) {
	q, ok := w.divRound(den, r.step(), r.mode)
	if ok {
		q, ok = q.mul(r.step())
	}
	v, fits := q.int64()
	if !ok || !fits {
		return 0, fmt.Errorf("%w: rounding to an amount", ErrOverflow)
	}
	return v, nil
}
