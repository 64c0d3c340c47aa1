package rate

import (
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
)

// Errors of rating.
var (
	// ErrNoFee says that the tariff has no fee for the call.
	ErrNoFee = errors.New("rate: no fee matches")
	// ErrCall says that a call lasts for more than a year, or begins before
	// 1970 or after 9999: a clock was wrong, and no price can be right.
	ErrCall = errors.New("rate: impossible call")
)

// Bounds of a call.
const (
	maxStart    billing.Millis = 253_402_300_799_999 // the end of the year 9999
	maxDuration billing.Millis = 366 * 24 * 3600 * 1000
)

// Call is what the price of an answered call depends on. Numbers are compared
// with the prefixes of fees as they are: a fee for 43 is not for +4312345, which
// then may fall to the fee for everything.
type Call struct {
	Direction   billing.Direction `json:"direction"`
	Source      string            `json:"source"`      // the caller's number
	Destination string            `json:"destination"` // the called number
	Start       billing.Millis    `json:"start"`       // the answer
	Duration    billing.Millis    `json:"duration_ms"`
}

// Options change how Rate works, not what the price is. The zero Options are
// usable.
type Options struct {
	// Steps, when not nil, is overwritten with the steps of the price, as far
	// as its capacity goes without a new allocation.
	Steps []Step
}

// Result is the price of a call.
type Result struct {
	Amount  billing.Amount
	Charged billing.Millis // time paid for: whole intervals
	Match   tariff.Match   // the fee
	Steps   []Step         // when asked for
}

// Kind is the part of a price that a step belongs to.
type Kind string

// Kinds of steps.
const (
	Connect Kind = "connect" // the connect fee
	Init    Kind = "init"    // the first interval
	Follow  Kind = "follow"  // further intervals
)

// Step is a run of equal intervals. The amounts of all steps of a price sum up
// to the price: rounded is the sum up to a step, and what it adds is the
// step's.
type Step struct {
	Kind     Kind
	Offset   billing.Millis // begin, counted from the answer
	Rate     int            // number of the rate in the tariff
	Count    int64          // intervals
	Interval tariff.Interval
	Amount   billing.Amount
}

// Rate prices an answered call. A negative duration counts as 0, and a call of
// 0 costs its connect fee. Errors are ErrNoFee, ErrCall and
// billing.ErrOverflow.
func Rate(s *tariff.Snapshot, c Call, o Options) (Result, error) {
	match, err := find(s, c)
	if err != nil {
		return Result{}, err
	}
	m := meter{rounding: s.Rounding(), currency: s.Currency()}
	if o.Steps != nil {
		m.steps, m.detailed = o.Steps[:0], true
	}
	off, err := walk(s, match, c, &m)
	if err != nil {
		return Result{}, err
	}
	sum, err := m.sum()
	if err != nil {
		return Result{}, err
	}
	return Result{Amount: sum, Charged: off, Match: match, Steps: m.steps}, nil
}

// find returns the fee of a call that can be priced.
func find(s *tariff.Snapshot, c Call) (tariff.Match, error) {
	if c.Start < 0 || c.Start > maxStart || c.Duration > maxDuration {
		return tariff.Match{}, fmt.Errorf("%w: %d ms from %d on", ErrCall, c.Duration, c.Start)
	}
	match, ok := s.Match(c.Direction, c.Source, c.Destination)
	if !ok {
		return match, fmt.Errorf("%w: %s, from %.40q to %.40q", ErrNoFee, c.Direction, c.Source, c.Destination)
	}
	return match, nil
}

// walk charges the meter for a call and returns the time charged.
func walk(s *tariff.Snapshot, match tariff.Match, c Call, m *meter) (billing.Millis, error) {
	if err := m.connect(match.Connect()); err != nil {
		return 0, err
	}
	duration := counted(c.Duration, s.Counting())
	if duration <= 0 {
		return 0, nil
	}
	first, _ := s.Period(c.Start)
	init := match.Rate(first).Init
	if err := m.add(Init, 0, first, init, 1); err != nil {
		return 0, err
	}
	off := init.Length()
	for off < duration {
		rate, until := s.Period(c.Start + off)
		follow := match.Rate(rate).Follow
		n := begun(min(until-c.Start, duration)-off, follow.Length())
		if err := m.add(Follow, off, rate, follow, n); err != nil {
			return 0, err
		}
		off += billing.Millis(n) * follow.Length()
	}
	return off, nil
}

// counted is the duration that the intervals are laid over.
func counted(d billing.Millis, c tariff.Counting) billing.Millis {
	if c == tariff.CountNearest && d > 0 {
		return (d + 500) / 1000 * 1000
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
