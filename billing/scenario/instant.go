package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/class5-go/class5/billing"
)

// Time is an instant, in one of three forms:
//
//   - absolute, as RFC 3339 has it: "2026-05-04T10:00:00Z",
//     "2026-05-04T12:00:00.250+02:00";
//   - what a clock on the wall shows: "2026-05-04T12:00:00", "2026-05-04 12:00"
//     or "2026-05-04", in the file's zone, or in one named behind a space:
//     "2026-05-04T12:00 America/Sao_Paulo". A time that comes twice is the first
//     of the two, one that is skipped is the instant of the change;
//   - an offset to the file's origin, a Span with a sign: "+90", "+1h30m", "-2d".
type Time string

// clock resolves instants.
type clock struct {
	zone   *time.Location
	origin billing.Millis
}

const latest billing.Millis = 253_402_300_799_999 // the end of the year 9999

func (c *clock) instant(t Time) (billing.Millis, error) {
	text := string(t)
	if len(text) > 80 {
		return 0, fmt.Errorf("%w: a time of %d bytes", billing.ErrSyntax, len(text))
	}
	m, err := c.resolve(text)
	if err == nil && (m <= 0 || m > latest) {
		err = fmt.Errorf("%w: %.40q is before 1970 or after 9999", billing.ErrSyntax, text)
	}
	return m, err
}

func (c *clock) resolve(text string) (billing.Millis, error) {
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		s, err := Span(rest).millis()
		return c.origin + s, err
	}
	if strings.HasPrefix(text, "-") {
		s, err := Span(text).millis()
		return c.origin + s, err
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return billing.MillisOf(t), nil
	}
	wall, name, named := cutZone(text)
	zone := c.zone
	if named {
		var err error
		if zone, err = location(name); err != nil {
			return 0, err
		}
	}
	for _, form := range [...]string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(form, strings.Replace(wall, " ", "T", 1)); err == nil {
			return onWall(zone, t), nil
		}
	}
	return 0, fmt.Errorf("%w: %.40q is no time", billing.ErrSyntax, text)
}

// cutZone splits the name of a time zone off.
func cutZone(text string) (wall, zone string, ok bool) {
	i := strings.LastIndexByte(text, ' ')
	if i < 0 || i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}

// onWall is the first instant at which a clock in a zone shows what t shows in
// UTC, or that of the change which skips it.
func onWall(zone *time.Location, t time.Time) billing.Millis {
	offset := func(at time.Time) time.Duration {
		_, s := at.In(zone).Zone()
		return time.Duration(s) * time.Second
	}
	const far = 36 * time.Hour // no offset is so large
	before, after := offset(t.Add(-far)), offset(t.Add(far))
	first, last := t.Add(-before), t.Add(-after)
	switch {
	case offset(first) == before:
		return billing.MillisOf(first)
	case offset(last) == after:
		return billing.MillisOf(last)
	}
	_, change := last.In(zone).ZoneBounds()
	return billing.MillisOf(change)
}

// location loads a time zone by its name.
func location(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%w: %.40q", ErrZone, name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %.40q", ErrZone, name)
	}
	return loc, nil
}

// absolute writes an instant in UTC.
func absolute(m billing.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Time().Format("2006-01-02T15:04:05.999Z07:00")
}

// local writes an instant as a clock in a zone shows it, with its offset.
func local(m billing.Millis, zone *time.Location) string {
	if m == 0 {
		return ""
	}
	return m.Time().In(zone).Format("2006-01-02T15:04:05.999-07:00")
}
