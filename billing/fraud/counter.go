package fraud

import (
	"fmt"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
)

// Sum is what was spent in one period.
type Sum struct {
	Period   Period         `json:"period"`
	Start    billing.Millis `json:"start"`
	Customer billing.Amount `json:"customer"`
	Reseller billing.Amount `json:"reseller"`
	Calls    int            `json:"calls"`
	// Pardon is what an unlock took off the sum that counts.
	Pardon billing.Amount `json:"pardon,omitzero"`
	// Exceeded: the limit was reached, and the sum did not fall since.
	Exceeded bool `json:"exceeded,omitempty"`
}

// Counter holds the sums of one contract. The zero Counter has none.
type Counter struct {
	Sums     []Sum            `json:"sums,omitempty"`   // month, day, hour
	Recent   []billing.Millis `json:"recent,omitempty"` // ends of the latest calls, in order
	Pardoned billing.Millis   `json:"pardoned,omitempty"`
	Many     bool             `json:"many,omitempty"` // too many calls in the window
}

// Spent is a call, a message or a refund.
type Spent struct {
	End      billing.Millis // which decides the periods
	Customer billing.Amount
	Reseller billing.Amount
	Calls    int // 1 for a call, 0 for a correction
}

// Reason is one limit that is exceeded.
type Reason struct {
	Period Period         `json:"period"`
	Start  billing.Millis `json:"start"` // of the period or window
	Limit  string         `json:"limit"`
	Spent  string         `json:"spent"` // reservations included
	New    bool           `json:"new"`   // since the verdict before
	Action
}

// Verdict is what follows.
type Verdict struct {
	Lock    int      `json:"lock"`              // level to be in force now, 0 for none
	Cut     bool     `json:"cut"`               // running calls are to be cut
	Notify  bool     `json:"notify"`            // somebody is to be told, of the new reasons
	Reasons []Reason `json:"reasons,omitempty"` // the longest period first
}

var periods = [...]Period{Month, Day, Hour}

// begin is the start of a period in a time zone.
func begin(p Period, at billing.Millis, zone *time.Location) billing.Millis {
	t := time.UnixMilli(int64(at)).In(zone)
	y, m, d := t.Date()
	switch p {
	case Month:
		return billing.MillisOf(time.Date(y, m, 1, 0, 0, 0, 0, zone))
	case Day:
		return billing.MillisOf(time.Date(y, m, d, 0, 0, 0, 0, zone))
	}
	// An hour is one of the clock, also where offsets have half hours, and
	// both of the hour that comes twice.
	return at - billing.Millis(t.Minute()*60_000+t.Second()*1000+t.Nanosecond()/1_000_000)
}

// advance opens the periods that hold an instant. Those before are gone.
func (c *Counter) advance(at billing.Millis, zone *time.Location) {
	if len(c.Sums) == 0 {
		c.Sums = make([]Sum, len(periods))
	}
	for i, p := range periods {
		if s := begin(p, at, zone); s > c.Sums[i].Start || c.Sums[i].Period == "" {
			c.Sums[i] = Sum{Period: p, Start: s}
		}
	}
}

// Add counts what was spent and judges. A call that ended before a period
// that is counted does not belong to it. On an error, of money, nothing is
// changed. The counter given is left alone.
func Add(c Counter, l Limits, s Spent, reserved billing.Amount, zone *time.Location) (Counter, Verdict, error) {
	c = c.clone()
	c.advance(s.End, zone)
	for i := range c.Sums {
		sum := &c.Sums[i]
		if s.End < sum.Start {
			continue
		}
		var err error
		if sum.Customer, err = sum.Customer.Add(s.Customer); err != nil {
			return Counter{}, Verdict{}, fmt.Errorf("fraud: %w", err)
		}
		if sum.Reseller, err = sum.Reseller.Add(s.Reseller); err != nil {
			return Counter{}, Verdict{}, fmt.Errorf("fraud: %w", err)
		}
		sum.Calls += s.Calls
	}
	for range s.Calls {
		n, _ := slices.BinarySearch(c.Recent, s.End)
		c.Recent = slices.Insert(c.Recent, n, s.End)
	}
	at := s.End
	if n := len(c.Recent); n > 0 {
		at = max(at, c.Recent[n-1])
	}
	v, err := c.judge(l, at, reserved)
	return c, v, err
}

// Check judges at an instant, with what running calls have reserved.
func Check(c Counter, l Limits, at billing.Millis, reserved billing.Amount, zone *time.Location) (Counter, Verdict, error) {
	c = c.clone()
	c.advance(at, zone)
	v, err := c.judge(l, at, reserved)
	return c, v, err
}

// Unlock pardons what was spent so far: the limits of the running periods
// count from here.
func Unlock(c Counter, l Limits, at billing.Millis, zone *time.Location) Counter {
	c = c.clone()
	c.advance(at, zone)
	for i := range c.Sums {
		s := &c.Sums[i]
		s.Pardon, s.Exceeded = s.spent(&l), false
	}
	c.Pardoned, c.Many = at, false
	c.Recent = nil
	return c
}

func (c Counter) clone() Counter {
	c.Sums, c.Recent = slices.Clone(c.Sums), slices.Clone(c.Recent)
	return c
}

func (s *Sum) spent(l *Limits) billing.Amount {
	if l.Reseller != nil && *l.Reseller {
		return s.Reseller
	}
	return s.Customer
}

func (c *Counter) judge(l Limits, at billing.Millis, reserved billing.Amount) (Verdict, error) {
	var v Verdict
	for i := range c.Sums {
		r, err := c.Sums[i].judge(&l, reserved)
		if err != nil {
			return v, err
		}
		v.add(r)
	}
	v.add(c.window(l.Window, at))
	return v, nil
}

// judge returns the reason that a period gives, or nil.
func (s *Sum) judge(l *Limits, reserved billing.Amount) (*Reason, error) {
	m := l.money(s.Period)
	if m == nil {
		s.Exceeded = false
		return nil, nil
	}
	spent, err := s.spent(l).Sub(s.Pardon)
	if err == nil {
		spent, err = spent.Add(reserved)
	}
	if err != nil {
		return nil, fmt.Errorf("fraud: %w", err)
	}
	rearm := m.Limit
	if l.Hysteresis != nil {
		if rearm, err = m.Limit.MulRatio(int64(100-*l.Hysteresis), 100, billing.Rounding{}); err != nil {
			return nil, fmt.Errorf("fraud: %w", err)
		}
	}
	over, err := spent.Cmp(m.Limit)
	if err != nil {
		return nil, fmt.Errorf("fraud: %w", err)
	}
	was := s.Exceeded
	s.Exceeded = over >= 0 || was && spent.Micros() >= rearm.Micros()
	if !s.Exceeded {
		return nil, nil
	}
	return &Reason{Period: s.Period, Start: s.Start, Limit: m.Limit.String(), Spent: spent.String(), New: !was, Action: m.Action}, nil
}

// window judges the calls of the latest span.
func (c *Counter) window(w *Calls, at billing.Millis) *Reason {
	if w == nil {
		c.Recent, c.Many = nil, false
		return nil
	}
	c.Recent = slices.DeleteFunc(c.Recent, func(e billing.Millis) bool { return e <= at-w.Span || e < c.Pardoned })
	n := len(c.Recent)
	if n > w.Limit { // more need not be remembered
		c.Recent = slices.Delete(c.Recent, 0, n-w.Limit)
	}
	was := c.Many
	if c.Many = n >= w.Limit; !c.Many {
		return nil
	}
	return &Reason{Period: Window, Start: at - w.Span, Limit: fmt.Sprint(w.Limit), Spent: fmt.Sprint(n), New: !was, Action: w.Action}
}

func (v *Verdict) add(r *Reason) {
	if r == nil {
		return
	}
	v.Reasons = append(v.Reasons, *r)
	if v.Lock == 0 {
		v.Lock = r.Lock
	}
	v.Cut = v.Cut || r.Cut
	v.Notify = v.Notify || r.Notify && r.New
}
