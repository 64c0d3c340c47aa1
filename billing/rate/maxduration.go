package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// longest is what MaxDuration answers at most when it is not told otherwise.
const longest billing.Millis = 24 * 3600 * 1000

// MaxDuration returns how long a call may last so that it costs no more than
// credit at any moment of it: always to the end of an interval, for whoever
// pays for it may use it up. It is 0 when the credit does not reach for the
// connect fee and the first interval. The call's duration is the longest
// answer wanted, 24 hours when 0.
//
// Errors are ErrNoFee, ErrCall and, for a credit in another currency,
// billing.ErrCurrency.
func MaxDuration(s *tariff.Snapshot, c Call, credit billing.Amount) (billing.Millis, error) {
	match, err := find(s, c)
	if err != nil {
		return 0, err
	}
	if _, err := billing.NewAmount(0, s.Currency()).Cmp(credit); err != nil {
		return 0, err
	}
	limit := c.Duration
	if limit <= 0 {
		limit = longest
	}
	m := meter{rounding: s.Rounding(), currency: s.Currency()}
	first, _ := s.Period(c.Start)
	init := match.Rate(first).Init
	if err := m.connect(match.Connect()); err != nil {
		return 0, err
	}
	if !m.within(credit) || !m.affords(init, 1, credit) {
		return 0, nil
	}
	off := init.Length()
	for off < limit {
		rate, until := s.Period(c.Start + off)
		follow := match.Rate(rate).Follow
		n := begun(min(until-c.Start, limit)-off, follow.Length())
		if !m.affords(follow, n, credit) {
			n = m.most(follow, n, credit)
			return off + billing.Millis(n)*follow.Length(), nil
		}
		off += billing.Millis(n) * follow.Length()
	}
	return min(off, limit), nil
}

// affords charges n intervals if the credit is enough for them. Within a run
// of equal intervals the price is a straight line, so it is enough to look at
// its end.
func (m *meter) affords(i tariff.Interval, n int64, credit billing.Amount) bool {
	try := *m
	if try.charge(i, n) != nil || !try.within(credit) {
		return false
	}
	*m = try
	return true
}

// most returns for how many of n intervals, less than all, the credit is
// enough. Division says about how many; only rounding can make it differ, so
// the search begins there, in steps that grow, and bisects once it has the
// answer between two of them.
func (m *meter) most(i tariff.Interval, n int64, credit billing.Amount) int64 {
	var one, rest billing.Cost
	probe := int64(0)
	if one.Add(i.Price, i.Length()) == nil && rest.AddAmount(credit) == nil && rest.Sub(m.cost) == nil {
		probe = rest.Quotient(one)
	}
	enough, galloping, up, step := int64(0), true, false, int64(1)
	for first := true; enough+1 < n; first = false {
		probe = min(max(probe, enough+1), n-1)
		try := *m
		fits := try.charge(i, probe) == nil && try.within(credit)
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
