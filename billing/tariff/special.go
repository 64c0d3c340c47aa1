package tariff

import (
	"fmt"
	"strings"
	"time"
)

// Wall is what a clock on the wall and a calendar show, in seconds from
// 1970-01-01 00:00 by the same clock.
type Wall int64

const wallForm = "2006-01-02T15:04:05"

// WallOf returns what the clock of t's own location shows.
func WallOf(t time.Time) Wall {
	_, off := t.Zone()
	return Wall(t.Unix() + int64(off))
}

// ParseWall reads "2026-12-24T18:00:00"; seconds or the time may be missing,
// and a space may stand for the T.
func ParseWall(s string) (Wall, error) {
	s = strings.Replace(s, " ", "T", 1)
	for _, form := range [...]string{wallForm, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil && len(s) == len(form) {
			return Wall(t.Unix()), nil
		}
	}
	return 0, fmt.Errorf("%w: date %.40q", ErrWindow, s)
}

// String returns the form that ParseWall reads.
func (w Wall) String() string { return time.Unix(int64(w), 0).UTC().Format(wallForm) }

// MarshalText returns String.
func (w Wall) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText is ParseWall.
func (w *Wall) UnmarshalText(b []byte) error {
	v, err := ParseWall(string(b))
	if err != nil {
		return err
	}
	*w = v
	return nil
}

// Special is a span of local time, such as a holiday, in which a rate is in
// force whatever the weekday says. It is half open like a Window, and may be
// of any length. An empty Rate is the fee's own.
type Special struct {
	Rate     string
	From, To Wall
}

// ownRate is how the fee's own rate is written in a Special.
const ownRate = "default"

// ParseSpecial reads a name and two dates: "holiday 2026-12-24T18:00/2026-12-27".
func ParseSpecial(s string) (Special, error) {
	name, span, _ := strings.Cut(s, " ")
	from, to, _ := strings.Cut(span, "/")
	v := Special{Rate: name}
	if name == ownRate {
		v.Rate = ""
	}
	var err error
	if v.From, err = ParseWall(from); err != nil {
		return v, err
	}
	if v.To, err = ParseWall(to); err != nil {
		return v, err
	}
	return v, v.check(false)
}

// String returns the form that ParseSpecial reads.
func (v Special) String() string {
	name := v.Rate
	if name == "" {
		name = ownRate
	}
	return name + " " + v.From.String() + "/" + v.To.String()
}

// check takes an end that equals the beginning for good where ends belong to
// their windows.
func (v Special) check(inclusive bool) error {
	if v.Rate != "" {
		if err := checkName(v.Rate); err != nil {
			return fmt.Errorf("%w: rate %.40q: %w", ErrWindow, v.Rate, err)
		}
	}
	if v.From > v.To || v.From == v.To && !inclusive || v.From < -1<<40 || v.To > 1<<40 {
		return fmt.Errorf("%w: %s", ErrWindow, v)
	}
	return nil
}

// MarshalText returns String.
func (v Special) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText is ParseSpecial.
func (v *Special) UnmarshalText(b []byte) error {
	s, err := ParseSpecial(string(b))
	if err != nil {
		return err
	}
	*v = s
	return nil
}
