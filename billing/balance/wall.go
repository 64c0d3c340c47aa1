package balance

import (
	"fmt"
	"time"

	"github.com/class5-go/class5/billing"
)

// Period is a unit of time that intervals are counted in.
type Period uint8

// Periods. Minutes and hours are spans; days, weeks and months go by the wall
// clock, so that a day with a change of time has 23 or 25 hours.
const (
	Minute Period = iota + 1
	Hour
	Day
	Week
	Month
)

var periodNames = [...]string{"", "minute", "hour", "day", "week", "month"}

// String returns the name.
func (p Period) String() string {
	if int(p) < len(periodNames) {
		return periodNames[p]
	}
	return fmt.Sprintf("period(%d)", uint8(p))
}

// MarshalText returns the name.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the name; the empty text is the zero Period.
func (p *Period) UnmarshalText(b []byte) error {
	for i, n := range periodNames {
		if n == string(b) {
			*p = Period(i)
			return nil
		}
	}
	return fmt.Errorf("%w: period %.20q", ErrTerms, b)
}

// wall returns the first instant at which clocks in loc show the given time.
// A time that is skipped gives the instant of the change.
func wall(loc *time.Location, y int, m time.Month, d int, clock time.Duration) billing.Millis {
	u := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Add(clock)
	const far = 36 * time.Hour // no offset is so large
	before, after := offset(loc, u.Add(-far)), offset(loc, u.Add(far))
	first, last := u.Add(-before), u.Add(-after)
	switch {
	case offset(loc, first) == before:
		return billing.Millis(first.UnixMilli())
	case offset(loc, last) == after:
		return billing.Millis(last.UnixMilli())
	}
	low, high := last.UnixMilli(), first.UnixMilli() // the change is between them
	if low > high {
		low, high = high, low
	}
	for low+1 < high {
		mid := low + (high-low)/2
		if offset(loc, time.UnixMilli(mid)) == before {
			low = mid
		} else {
			high = mid
		}
	}
	return billing.Millis(high)
}

func offset(loc *time.Location, t time.Time) time.Duration {
	_, s := t.In(loc).Zone()
	return time.Duration(s) * time.Second
}

// local takes an instant apart as clocks in loc show it.
func local(loc *time.Location, at billing.Millis) (y int, m time.Month, d int, clock time.Duration) {
	t := time.UnixMilli(int64(at)).In(loc)
	y, m, d = t.Date()
	h, mi, s := t.Clock()
	clock = time.Duration(h)*time.Hour + time.Duration(mi)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
	return y, m, d, clock
}

// midnight is the first instant of the day that holds at.
func midnight(loc *time.Location, at billing.Millis) billing.Millis {
	y, m, d, _ := local(loc, at)
	return wall(loc, y, m, d, 0)
}

// shift moves an instant by n periods. Months keep the day of the month, or
// take the last one of a shorter month; from the last day of a month they go
// to last days.
func shift(loc *time.Location, at billing.Millis, n int, p Period) billing.Millis {
	switch p {
	case Minute:
		return at + billing.Millis(n)*60_000
	case Hour:
		return at + billing.Millis(n)*3_600_000
	}
	y, m, d, clock := local(loc, at)
	switch p {
	case Week:
		n *= 7
	case Month:
		last := d == days(y, m)
		to := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		y, m = to.Year(), to.Month()
		if most := days(y, m); last || d > most {
			d = most
		}
		return wall(loc, y, m, d, clock)
	}
	return wall(loc, y, m, d+n, clock)
}

func days(y int, m time.Month) int { return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }
