package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// meter sums up a price.
type meter struct {
	cost     billing.Cost
	part     billing.Cost // of the interval being charged, where each is rounded
	rounding billing.Rounding
	currency billing.Currency

	action tariff.CapAction
	limit  billing.Cost // of the cap
	credit billing.Amount
	paid   bool // credit bounds the sum
	// However it is rounded, a price up to enough is within the credit, and one
	// of tooMuch is not.
	enough, tooMuch billing.Cost
	near            bool // the two are known
	// bounded says that the sum is looked at on the way.
	bounded bool

	detailed bool
	steps    []Step
	so       billing.Amount // rounded sum up to the last step
}

func (m *meter) open(r billing.Rounding, c billing.Currency, limit tariff.Cap) error {
	m.rounding, m.currency, m.action = r, c, limit.Action
	if limit.Action == tariff.CapNone {
		return nil
	}
	m.bounded = limit.Action == tariff.CapDisconnect
	return m.limit.AddAmount(limit.Amount)
}

// pay bounds the sum by a credit. A price keeps its side of a multiple of the
// last place when it is rounded, so only one that is as close to the credit as
// that has to be: division is what takes the time.
func (m *meter) pay(credit billing.Amount) {
	m.credit, m.paid, m.bounded = credit, true, true
	step := int64(1)
	for range 6 - m.rounding.Places() {
		step *= 10
	}
	v := credit.Micros()
	if v < 0 {
		return
	}
	below := billing.NewAmount(v-v%step, m.currency)
	m.near = m.enough.AddAmount(below) == nil && m.tooMuch.AddAmount(below) == nil &&
		m.tooMuch.AddAmount(billing.NewAmount(step, m.currency)) == nil
}

// capped is the exact price so far.
func (m *meter) capped() billing.Cost {
	if m.action == tariff.CapFree {
		if c, err := m.cost.Cmp(m.limit); err == nil && c > 0 {
			return m.limit
		}
	}
	return m.cost
}

// full reports whether a cap holds the price down.
func (m *meter) full() bool {
	if m.action != tariff.CapFree {
		return false
	}
	c, err := m.cost.Cmp(m.limit)
	return err == nil && c > 0
}

// sum is the price so far.
func (m *meter) sum() (billing.Amount, error) {
	if m.action == tariff.CapFree {
		return m.capped().Round(m.currency, m.rounding)
	}
	return m.cost.Round(m.currency, m.rounding)
}

// within reports whether the price so far is no more than cap and credit
// allow. A price that is too large for an amount is more than any.
func (m *meter) within() bool {
	if m.action == tariff.CapDisconnect {
		if c, err := m.cost.Cmp(m.limit); err != nil || c > 0 {
			return false
		}
	}
	if !m.paid {
		return true
	}
	if m.near && m.action != tariff.CapFree && m.cost.Sign() >= 0 {
		if c, err := m.cost.Cmp(m.enough); err == nil && c <= 0 {
			return true
		}
		if c, err := m.cost.Cmp(m.tooMuch); err == nil && c >= 0 {
			return false
		}
	}
	sum, err := m.sum()
	if err != nil {
		return false
	}
	c, err := sum.Cmp(m.credit)
	return err == nil && c <= 0
}

func (m *meter) connect(off billing.Millis, fee billing.Amount) error {
	if fee.IsZero() {
		return nil
	}
	exact := fee
	if m.rounding.Scope() == billing.ScopeIncrement {
		var err error
		if fee, err = fee.Round(m.rounding); err != nil {
			return err
		}
	}
	if err := m.cost.AddAmount(fee); err != nil {
		return err
	}
	return m.note(Step{Kind: Connect, Offset: off, Count: 1, Fee: exact})
}

// once charges a one-off price.
func (m *meter) once(off billing.Millis, p billing.Price) error {
	var one billing.Cost
	if err := one.AddUnits(p, 1); err != nil {
		return err
	}
	if err := m.addRounded(one, 1); err != nil {
		return err
	}
	return m.note(Step{Kind: Extra, Offset: off, Count: 1, Interval: tariff.Interval{Price: p}})
}

// run charges n equal intervals that begin at offset off.
func (m *meter) run(k Kind, off billing.Millis, rate int, i tariff.Interval, n int64) error {
	if err := m.charge(i, n); err != nil {
		return err
	}
	if !m.detailed {
		return nil
	}
	return m.note(Step{Kind: k, Offset: off, Rate: rate, Count: n, Span: i.Length() * billing.Millis(n), Interval: i})
}

func (m *meter) charge(i tariff.Interval, n int64) error {
	if m.rounding.Scope() == billing.ScopeLeg {
		return m.cost.Add(i.Price, i.Length()*billing.Millis(n))
	}
	var one billing.Cost
	if err := one.Add(i.Price, i.Length()); err != nil {
		return err
	}
	return m.addRounded(one, n)
}

// piece charges a part of one interval. It is rounded with the last.
func (m *meter) piece(s Step, last bool) error {
	if m.rounding.Scope() == billing.ScopeLeg {
		if err := m.cost.Add(s.Interval.Price, s.Span); err != nil {
			return err
		}
		return m.note(s)
	}
	if err := m.part.Add(s.Interval.Price, s.Span); err != nil {
		return err
	}
	if last {
		if err := m.addRounded(m.part, 1); err != nil {
			return err
		}
		m.part = billing.Cost{}
	}
	return m.note(s)
}

// addRounded adds n times what is rounded by itself where the policy says so.
func (m *meter) addRounded(one billing.Cost, n int64) error {
	if m.rounding.Scope() == billing.ScopeLeg {
		return m.cost.Merge(one)
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
	if n := len(m.steps); n > 0 && s.Kind == Follow && s.Count > 0 {
		last := &m.steps[n-1]
		if last.Kind == Follow && last.Rate == s.Rate && last.Interval == s.Interval && last.whole() && s.whole() {
			last.Count += s.Count
			last.Span += s.Span
			last.Amount, err = last.Amount.Add(s.Amount)
			return err
		}
	}
	m.steps = append(m.steps, s)
	return nil
}

// whole reports whether the step is of whole intervals.
func (s *Step) whole() bool { return s.Span == s.Interval.Length()*billing.Millis(s.Count) }
