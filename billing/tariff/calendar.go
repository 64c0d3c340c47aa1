package tariff

import (
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
	rate uint8
}

// shift is an instant from which on local time differs from UTC by offset.
type shift struct {
	from   int64 // seconds since 1970
	offset int64
}

// calendar tells which rate is in force. Where local time runs evenly, the
// week is a table; the changes of local time are a second one. Both together
// need no date arithmetic and are right on the days of change by themselves.
type calendar struct {
	week   []border
	shifts []shift
	zone   *time.Location
}

// Changes of local time are taken out of the zone database for these years.
// Outside of them it is asked every time.
const firstYear, lastYear = 2000, 2070

func newCalendar(windows []Window, rates map[string]uint8, zone *time.Location) (calendar, error) {
	c := calendar{zone: zone}
	type span struct {
		from, to int64
		w        Window
	}
	var spans []span
	for _, w := range windows {
		for d := range int64(7) {
			if w.Days.Has(time.Weekday((d + 1) % 7)) {
				spans = append(spans, span{d*day + int64(w.From), d*day + int64(w.To), w})
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	// at is up to where the week is filled, by the window last.
	at, last := int64(0), Window{}
	for _, s := range spans {
		if s.from < at && s.w.Rate != last.Rate {
			return c, fmt.Errorf("%w: %q and %q", ErrOverlap, last, s.w)
		}
		if s.from > at {
			c.add(at, 0)
		}
		if s.to > at {
			c.add(max(s.from, at), rates[s.w.Rate])
			at, last = s.to, s.w
		}
	}
	if at < week {
		c.add(at, 0)
	}
	if len(c.week) > 1 {
		c.load()
	}
	return c, nil
}

// add puts a border at the end of the table unless the rate goes on.
func (c *calendar) add(at int64, rate uint8) {
	if n := len(c.week); n == 0 || c.week[n-1].rate != rate {
		c.week = append(c.week, border{at, rate})
	}
}

// load makes the table of changes of local time.
func (c *calendar) load() {
	sec := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	stop := time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for sec < stop {
		offset, end := ask(c.zone, sec)
		if n := len(c.shifts); n == 0 || c.shifts[n-1].offset != offset {
			c.shifts = append(c.shifts, shift{sec, offset})
		}
		sec = end
	}
	c.shifts = append(c.shifts, shift{from: stop})
}

// ask asks the zone database how far local time is from UTC, and until when
// at least. The bounds that the time package works out from a rule for all
// further years end with the year, and on the last day of a leap year they end
// before they begin; an hour is always safe to say.
func ask(zone *time.Location, sec int64) (offset, until int64) {
	t := time.Unix(sec, 0).In(zone)
	_, off := t.Zone()
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return int64(off), math.MaxInt64 / 1000
	case end.Unix() <= sec:
		return int64(off), sec + 3600
	}
	return int64(off), end.Unix()
}

// local returns how far local time is from UTC at sec, and until when.
func (c *calendar) local(sec int64) (offset, until int64) {
	last := len(c.shifts) - 1
	if sec < c.shifts[0].from || sec >= c.shifts[last].from {
		return ask(c.zone, sec)
	}
	i := sort.Search(last, func(i int) bool { return c.shifts[i].from > sec })
	return c.shifts[i-1].offset, c.shifts[i].from
}

// period returns the rate in force at an instant, and an instant up to which
// it surely is. The rate may go on behind that.
func (c *calendar) period(at billing.Millis) (rate uint8, until billing.Millis) {
	if len(c.week) == 1 {
		return c.week[0].rate, never
	}
	sec := floorDiv(int64(at), 1000)
	offset, even := c.local(sec)
	pos := sec + offset + monday
	pos -= floorDiv(pos, week) * week
	i := sort.Search(len(c.week), func(i int) bool { return c.week[i].at > pos })
	end := int64(week)
	if i < len(c.week) {
		end = c.week[i].at
	}
	return c.week[i-1].rate, billing.Millis(min(sec+end-pos, even) * 1000)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
