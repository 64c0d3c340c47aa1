package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// meter sums up a price. It is copied to try out what more would cost.
type meter struct {
	cost     billing.Cost
	rounding billing.Rounding
	currency billing.Currency
	detailed bool
	steps    []Step
	so       billing.Amount // rounded sum up to the last step
}

// sum is the price so far.
func (m *meter) sum() (billing.Amount, error) { return m.cost.Round(m.currency, m.rounding) }

func (m *meter) connect(fee billing.Amount) error {
	if fee.IsZero() {
		return nil
	}
	if m.rounding.Scope() == billing.ScopeIncrement {
		var err error
		if fee, err = fee.Round(m.rounding); err != nil {
			return err
		}
	}
	if err := m.cost.AddAmount(fee); err != nil {
		return err
	}
	return m.note(Step{Kind: Connect, Count: 1})
}

// add charges n equal intervals that begin at offset off.
func (m *meter) add(k Kind, off billing.Millis, rate int, i tariff.Interval, n int64) error {
	if err := m.charge(i, n); err != nil {
		return err
	}
	if !m.detailed {
		return nil
	}
	return m.note(Step{Kind: k, Offset: off, Rate: rate, Count: n, Interval: i})
}

func (m *meter) charge(i tariff.Interval, n int64) error {
	if m.rounding.Scope() == billing.ScopeLeg {
		return m.cost.Add(i.Price, i.Length()*billing.Millis(n))
	}
	var one billing.Cost
	if err := one.Add(i.Price, i.Length()); err != nil {
		return err
	}
	price, err := one.Round(m.currency, m.rounding)
	if err != nil {
		return err
	}
	if price, err = price.Mul(n); err != nil {
		return err
	}
	return m.cost.AddAmount(price)
}

// note records a step, or lengthens the last one when the rate only seemed to
// end: at midnight on Sunday, or where local time changes.
func (m *meter) note(s Step) error {
	if !m.detailed {
		return nil
	}
	sum, err := m.sum()
	if err != nil {
		return err
	}
	if s.Amount, err = sum.Sub(m.so); err != nil {
		return err
	}
	m.so = sum
	if n := len(m.steps); n > 0 && s.Kind == Follow {
		last := &m.steps[n-1]
		if last.Kind == Follow && last.Rate == s.Rate {
			last.Count += s.Count
			last.Amount, err = last.Amount.Add(s.Amount)
			return err
		}
	}
	m.steps = append(m.steps, s)
	return nil
}

// within reports whether the price so far is no more than credit. A price that
// is too large for an amount is more than any.
func (m *meter) within(credit billing.Amount) bool {
	sum, err := m.sum()
	if err != nil {
		return false
	}
	c, err := sum.Cmp(credit)
	return err == nil && c <= 0
}
