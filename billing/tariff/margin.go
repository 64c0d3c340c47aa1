package tariff

import (
	"fmt"

	"github.com/class5-go/class5/billing"
)

// maxMargins bounds how many findings LintMargin returns.
const maxMargins = 10_000

// LintMargin compares what this tariff charges for placed calls with what a
// carrier's does, for every prefix that either of them has, and tells where
// three minutes bring in less than they cost. Rates outside of all windows are
// compared, without tiers. Two currencies are billing.ErrCurrency.
func (s *Snapshot) LintMargin(carrier *Snapshot) ([]Finding, error) {
	if s.currency != carrier.currency {
		return nil, fmt.Errorf("%w: %s and %s", billing.ErrCurrency, s.currency, carrier.currency)
	}
	m := margins{sale: s, cost: carrier}
	m.below(&s.nodes[s.fields[0].root], &carrier.nodes[carrier.fields[0].root], nil, 0, 0)
	return m.out, m.err
}

// margins walks two tries side by side.
type margins struct {
	sale, cost *Snapshot
	out        []Finding
	err        error
}

// below looks at a prefix. sold and bought are the fees of the next shorter
// one, as number + 1.
func (m *margins) below(a, b *node, prefix []byte, sold, bought uint32) {
	was, had := sold, bought
	if a != nil && a.value != 0 && a.value&bySource == 0 {
		sold = a.value
	}
	if b != nil && b.value != 0 && b.value&bySource == 0 {
		bought = b.value
	}
	if sold != 0 && bought != 0 && (sold != was || bought != had) {
		m.compare(string(prefix), sold-1, bought-1)
	}
	for _, c := range []byte("#*+0123456789") {
		var x, y *node
		if a != nil {
			x = m.sale.next(a, c)
		}
		if b != nil {
			y = m.cost.next(b, c)
		}
		if (x != nil || y != nil) && m.err == nil && len(m.out) < maxMargins {
			m.below(x, y, append(prefix, c), sold, bought)
		}
	}
}

func (m *margins) compare(prefix string, sold, bought uint32) {
	in, err := m.sale.minutes(sold)
	if err != nil {
		m.err = err
		return
	}
	out, err := m.cost.minutes(bought)
	if err != nil {
		m.err = err
		return
	}
	if c, err := in.Cmp(out); err != nil || c >= 0 {
		m.err = err
		return
	}
	m.out = append(m.out, Finding{LintMargin, Match{m.sale, found{fee: sold}}.Fee(), fmt.Sprintf(
		"prefix %q: three minutes bring %s and cost %s by fee %s of the carrier", prefix, in, out, Match{m.cost, found{fee: bought}}.Fee())})
}

// minutes is what a call of three minutes costs by a fee.
func (s *Snapshot) minutes(fee uint32) (billing.Amount, error) {
	const length = 180 * 1000
	m := Match{s, found{fee: fee}}
	r := s.rate(s.fees[fee].plan, 0)
	var c billing.Cost
	if err := c.AddAmount(m.Connect()); err != nil {
		return billing.Amount{}, err
	}
	if err := c.Add(r.Init.Price, r.Init.Length()); err != nil {
		return billing.Amount{}, err
	}
	if rest := length - r.Init.Length(); rest > 0 {
		n := (rest + r.Follow.Length() - 1) / r.Follow.Length()
		if err := c.Add(r.Follow.Price, n*r.Follow.Length()); err != nil {
			return billing.Amount{}, err
		}
	}
	return c.Round(s.currency, s.rounding)
}
