package balance

import "github.com/class5-go/class5/billing"

// toll is what one increment costs, in exact terms until it is rounded by the
// policy of the usage.
type toll struct {
	price billing.Price
	span  billing.Millis
	fee   billing.Amount
	once  bool
	rest  *billing.Cost // instead of all that, what a cap leaves or a part of an increment costs
	free  bool          // nothing
}

// add adds n times the toll to a sum.
func (t *toll) add(sum *billing.Cost, n int64, cur billing.Currency, r billing.Rounding) error {
	if t.free || n == 0 {
		return nil
	}
	if t.rest == nil && !t.once && t.fee.IsZero() && r.Scope() == billing.ScopeLeg {
		return sum.Add(t.price, t.span*billing.Millis(n))
	}
	var one billing.Cost
	var err error
	switch {
	case t.rest != nil:
		one = *t.rest
	case t.once:
		err = one.AddUnits(t.price, 1)
	case !t.fee.IsZero():
		err = one.AddAmount(t.fee)
	default:
		err = one.Add(t.price, t.span)
	}
	if err != nil {
		return err
	}
	if r.Scope() == billing.ScopeLeg {
		return sum.Merge(one)
	}
	a, err := one.Round(cur, r)
	if err == nil {
		a, err = a.Mul(n)
	}
	if err != nil {
		return err
	}
	return sum.AddAmount(a)
}

// cut takes a part off that was paid for in time.
func (t *toll) cut(part billing.Millis) error {
	left := max(t.span-part, 0)
	if t.rest != nil && t.span > 0 {
		rest, err := t.rest.Share(int64(left), int64(t.span))
		if err != nil {
			return err
		}
		t.rest = &rest
	}
	t.span = left
	return nil
}

// sign is that of the price.
func (t *toll) sign() int {
	switch {
	case t.free:
		return 0
	case t.rest != nil:
		return t.rest.Sign()
	case !t.fee.IsZero():
		return t.fee.Sign()
	case t.price.Pico() < 0:
		return -1
	case t.price.IsZero() || t.span == 0 && !t.once:
		return 0
	}
	return 1
}

// atMost reports whether a sum is no more than an amount.
func atMost(sum billing.Cost, limit billing.Amount) (bool, error) {
	var l billing.Cost
	if err := l.AddAmount(limit); err != nil {
		return false, err
	}
	if err := sum.Sub(l); err != nil {
		return false, err
	}
	return sum.Sign() <= 0, nil
}

// most returns how many of n tolls a limit allows on top of a sum.
func (t *toll) most(sum billing.Cost, n int64, limit billing.Amount, cur billing.Currency, r billing.Rounding) (int64, error) {
	fits := func(k int64) (bool, error) {
		try := sum
		if err := t.add(&try, k, cur, r); err != nil {
			return false, err
		}
		return atMost(try, limit)
	}
	if ok, err := fits(n); ok || err != nil {
		return n, err
	}
	low, high := int64(0), n // low fits or is 0, high does not
	for low+1 < high {
		mid := low + (high-low)/2
		ok, err := fits(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}

// sums hands out the rounded parts of an exact sum: each is the rounded sum up
// to its end less what was handed out before, so all of them are the rounded
// whole.
type sums struct {
	exact billing.Cost
	out   billing.Amount
	cur   billing.Currency
	round billing.Rounding
}

func (s *sums) next(c billing.Cost) (billing.Amount, error) {
	if err := s.exact.Merge(c); err != nil {
		return billing.Amount{}, err
	}
	all, err := s.exact.Round(s.cur, s.round)
	if err != nil {
		return billing.Amount{}, err
	}
	part, err := all.Sub(s.out)
	s.out = all
	return part, err
}
