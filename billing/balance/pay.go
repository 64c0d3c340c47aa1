package balance

import (
	"errors"

	"github.com/class5-go/class5/billing"
)

// payer is a wallet of money that pays, cash once for each interval.
type payer struct {
	p     *purse
	k     int
	cost  billing.Cost
	limit billing.Amount
	done  bool
}

// ready reports whether a purse may pay for a step at an instant.
func (b *biller) ready(p *purse, s *Step, at billing.Millis) bool {
	if p.w == nil {
		return true
	}
	if p.w.Expires != 0 && at >= p.w.Expires || !p.w.Filter.allows(b.u, s) {
		return false
	}
	switch p.w.Unit {
	case Cash:
		return true
	case Time:
		return !b.service()
	}
	return string(p.w.Unit) == b.u.service()
}

// bulk lets a purse pay for whole increments, as many of m as it can. When it
// can't pay for whole ones in that way but for parts, whole is false.
func (b *biller) bulk(p *purse, t *toll, length billing.Millis, m int64) (n int64, whole bool, err error) {
	if p.money() {
		return b.money1(p, t, m)
	}
	if p.w != nil && (p.w.Increment > 0 || !p.w.Price.IsZero() || !p.w.Connect.IsZero()) {
		return 0, p.left == 0 && *b.stock(p) <= 0, nil
	}
	per := b.quantity(p, length)
	have := *b.stock(p)
	if n = min(m, have/per); n > 0 {
		b.take(p, n*per)
	}
	return n, n > 0 || have <= 0, nil
}

// money1 is bulk for money.
func (b *biller) money1(p *purse, t *toll, m int64) (int64, bool, error) {
	main := p.w == nil
	switch sign := t.sign(); {
	case sign == 0 && main:
		return m, true, nil
	case sign == 0, sign < 0 && (!main || !b.prepaid):
		return 0, true, nil
	case sign < 0:
		return m, true, b.pay(p, t, m)
	}
	y, err := b.payer(p)
	if err != nil {
		return 0, true, err
	}
	n, err := t.most(y.cost, m, y.limit, b.a.Currency, b.u.Rounding)
	if err != nil || n == 0 {
		return 0, true, err
	}
	return n, true, b.pay(p, t, n)
}

// quantity is how much of a wallet's unit a span is.
func (b *biller) quantity(p *purse, span billing.Millis) int64 {
	if p.free || p.w.Unit == Time {
		return int64(span)
	}
	return max(int64(span)/1000, 1)
}

// stock is where a purse of time or things keeps what it has.
func (b *biller) stock(p *purse) *int64 {
	if p.free {
		return (*int64)(&b.a.Intervals[b.k].FreeLeft)
	}
	return &p.w.Value
}

func (b *biller) take(p *purse, n int64) {
	*b.stock(p) -= n
	p.took += n
}

// single charges one increment that several purses may share.
func (b *biller) single(s *Step, t toll, at, off billing.Millis) error {
	unit := billing.Millis(1)
	for _, p := range b.purses {
		if !b.ready(p, s, at) {
			continue
		}
		if p.money() {
			n, _, err := b.money1(p, &t, 1)
			if err != nil || n == 1 {
				return err
			}
		} else {
			if b.service() {
				unit = 1000
			}
			covered, err := b.cover(p, b.quantity(p, t.span))
			if err != nil && !errors.Is(err, errDone) {
				return err
			}
			if err := t.cut(billing.Millis(covered) * unit); err != nil || t.span <= 0 {
				return err
			}
		}
		if p.w != nil && p.w.Blocker {
			b.rec.Blocked = true
			break
		}
	}
	return b.owe(&t, off, 1)
}

// cover lets a purse of time or things pay for up to n of its unit, in its own
// increments and for its own price.
func (b *biller) cover(p *purse, n int64) (int64, error) {
	if p.w == nil {
		n = min(n, max(*b.stock(p), 0))
		b.take(p, n)
		return n, nil
	}
	used := min(n, p.left)
	p.left -= used
	step := max(p.w.Increment, 1)
	for used < n {
		blocks := min((n-used+step-1)/step, p.w.Value/step)
		if blocks <= 0 {
			return used, errDone
		}
		if priced := !p.w.Price.IsZero() || !p.w.Connect.IsZero() && !p.entered; priced && p.w.Increment > 0 {
			blocks = 1
		}
		if ok, err := b.buy(p, blocks*step); err != nil || !ok {
			return used, err
		}
		b.take(p, blocks*step)
		part := min(n-used, blocks*step)
		used += part
		p.left += blocks*step - part
	}
	return used, nil
}

// buy pays what a purse asks for n of its unit, and for being used at all.
func (b *biller) buy(p *purse, n int64) (bool, error) {
	var cost billing.Cost
	span := billing.Millis(n)
	if p.w.Unit != Time {
		span *= 1000
	}
	if err := cost.Add(p.w.Price, span); err != nil {
		return false, err
	}
	if !p.entered {
		if err := cost.AddAmount(p.w.Connect); err != nil {
			return false, err
		}
	}
	if p.entered = true; cost.Sign() == 0 {
		return true, nil
	}
	t := toll{rest: &cost}
	for _, m := range b.purses {
		if !m.money() || m.w != nil && !m.w.Filter.allows(b.u, &Step{}) {
			continue
		}
		if k, _, err := b.money1(m, &t, 1); err != nil || k == 1 {
			return true, err
		}
	}
	p.entered = false
	return false, nil
}

// payer returns a wallet of money with what it may pay.
func (b *biller) payer(p *purse) (*payer, error) {
	for _, y := range b.payers {
		if y.p == p && !y.done {
			return y, nil
		}
	}
	y := &payer{p: p, k: b.k}
	var have int64
	var err error
	if p.w != nil {
		have, err = addMicros(p.w.Value, p.w.Overdraft)
	} else {
		have, err = addMicros(b.headroom(b.k), b.a.Overdraft.Micros())
	}
	if err != nil {
		return nil, err
	}
	// What is paid is rounded to the places of the usage: only whole ones of
	// them can be had.
	down, err := billing.NewRounding(billing.Down, b.u.Rounding.Places(), billing.ScopeLeg)
	if err != nil {
		return nil, err
	}
	if y.limit, err = b.money(max(have, 0)).Round(down); err != nil {
		return nil, err
	}
	b.payers = append(b.payers, y)
	return y, nil
}

// pay notes that a wallet of money pays n tolls.
func (b *biller) pay(p *purse, t *toll, n int64) error {
	y, err := b.payer(p)
	if err != nil {
		return err
	}
	if err := t.add(&b.debit, n, b.a.Currency, b.u.Rounding); err != nil {
		return err
	}
	return t.add(&y.cost, n, b.a.Currency, b.u.Rounding)
}

// headroom is what cash of an interval can pay without any later interval
// missing it.
func (b *biller) headroom(k int) int64 {
	i := &b.a.Intervals[k]
	have, slack := i.Cash.Micros(), i.unused()
	for _, next := range b.a.Intervals[k+1:] {
		if next.Discarded {
			break
		}
		if c := next.Cash.Micros(); c < have-slack {
			have = c + slack
		}
	}
	return have
}
