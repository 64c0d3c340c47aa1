package tariff

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/class5-go/class5/billing"
)

const (
	day  = 86400
	week = 7 * day
	// monday is the seconds from the Monday before 1970 to 1970, a Thursday.
	monday = 3 * day

	// never is the end of a period that does not end.
	never = billing.Millis(math.MaxInt64)
)

// border is a point of the local week, counted from Monday 00:00, from which
// on a rate is in force.
type border struct {
	at   int64
	rate uint16
}

// span is a stretch of local time, in seconds, with a rate.
type span struct {
	from, to int64
	rate     uint16
	text     fmt.Stringer
}

// calendar tells which rate is in force. Where local time runs evenly, the
// week is a table, the special dates are a second one, and the changes of
// local time a third. Together they need no date arithmetic and are right on
// the days of change by themselves.
type calendar struct {
	week     []border
	specials []span // sorted, apart from each other
	zone     *Zone
}

func newCalendar(cfg *Config, rates map[string]uint16) (calendar, error) {
	c := calendar{}
	last := int64(0)
	if cfg.InclusiveEnds {
		last = 1
	}
	var spans []span
	for _, w := range cfg.Windows {
		for d := range int64(7) {
			if w.Days.Has(time.Weekday((d + 1) % 7)) {
				spans = append(spans, span{d*day + int64(w.From), d*day + min(int64(w.To)+last, day), rates[w.Rate], w})
			}
		}
	}
	spans, err := arrange(spans)
	if err != nil {
		return c, err
	}
	at := int64(0)
	for _, s := range spans {
		if s.from > at {
			c.add(at, 0)
		}
		c.add(s.from, s.rate)
		at = s.to
	}
	if at < week {
		c.add(at, 0)
	}
	spans = spans[:0:0]
	for _, v := range cfg.Specials {
		spans = append(spans, span{int64(v.From), int64(v.To) + last, rates[v.Rate], v})
	}
	if c.specials, err = arrange(spans); err != nil {
		return c, err
	}
	c.zone = &Zone{loc: cfg.Location}
	if !c.even() {
		c.zone = NewZone(cfg.Location)
	}
	return c, nil
}

// arrange sorts spans and joins those of one rate. Two rates at one time are
// ErrOverlap.
func arrange(spans []span) ([]span, error) {
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range spans {
		n := len(out) - 1
		switch {
		case n < 0 || s.from > out[n].to || s.from == out[n].to && s.rate != out[n].rate:
			out = append(out, s)
		case s.rate != out[n].rate:
			return nil, fmt.Errorf("%w: %q and %q", ErrOverlap, out[n].text, s.text)
		case s.to > out[n].to:
			out[n].to, out[n].text = s.to, s.text
		}
	}
	return out, nil
}

// add puts a border at the end of the table unless the rate goes on.
func (c *calendar) add(at int64, rate uint16) {
	if n := len(c.week); n == 0 || c.week[n-1].rate != rate {
		c.week = append(c.week, border{at, rate})
	}
}

// even reports whether one rate is always in force.
func (c *calendar) even() bool { return len(c.week) == 1 && len(c.specials) == 0 }

// period returns the rate in force at an instant, and an instant up to which
// it surely is. The rate may go on behind that.
func (c *calendar) period(z *Zone, at billing.Millis) (rate uint16, until billing.Millis) {
	if c.even() {
		return c.week[0].rate, never
	}
	sec := floorDiv(int64(at), 1000)
	offset, even := z.local(sec)
	local := sec + offset
	next := int64(math.MaxInt64 / 1000)
	if len(c.specials) > 0 {
		i := sort.Search(len(c.specials), func(i int) bool { return c.specials[i].to > local })
		if i < len(c.specials) {
			if v := &c.specials[i]; v.from <= local {
				return v.rate, billing.Millis(min(sec+v.to-local, even) * 1000)
			}
			next = sec + c.specials[i].from - local
		}
	}
	pos := local + monday
	pos -= floorDiv(pos, week) * week
	i := sort.Search(len(c.week), func(i int) bool { return c.week[i].at > pos })
	end := int64(week)
	if i < len(c.week) {
		end = c.week[i].at
	}
	return c.week[i-1].rate, billing.Millis(min(sec+end-pos, even, next) * 1000)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
