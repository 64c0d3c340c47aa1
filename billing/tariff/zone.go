package tariff

import (
	"math"
	"sort"
	"time"
)

// shift is an instant from which on local time differs from UTC by offset.
type shift struct {
	from   int64 // seconds since 1970
	offset int64
}

// Zone is a time zone made ready for rating: its changes of local time are in
// a table. It never changes. Make one for each zone, with NewZone, and keep it.
type Zone struct {
	loc    *time.Location
	shifts []shift
}

// Changes of local time are taken out of the zone database for these years.
// Outside of them it is asked every time.
const firstYear, lastYear = 2000, 2070

// NewZone reads the changes of local time of a zone, UTC when nil.
func NewZone(loc *time.Location) *Zone {
	if loc == nil {
		loc = time.UTC
	}
	z := &Zone{loc: loc}
	sec := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	stop := time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for sec < stop {
		offset, end := ask(loc, sec)
		if n := len(z.shifts); n == 0 || z.shifts[n-1].offset != offset {
			z.shifts = append(z.shifts, shift{sec, offset})
		}
		sec = end
	}
	z.shifts = append(z.shifts, shift{from: stop})
	return z
}

// Location returns the zone.
func (z *Zone) Location() *time.Location {
	if z.loc == nil {
		return time.UTC
	}
	return z.loc
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
func (z *Zone) local(sec int64) (offset, until int64) {
	last := len(z.shifts) - 1
	if last < 0 { // not made by NewZone
		return ask(z.Location(), sec)
	}
	if sec < z.shifts[0].from || sec >= z.shifts[last].from {
		return ask(z.loc, sec)
	}
	i := sort.Search(last, func(i int) bool { return z.shifts[i].from > sec })
	return z.shifts[i-1].offset, z.shifts[i].from
}
