package balance

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
)

// Start says where the first balance interval of an account begins, and in
// which time zone its borders are.
type Start string

// Start modes.
const (
	// StartFirst: calendar months of the operator, the first of which holds
	// the day of creation. Weeks begin on Monday, everything shorter at the
	// midnight before the creation.
	StartFirst   Start = "1st"
	StartFirstTZ Start = "1st_tz" // the same in the customer's time zone
	// StartCreate: at 00:00 of the day of creation.
	StartCreate   Start = "create"
	StartCreateTZ Start = "create_tz" // the same in the customer's time zone
	// StartTopUp: the first interval has no end; each top-up ends the running
	// interval and begins another one without end.
	StartTopUp Start = "topup"
	// StartTopUpInterval: the first interval has no end; the first top-up ends
	// it and begins a chain of intervals of the set length.
	StartTopUpInterval Start = "topup_interval"
)

// CarryOver says what becomes of cash at the end of an interval.
type CarryOver string

// Carry-over modes.
const (
	CarryAlways CarryOver = "carry_over"
	// CarryTimely keeps cash only if there was a top-up in the last part of
	// the interval, Package.Timely.
	CarryTimely CarryOver = "carry_over_timely"
	CarryNever  CarryOver = "discard"
)

// Span is a number of periods.
type Span struct {
	Count  int    `json:"count"`
	Period Period `json:"period"`
}

func (s Span) check() error {
	if s.Count < 1 || s.Count > 1_000_000 || s.Period < Minute || s.Period > Month {
		return fmt.Errorf("%w: a span of %d x %s", ErrTerms, s.Count, s.Period)
	}
	return nil
}

// Rule lays intervals over time. The zero Rule is one calendar month.
type Rule struct {
	Length Span  `json:"length,omitzero"`
	Start  Start `json:"start,omitempty"`
}

func (r Rule) normal() Rule {
	if r.Length == (Span{}) {
		r.Length = Span{1, Month}
	}
	if r.Start == "" {
		r.Start = StartFirst
	}
	return r
}

func (r Rule) check() error {
	switch r.Start {
	case "", StartFirst, StartFirstTZ, StartCreate, StartCreateTZ, StartTopUp, StartTopUpInterval:
	default:
		return fmt.Errorf("%w: start mode %.20q", ErrTerms, string(r.Start))
	}
	return r.normal().Length.check()
}

// open reports whether the first interval has no end.
func (r Rule) open() bool { return r.Start == StartTopUp || r.Start == StartTopUpInterval }

// customer reports whether borders are in the customer's time zone.
func (r Rule) customer() bool { return r.Start == StartFirstTZ || r.Start == StartCreateTZ }

// Grid is a chain of intervals without gap or overlap: the border number n is
// n lengths after the anchor, counted from the anchor every time, so that a
// chain of 31sts comes back to the 31st after a shorter month.
type Grid struct {
	Anchor billing.Millis
	Length Span
	Zone   *time.Location
}

// Grid returns the chain for an account created at that time. The first
// interval of the modes that wait for a top-up begins at 00:00 of the day of
// creation too, and its end is the border that it would have.
func (r Rule) Grid(created billing.Millis, zone *time.Location) Grid {
	r = r.normal()
	g := Grid{Length: r.Length, Zone: zone}
	y, m, d, _ := local(zone, created)
	if r.Start == StartFirst || r.Start == StartFirstTZ {
		switch r.Length.Period {
		case Month:
			d = 1
		case Week:
			d -= (int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
		}
	}
	g.Anchor = wall(zone, y, m, d, 0)
	return g
}

// Border returns the begin of interval n, which may be negative.
func (g Grid) Border(n int) billing.Millis {
	return shift(g.Zone, g.Anchor, n*g.Length.Count, g.Length.Period)
}

// Find returns the number of the interval that holds an instant.
func (g Grid) Find(at billing.Millis) int {
	n := int((at - g.Anchor) / g.most())
	for g.Border(n) > at {
		n--
	}
	// Most intervals are shorter than the longest, so the estimate is low for
	// later instants; step by what is still missing.
	for {
		missing := int((at - g.Border(n)) / g.most())
		if missing < 1 {
			break
		}
		n += missing
	}
	for g.Border(n+1) <= at {
		n++
	}
	return n
}

// most is no less than the longest interval.
func (g Grid) most() billing.Millis {
	const day = 86_400_000
	c := billing.Millis(g.Length.Count)
	switch g.Length.Period {
	case Minute:
		return c * 60_000
	case Hour:
		return c * 3_600_000
	case Day:
		return (c + 2) * day
	case Week:
		return (7*c + 2) * day
	}
	return (31*c + 2) * day
}
