package rate

import (
	"math"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// never is the end of a rate that stays in force.
const never billing.Millis = math.MaxInt64

// walk lays intervals over a call, one run of equal ones after the other.
type walk struct {
	s     *tariff.Snapshot
	match tariff.Match
	start billing.Millis
	zone  *tariff.Zone
	units bool
	m     meter

	off   billing.Millis // up to where the call is paid for
	tier  int64          // start of the highest tier that was entered
	fees  billing.Amount // connect fees charged
	due   billing.Millis // when the one-off price is, 0 for never or past
	price billing.Price  // the one-off price
	extra billing.Price  // and the one that was charged
	free  bool

	cut    bool           // a cap or the credit ends the call
	served billing.Millis // there
}

func newWalk(s *tariff.Snapshot, match tariff.Match, c *Call) walk {
	return walk{s: s, match: match, start: c.Start, zone: c.Zone, units: c.Service != tariff.Voice}
}

// run is a run of n equal intervals that begin before the offset until, at
// which the rate may change.
type run struct {
	kind  Kind
	rate  int
	until billing.Millis
	i     tariff.Interval
	n     int64
}

// run charges a call that lasts for so long.
func (w *walk) run(duration billing.Millis) error {
	rate, until := w.period(0)
	first, extra, free := w.match.Init(rate)
	w.free, w.price = free, extra.Price
	if n := billing.Millis(extra.Second) * 1000; n <= duration {
		w.due = n
	}
	if err := w.connect(w.match.Connect()); err != nil || w.cut || duration <= 0 {
		return err
	}
	if err := w.charge(&run{Init, rate, until, first, 1}, duration); err != nil {
		return err
	}
	for w.off < duration && !w.cut {
		if err := w.follow(duration); err != nil {
			return err
		}
	}
	return nil
}

// connect charges a connect fee.
func (w *walk) connect(fee billing.Amount) error {
	if w.m.bounded {
		cost, detailed := w.m.cost, w.m.detailed
		w.m.detailed = false
		fits := w.m.connect(w.off, fee) == nil && w.m.within()
		if w.m.cost, w.m.detailed = cost, detailed; !fits {
			w.stop(w.off)
			return nil
		}
	}
	if fee.IsZero() {
		return nil
	}
	var err error
	if w.fees, err = w.fees.Add(fee); err != nil {
		return err
	}
	return w.m.connect(w.off, fee)
}

func (w *walk) stop(at billing.Millis) { w.cut, w.served = true, at }

// period is the rate in force at an offset, and up to which offset at least.
func (w *walk) period(off billing.Millis) (rate int, until billing.Millis) {
	if w.units {
		rate, _ = w.s.PeriodIn(w.zone, w.start)
		return rate, never
	}
	rate, until = w.s.PeriodIn(w.zone, w.start+off)
	if until != never {
		until -= w.start
	}
	return rate, until
}

// follow charges the next run of equal intervals.
func (w *walk) follow(duration billing.Millis) error {
	rate, until := w.period(w.off)
	i, connect, start, end := w.match.Step(rate, int64(w.off/1000))
	if start > w.tier {
		w.tier = start
		if err := w.connect(connect); err != nil || w.cut {
			return err
		}
	}
	last := min(until, duration)
	if end > 0 {
		last = min(last, billing.Millis(end)*1000)
	}
	return w.charge(&run{Follow, rate, until, i, begun(last-w.off, i.Length())}, duration)
}

// charge charges as much of a run as is alike, at least one interval.
func (w *walk) charge(r *run, duration billing.Millis) error {
	length := r.i.Length()
	if w.due > w.off { // the interval that holds its second goes alone
		r.n = min(r.n, max(int64((w.due-w.off-1)/length), 1))
	}
	span, end := length, w.off+billing.Millis(r.n)*length
	if w.s.Counting() == tariff.CountExact && end > duration {
		if r.n == 1 {
			span = duration - w.off
		}
		r.n, end = max(r.n-1, 1), end-length
	}
	if w.s.Crossing() == tariff.CrossSplit && end > r.until {
		r.n = max(r.n-1, 1)
	}
	if r.n == 1 {
		return w.one(r, span)
	}
	n := r.n
	if w.m.bounded {
		n = w.m.most(r.i, r.n)
	}
	if n > 0 {
		if err := w.m.run(r.kind, w.off, r.rate, r.i, n); err != nil {
			return err
		}
		w.off += billing.Millis(n) * length
	}
	if n < r.n {
		return w.rest(r, length)
	}
	return nil
}

// one charges an interval, or the share of it that was used, together with the
// one-off price if that falls into it.
func (w *walk) one(r *run, span billing.Millis) error {
	due := w.due > w.off && w.due <= w.off+span
	if w.m.bounded && !w.affords(r, span, false) {
		return w.rest(r, span)
	}
	if due && w.m.bounded && !w.affords(r, span, true) {
		return w.before(r, span)
	}
	return w.take(r, span)
}

// take charges an interval and what falls into it.
func (w *walk) take(r *run, span billing.Millis) error {
	if err := w.pieces(&w.m, r, span); err != nil {
		return err
	}
	if w.due > w.off && w.due <= w.off+span {
		if err := w.m.once(w.off, w.price); err != nil {
			return err
		}
		w.extra, w.due = w.price, 0
	}
	w.off += span
	return nil
}

// affords reports whether what there is does for an interval, and for the
// one-off price on top of it.
func (w *walk) affords(r *run, span billing.Millis, extra bool) bool {
	m := &w.m
	cost, part, detailed := m.cost, m.part, m.detailed
	m.detailed = false
	ok := w.pieces(m, r, span) == nil && (!extra || m.once(w.off, w.price) == nil) && m.within()
	m.cost, m.part, m.detailed = cost, part, detailed
	return ok
}

// before ends the call ahead of the second that costs the one-off price. The
// interval that it is in was begun.
func (w *walk) before(r *run, span billing.Millis) error {
	at := max(w.off, w.due-1000)
	if w.s.Counting() == tariff.CountExact {
		span = at - w.off
	}
	if at > w.off {
		if err := w.pieces(&w.m, r, span); err != nil {
			return err
		}
		w.off += span
	}
	w.stop(at)
	return nil
}

// rest ends the call at the interval that what there is does not do for, or
// within it where shares of it are sold.
func (w *walk) rest(r *run, span billing.Millis) error {
	enough := billing.Millis(0)
	if w.s.Counting() == tariff.CountExact {
		least := billing.Millis(1)
		if w.units {
			least = 1000 // units are whole
		}
		for low, high := billing.Millis(1), (span-1)/least; low <= high; {
			mid := low + (high-low)/2
			if w.affords(r, mid*least, w.due > w.off && w.due <= w.off+mid*least) {
				enough, low = mid*least, mid+1
			} else {
				high = mid - 1
			}
		}
	}
	if enough > 0 {
		if err := w.take(r, enough); err != nil {
			return err
		}
	}
	w.stop(w.off)
	return nil
}

// pieces charges one interval, or a share of it, each part by the rate in
// force then where the tariff says so.
func (w *walk) pieces(m *meter, r *run, span billing.Millis) error {
	if !m.detailed && w.s.Crossing() == tariff.CrossBegin && m.rounding.Scope() == billing.ScopeLeg {
		return m.cost.Add(r.i.Price, span) // the common case, without a step to be made
	}
	s := Step{Kind: r.kind, Offset: w.off, Rate: r.rate, Count: 1, Span: span, Interval: r.i}
	if w.s.Crossing() == tariff.CrossBegin {
		return m.piece(s, true)
	}
	end, until := w.off+span, r.until
	for {
		last := min(end, until)
		s.Span = last - s.Offset
		if err := m.piece(s, last == end); err != nil || last == end {
			return err
		}
		s.Offset, s.Count = last, 0
		s.Rate, until = w.period(last)
		s.Interval.Price = w.priceAt(r.kind, s.Rate)
	}
}

// priceAt is the price by another rate of a part of the interval that began at
// w.off. Its length stays what it was, and so does its tier.
func (w *walk) priceAt(k Kind, rate int) billing.Price {
	if k == Init {
		first, _, _ := w.match.Init(rate)
		return first.Price
	}
	i, _, _, _ := w.match.Step(rate, int64(w.off/1000))
	return i.Price
}
