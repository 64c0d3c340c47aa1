package billing

import (
	"fmt"
	"math"
	"math/bits"
)

// Cost is an exact sum of prices, kept as a fraction with a numerator of 128
// bits until it is rounded once. The zero Cost is nothing.
type Cost struct {
	num wide   // in 10^-12 units x milliseconds
	den uint64 // seconds; 0 counts as 1
}

// The numerator counts pico-units and milliseconds, an Amount micro-units and
// the denominator seconds.
const costScale = 1e6 * 1e3

// Add adds the price of span milliseconds at p: p x span / per.
func (c *Cost) Add(p Price, span Millis) error {
	if p.pico == 0 || span == 0 {
		return nil
	}
	hi, lo := bits.Mul64(magnitude(p.pico), magnitude(int64(span)))
	return c.add(wide{hi, lo, (p.pico < 0) != (span < 0)}, uint64(p.Per()))
}

// AddUnits adds the price of n whole units (seconds, messages) at p.
func (c *Cost) AddUnits(p Price, n int64) error {
	hi, lo := bits.Mul64(magnitude(p.pico), magnitude(n))
	w, ok := wide{hi, lo, (p.pico < 0) != (n < 0) && hi|lo != 0}.mul(1e3)
	if !ok {
		return c.overflow()
	}
	return c.add(w, uint64(p.Per()))
}

// AddAmount adds an amount, such as a connect fee. The currency is the
// caller's to check: a cost has none.
func (c *Cost) AddAmount(a Amount) error {
	w, ok := wideInt(a.micros).mul(costScale)
	if !ok {
		return c.overflow()
	}
	return c.add(w, 1)
}

// Sub takes another cost off.
func (c *Cost) Sub(o Cost) error { return c.add(o.num.negate(), max(o.den, 1)) }

// add brings both fractions to their least common denominator.
func (c *Cost) add(num wide, den uint64) error {
	own := max(c.den, 1)
	if own == den {
		sum, ok := c.num.add(num)
		if !ok {
			return c.overflow()
		}
		c.num, c.den = sum, den
		return nil
	}
	g := gcd(own, den)
	over, all := bits.Mul64(own/g, den)
	a, ok1 := c.num.mul(den / g)
	b, ok2 := num.mul(own / g)
	sum, ok3 := a.add(b)
	if over != 0 || !ok1 || !ok2 || !ok3 {
		return c.overflow()
	}
	c.num, c.den = sum, all
	return nil
}

func (c *Cost) overflow() error { return fmt.Errorf("%w: sum of prices", ErrOverflow) }

// Merge adds another cost.
func (c *Cost) Merge(o Cost) error { return c.add(o.num, max(o.den, 1)) }

// Cmp returns -1, 0 or 1 as c is less than, equal to or more than o.
func (c Cost) Cmp(o Cost) (int, error) {
	if c.den == o.den {
		return c.num.cmp(o.num), nil
	}
	a, ok1 := c.num.mul(max(o.den, 1))
	b, ok2 := o.num.mul(max(c.den, 1))
	if ok1 && ok2 {
		return a.cmp(b), nil
	}
	if err := c.Sub(o); err != nil {
		return 0, err
	}
	return c.Sign(), nil
}

// Share returns the part num/den of c, exactly. den must be above 0.
func (c Cost) Share(num, den int64) (Cost, error) {
	if den <= 0 {
		return Cost{}, fmt.Errorf("%w: a share of %d/%d", ErrSyntax, num, den)
	}
	d := uint64(den)
	n := magnitude(num)
	if g := gcd(d, max(n, 1)); g > 1 && n > 0 {
		n, d = n/g, d/g
	}
	w, ok := c.num.mul(n)
	over, all := bits.Mul64(max(c.den, 1), d)
	if !ok || over != 0 {
		return Cost{}, c.overflow()
	}
	w.neg = c.num.neg != (num < 0) && !w.isZero()
	return Cost{w, all}, nil
}

// Quotient estimates how many times o goes into c, for positive ones. It is
// exact but for the last of some sixty bits, and 0 where it cannot tell: a
// place to begin a search at, not its result.
func (c Cost) Quotient(o Cost) int64 {
	a, ok1 := c.num.mul(max(o.den, 1))
	b, ok2 := o.num.mul(max(c.den, 1))
	if !ok1 || !ok2 || a.neg || b.neg || b.isZero() {
		return 0
	}
	s := bits.Len64(b.hi)
	q, _ := a.shift(s).div(max(b.shift(s).lo, 1))
	if v, ok := q.int64(); ok {
		return v
	}
	return math.MaxInt64
}

// Sign returns -1, 0 or 1.
func (c Cost) Sign() int {
	switch {
	case c.num.isZero():
		return 0
	case c.num.neg:
		return -1
	}
	return 1
}

// Round divides and rounds, once, to an amount in the given currency.
func (c Cost) Round(cur Currency, r Rounding) (Amount, error) {
	over, den := bits.Mul64(max(c.den, 1), costScale)
	if over != 0 {
		return Amount{}, c.overflow()
	}
	v, err := settle(c.num, den, r)
	if err != nil {
		return Amount{}, err
	}
	return Amount{v, cur}, nil
}

func gcd(a, b uint64) uint64 {
	if a == b || b == 1 {
		return b
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
