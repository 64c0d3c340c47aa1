package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// longest is what MaxDuration answers at most when it is not told otherwise,
// and most what MaxUnits does.
const (
	longest billing.Millis = 24 * 3600 * 1000
	most    int64          = 1 << 30
)

// MaxDuration returns how long a call may last so that it costs no more than
// credit at any moment of it, and no more than a cap that disconnects: to the
// end of an interval, for whoever pays for it may use it up, unless a one-off
// price comes before. It is 0 when the credit does not reach for the connect
// fee and the first interval. The call's duration is the longest answer
// wanted, 24 hours when 0.
//
// Errors are ErrNoFee, ErrCall and, for a credit in another currency,
// billing.ErrCurrency.
func MaxDuration(s *tariff.Snapshot, c Call, credit billing.Amount) (billing.Millis, error) {
	if c.Duration <= 0 {
		c.Duration = longest
	}
	c.Service = tariff.Voice
	return reach(s, &c, credit)
}

// MaxUnits is MaxDuration for messages and data: how many units the credit is
// enough for, 2^30 at most when the call does not say how many are wanted.
func MaxUnits(s *tariff.Snapshot, c Call, credit billing.Amount) (int64, error) {
	if c.Units <= 0 {
		c.Units = most
	}
	d, err := reach(s, &c, credit)
	return int64(d / 1000), err
}

func reach(s *tariff.Snapshot, c *Call, credit billing.Amount) (billing.Millis, error) {
	match, err := find(s, c)
	if err != nil {
		return 0, err
	}
	if _, err := billing.NewAmount(0, s.Currency()).Cmp(credit); err != nil {
		return 0, err
	}
	w := newWalk(s, match, c)
	if err := w.m.open(s.Rounding(), s.Currency(), match.Cap()); err != nil {
		return 0, err
	}
	w.m.pay(credit)
	limit := c.extent()
	if err := w.run(limit); err != nil {
		return 0, err
	}
	if w.cut {
		return min(w.served, limit), nil
	}
	return min(w.off, limit), nil
}

// most returns for how many of n intervals there is enough. Within a run of
// equal intervals the price is a straight line, so it is enough to look at its
// end. Otherwise division says about how many; only rounding can make it
// differ, so the search begins there, in steps that grow, and bisects once it
// has the answer between two of them.
func (m *meter) most(i tariff.Interval, n int64) int64 {
	if m.affords(i, n) {
		return n
	}
	probe := m.estimate(i)
	enough, galloping, up, step := int64(0), true, false, int64(1)
	for first := true; enough+1 < n; first = false {
		probe = min(max(probe, enough+1), n-1)
		fits := m.affords(i, probe)
		galloping = galloping && (first || fits == up)
		up = fits
		if fits {
			enough = probe
			probe += step
		} else {
			n = probe
			probe -= step
		}
		if step *= 2; !galloping {
			probe = enough + (n-enough)/2
		}
	}
	return enough
}

func (m *meter) affords(i tariff.Interval, n int64) bool {
	cost := m.cost // that is all that charge changes
	ok := m.charge(i, n) == nil && m.within()
	m.cost = cost
	return ok
}

// estimate is about how many intervals there is enough for.
func (m *meter) estimate(i tariff.Interval) int64 {
	var one, rest billing.Cost
	if m.action == tariff.CapDisconnect {
		rest = m.limit
	}
	if m.paid {
		var credit billing.Cost
		if credit.AddAmount(m.credit) != nil {
			return 0
		}
		if c, err := credit.Cmp(rest); m.action != tariff.CapDisconnect || err == nil && c < 0 {
			rest = credit
		}
	}
	if one.Add(i.Price, i.Length()) != nil || rest.Sub(m.cost) != nil {
		return 0
	}
	return rest.Quotient(one)
}
