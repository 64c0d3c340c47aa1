package rate

import (
	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Rate prices an answered call. A negative duration counts as 0, and a call of
// 0 costs its connect fee. Errors are ErrNoFee, ErrCall and
// billing.ErrOverflow.
func Rate(s *tariff.Snapshot, c Call, o Options) (Result, error) {
	match, err := find(s, &c)
	if err != nil {
		return Result{}, err
	}
	w := newWalk(s, match, &c)
	if err := w.m.open(s.Rounding(), s.Currency(), match.Cap()); err != nil {
		return Result{}, err
	}
	if o.Steps != nil {
		w.m.steps, w.m.detailed = o.Steps[:0], true
	}
	extent := c.extent()
	if err := w.run(counted(extent, s.Counting())); err != nil {
		return Result{}, err
	}
	sum, err := w.m.sum()
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Amount: sum, Cost: w.m.capped(), Charged: w.off, Served: max(extent, 0), Connect: w.fees, Extra: w.extra,
		FreeTime: w.free, Capped: w.cut || w.m.full(), Cut: w.cut, Match: match, Steps: w.m.steps,
	}
	if w.cut {
		r.Served = min(r.Served, w.served)
	}
	return r, nil
}

// counted is the duration that the intervals are laid over.
func counted(d billing.Millis, c tariff.Counting) billing.Millis {
	switch {
	case d <= 0:
		return d
	case c == tariff.CountNearest:
		return (d + 500) / 1000 * 1000
	case c == tariff.CountWhole:
		return d / 1000 * 1000
	}
	return d
}

// begun is how many intervals begin within a span.
func begun(span, length billing.Millis) int64 {
	n := span / length
	if span%length != 0 {
		n++
	}
	return int64(n)
}
