package tariff

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Days is a set of weekdays.
type Days uint8

// DaySet makes a set.
func DaySet(days ...time.Weekday) Days {
	var d Days
	for _, w := range days {
		d |= 1 << (w % 7)
	}
	return d
}

// Has reports whether w is in the set.
func (d Days) Has(w time.Weekday) bool { return d>>(w%7)&1 == 1 }

// dayNames start the week with Monday, as tariffs do.
var dayNames = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// String lists the days with runs drawn together: "mon-fri,sun".
func (d Days) String() string {
	var parts []string
	for i := 0; i < 7; i++ {
		j := i
		for j < 7 && d.Has(time.Weekday((j+1)%7)) {
			j++
		}
		switch {
		case j == i:
			continue
		case j-i > 2:
			parts = append(parts, dayNames[i]+"-"+dayNames[j-1])
		default:
			parts = append(parts, dayNames[i:j]...)
		}
		i = j
	}
	return strings.Join(parts, ",")
}

// ParseDays reads what String writes.
func ParseDays(s string) (Days, error) {
	var d Days
	for _, part := range strings.Split(s, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		i, j := dayIndex(from), dayIndex(to)
		if i < 0 || j < i {
			return 0, fmt.Errorf("%w: days %.60q", ErrWindow, s)
		}
		for ; i <= j; i++ {
			d |= DaySet(time.Weekday((i + 1) % 7))
		}
	}
	return d, nil
}

func dayIndex(name string) int {
	for i, n := range dayNames {
		if n == name {
			return i
		}
	}
	return -1
}

// Window is a part of the week, the same time on some days, in which a named
// rate is in force. It is half open: From belongs to it, To does not. A night
// is two windows, one to 24:00 and one from 00:00.
type Window struct {
	Rate     string
	Days     Days
	From, To int // seconds since local midnight, 0 to 86400
}

// ParseWindow reads name, days and times: "offpeak mon-fri 18:00-24:00".
func ParseWindow(s string) (Window, error) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return Window{}, fmt.Errorf("%w: %.80q is not a name, days and times", ErrWindow, s)
	}
	days, err := ParseDays(f[1])
	if err != nil {
		return Window{}, err
	}
	from, to, _ := strings.Cut(f[2], "-")
	w := Window{Rate: f[0], Days: days}
	var ok1, ok2 bool
	w.From, ok1 = clock(from)
	w.To, ok2 = clock(to)
	if !ok1 || !ok2 {
		return Window{}, fmt.Errorf("%w: times %.40q", ErrWindow, f[2])
	}
	return w, w.check(false)
}

// clock reads hh:mm or hh:mm:ss, up to 24:00.
func clock(s string) (seconds int, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return 0, false
	}
	for i, scale := range []int{3600, 60, 1}[:len(parts)] {
		n, err := strconv.ParseUint(parts[i], 10, 8)
		if err != nil || len(parts[i]) != 2 || i > 0 && n > 59 {
			return 0, false
		}
		seconds += int(n) * scale
	}
	return seconds, seconds <= day
}

// check takes an end that equals the beginning for good where ends belong to
// their windows.
func (w Window) check(inclusive bool) error {
	if err := checkName(w.Rate); err != nil {
		return fmt.Errorf("%w: rate %.40q: %w", ErrWindow, w.Rate, err)
	}
	if w.Days == 0 || w.Days >= 1<<7 || w.From < 0 || w.To > day || w.From > w.To || w.From == w.To && (!inclusive || w.To == day) {
		return fmt.Errorf("%w: %s", ErrWindow, w)
	}
	return nil
}

// String returns the form that ParseWindow reads.
func (w Window) String() string {
	return w.Rate + " " + w.Days.String() + " " + clockText(w.From) + "-" + clockText(w.To)
}

func clockText(s int) string {
	if s%60 != 0 {
		return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/3600, s/60%60)
}

// MarshalText returns String.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText is ParseWindow.
func (w *Window) UnmarshalText(b []byte) error {
	v, err := ParseWindow(string(b))
	if err != nil {
		return err
	}
	*w = v
	return nil
}
