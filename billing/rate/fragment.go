package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Fragment is the part of a call between two changes of the rate in force.
type Fragment struct {
	Offset   billing.Millis // from the answer
	Duration billing.Millis
	Rate     int // number of the rate in the tariff
	Amount   billing.Amount
}

// Fragments returns the parts of a call by the calendar of the tariff, with
// the share that each has in a price that was made with steps. An interval
// belongs to the fragment in which it begins. Each price is the rounded sum up
// to its end less the one up to its beginning, so that all of them sum up to
// the unsplit price exactly.
func Fragments(s *tariff.Snapshot, c Call, r Result) ([]Fragment, error) {
	w := newWalk(s, r.Match, &c)
	end := r.Served
	if c.Service != tariff.Voice {
		end = 0
	}
	rate, until := w.period(0)
	out := []Fragment{{Rate: rate}}
	for until < end {
		at := until
		if rate, until = w.period(at); rate != out[len(out)-1].Rate {
			out[len(out)-1].Duration = at - out[len(out)-1].Offset
			out = append(out, Fragment{Offset: at, Rate: rate})
		}
	}
	last := &out[len(out)-1]
	last.Duration = end - last.Offset
	borders := make([]billing.Millis, 0, len(out))
	for _, f := range out[1:] {
		borders = append(borders, f.Offset)
	}
	shares, err := Shares(s, r, borders)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Amount = shares[i]
	}
	return out, nil
}

// Borders appends the offsets at which the rate in force changes during a call
// that lasts for so long.
func Borders(dst []billing.Millis, s *tariff.Snapshot, c Call, duration billing.Millis) []billing.Millis {
	w := newWalk(s, tariff.Match{}, &c)
	was, until := w.period(0)
	for until < duration {
		at := until
		var rate int
		if rate, until = w.period(at); rate != was {
			dst = append(dst, at)
		}
		was = rate
	}
	return dst
}

// InForce returns the name of the rate in force at an offset of a call, "" for
// the fee's own.
func InForce(s *tariff.Snapshot, c Call, off billing.Millis) string {
	w := newWalk(s, tariff.Match{}, &c)
	rate, _ := w.period(off)
	return s.RateName(rate)
}

// Shares splits a price that was made with steps at offsets in rising order,
// and returns one amount more than there are offsets. Together they are the
// price.
func Shares(s *tariff.Snapshot, r Result, borders []billing.Millis) ([]billing.Amount, error) {
	m := meter{}
	if err := m.open(s.Rounding(), s.Currency(), r.Match.Cap()); err != nil {
		return nil, err
	}
	out := make([]billing.Amount, 0, len(borders)+1)
	so := billing.NewAmount(0, s.Currency())
	at, done := 0, int64(0) // the step, and how many of its intervals are in
	for i := 0; i <= len(borders); i++ {
		border := never
		if i < len(borders) {
			border = borders[i]
		}
		var err error
		if at, done, err = m.upTo(r.Steps, at, done, border); err != nil {
			return nil, err
		}
		sum, err := m.sum()
		if err != nil {
			return nil, err
		}
		share, err := sum.Sub(so)
		if err != nil {
			return nil, err
		}
		out, so = append(out, share), sum
	}
	return out, nil
}

// upTo charges the steps, and intervals of a step, that begin before a border.
func (m *meter) upTo(steps []Step, at int, done int64, border billing.Millis) (int, int64, error) {
	for ; at < len(steps); at, done = at+1, 0 {
		s := steps[at]
		if s.Count != 0 && s.Offset >= border {
			break // the further parts of an interval go with its first
		}
		if s.Kind == Init || s.Kind == Follow {
			if s.Count > 1 {
				n := min(s.Count, begun(border-s.Offset, s.Interval.Length()))
				if err := m.charge(s.Interval, n-done); err != nil {
					return at, done, err
				}
				if done = n; n < s.Count {
					break
				}
				continue
			}
			last := at+1 == len(steps) || steps[at+1].Count != 0
			if err := m.piece(s, last); err != nil {
				return at, done, err
			}
			continue
		}
		if err := m.single(s); err != nil {
			return at, done, err
		}
	}
	return at, done, nil
}

func (m *meter) single(s Step) error {
	if s.Kind == Connect {
		return m.connect(s.Offset, s.Fee)
	}
	return m.once(s.Offset, s.Interval.Price)
}
