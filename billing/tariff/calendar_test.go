package tariff_test

import (
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/tariff"
	"github.com/class5-go/class5/internal/sweep"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func windows(t testing.TB, texts ...string) []tariff.Window {
	t.Helper()
	var out []tariff.Window
	for _, s := range texts {
		w, err := tariff.ParseWindow(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, w)
	}
	return out
}

func TestParseWindow(t *testing.T) {
	for in, want := range map[string]string{
		"offpeak mon-fri 18:00-24:00":   "offpeak mon-fri 18:00-24:00",
		"x  sat,sun   00:00-08:00:30":   "x sat,sun 00:00-08:00:30",
		"x sun,mon,tue,wed 01:00-02:00": "x mon-wed,sun 01:00-02:00",
		"x mon,tue 01:00-02:00":         "x mon,tue 01:00-02:00",
		"x mon-sun 00:00-24:00":         "x mon-sun 00:00-24:00",
		"x mon 08:00-08:00":             "",
		"x mon 18:00-08:00":             "",
		"x mon 18:00-24:01":             "",
		"x mon 8:00-9:00":               "",
		"x mon 08:60-09:00":             "",
		"x mon 08:00":                   "",
		"x fri-mon 08:00-09:00":         "",
		"x day 08:00-09:00":             "",
		"x mon 08:00-09:00 more":        "",
		"ä mon 08:00-09:00":             "",
		"x mon -1:00-09:00":             "",
		"":                              "",
	} {
		w, err := tariff.ParseWindow(in)
		if want == "" {
			if !errors.Is(err, tariff.ErrWindow) {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		if err != nil || w.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, w, err, want)
		}
		var back tariff.Window
		if text, err := w.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != w {
			t.Errorf("%q: %v became %v", in, w, back)
		}
	}
}

func TestOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		ok    bool
		texts []string
	}{
		"two rates":                 {false, []string{"a mon-fri 08:00-12:00", "b fri 11:00-13:00"}},
		"one within the other":      {false, []string{"a mon 08:00-12:00", "a mon 09:00-10:00", "b mon 11:00-11:30"}},
		"same rate":                 {true, []string{"a mon 08:00-12:00", "a mon 11:00-13:00"}},
		"side by side":              {true, []string{"a mon 08:00-12:00", "b mon 12:00-13:00"}},
		"Sunday night to Monday":    {true, []string{"a sun 22:00-24:00", "b mon 00:00-06:00"}},
		"the same at the same time": {false, []string{"a mon 08:00-12:00", "b mon 08:00-12:00"}},
	} {
		b := builder(t, tariff.Config{Windows: windows(t, c.texts...)})
		if _, err := b.Build(); c.ok != (err == nil) || !c.ok && !errors.Is(err, tariff.ErrOverlap) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := tariff.NewBuilder(tariff.Config{Currency: eur, Windows: []tariff.Window{{Rate: "x"}}}); !errors.Is(err, tariff.ErrWindow) {
		t.Errorf("a window of no days: %v", err)
	}
}

// TestPeriod has instants around borders and changes of local time. Vienna
// lost 02:00-03:00 on 2026-03-29 and has 02:00-03:00 twice on 2026-10-25.
func TestPeriod(t *testing.T) {
	s := build(t, tariff.Config{
		Location: zone(t, "Europe/Vienna"),
		Windows:  windows(t, "night mon-sun 00:00-06:00", "early sun 06:00-06:30"),
	})
	for _, c := range []struct{ at, rate, until string }{
		{"2026-01-05T05:59:59.999+01:00", "night", "2026-01-05T06:00:00+01:00"},
		{"2026-01-05T06:00:00+01:00", "", "2026-01-06T00:00:00+01:00"},
		{"2026-01-04T06:29:59+01:00", "early", "2026-01-04T06:30:00+01:00"}, // a Sunday
		{"2026-01-04T06:30:00+01:00", "", "2026-01-05T00:00:00+01:00"},
		// The night of spring is five hours long; the change itself ends a period.
		{"2026-03-29T01:00:00+01:00", "night", "2026-03-29T03:00:00+02:00"},
		{"2026-03-29T03:00:00+02:00", "night", "2026-03-29T06:00:00+02:00"},
		// The night of autumn is seven.
		{"2026-10-25T02:30:00+02:00", "night", "2026-10-25T02:00:00+01:00"},
		{"2026-10-25T02:30:00+01:00", "night", "2026-10-25T06:00:00+01:00"},
		// Before the table of changes of local time, and behind it.
		{"1985-01-05T05:00:00+01:00", "night", "1985-01-05T06:00:00+01:00"},
		{"2085-01-05T05:00:00+01:00", "night", "2085-01-05T06:00:00+01:00"},
	} {
		at, err := time.Parse(time.RFC3339Nano, c.at)
		if err != nil {
			t.Fatal(err)
		}
		want, err := time.Parse(time.RFC3339Nano, c.until)
		if err != nil {
			t.Fatal(err)
		}
		rate, until := s.Period(billing.MillisOf(at))
		if s.RateName(rate) != c.rate || until != billing.MillisOf(want) {
			t.Errorf("%s: %q until %s; want %q until %s", c.at, s.RateName(rate), until.Time(), c.rate, c.until)
		}
	}
	flat := build(t, tariff.Config{})
	if rate, until := flat.Period(1); rate != 0 || until.Time().Year() < 10_000 {
		t.Errorf("without windows: %d until %s", rate, until.Time())
	}
}

// naive tells the rate by asking the zone database for the wall clock.
func naive(ws []tariff.Window, at time.Time) string {
	sec := at.Hour()*3600 + at.Minute()*60 + at.Second()
	for _, w := range ws {
		if w.Days.Has(at.Weekday()) && sec >= w.From && sec < w.To {
			return w.Rate
		}
	}
	return ""
}

// TestYear walks every minute (or, in a sample, every third) of a year in zones with changes of an hour, of
// half an hour and of none, and holds the calendar against the wall clock. The
// later years are leap years for which the zone database has only a rule, one
// of them behind the calendar's own table.
func TestYear(t *testing.T) {
	for _, c := range []struct {
		zone string
		year int
	}{
		{"Europe/Vienna", 2026}, {"America/Sao_Paulo", 2026}, {"Australia/Lord_Howe", 2026}, {"Asia/Kathmandu", 2026},
		{"Europe/Vienna", 2044}, {"Europe/Vienna", 2072}, {"America/Sao_Paulo", 2018},
	} {
		walkYear(t, zone(t, c.zone), c.year)
	}
}

func walkYear(t *testing.T, loc *time.Location, year int) {
	t.Helper()
	ws := windows(t, "night mon-sun 00:00-06:00", "evening mon-fri 18:00-24:00", "weekend sat,sun 06:00-24:00", "lunch wed 12:00-12:30")
	s := build(t, tariff.Config{Location: loc, Windows: ws})
	var rate string
	var until billing.Millis
	for at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == year; at = at.Add(sweep.Of(3*time.Minute, time.Minute)) {
		ms := billing.MillisOf(at)
		if ms >= until {
			r, end := s.Period(ms)
			if end <= ms {
				t.Fatalf("%s: the period at %s ends %s", loc, at, end.Time())
			}
			rate, until = s.RateName(r), end
		}
		if want := naive(ws, at.In(loc)); rate != want {
			t.Fatalf("%s, %s: %q, want %q", loc, at.In(loc), rate, want)
		}
	}
}
