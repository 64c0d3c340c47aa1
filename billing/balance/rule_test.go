package balance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/internal/sweep"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// at reads a wall-clock time of a zone, in RFC 3339 or without an offset in
// UTC.
func at(t testing.TB, s string) billing.Millis {
	t.Helper()
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if v, err := time.Parse(layout, s); err == nil {
			return billing.MillisOf(v)
		}
	}
	t.Fatalf("no time: %s", s)
	return 0
}

func TestBorders(t *testing.T) {
	const vienna = "Europe/Vienna"
	for _, c := range []struct {
		name, zone, created string
		rule                balance.Rule
		want                string // borders in local time
	}{
		{"months from the 31st", "UTC", "2026-01-31T10:00", balance.Rule{balance.Span{1, balance.Month}, balance.StartCreate},
			"2026-01-31T00:00 2026-02-28T00:00 2026-03-31T00:00 2026-04-30T00:00 2026-05-31T00:00"},
		{"months from the 30th", "UTC", "2026-01-30T10:00", balance.Rule{balance.Span{1, balance.Month}, balance.StartCreate},
			"2026-01-30T00:00 2026-02-28T00:00 2026-03-30T00:00 2026-04-30T00:00 2026-05-30T00:00"},
		{"months from the last of April", "UTC", "2026-04-30T10:00", balance.Rule{balance.Span{1, balance.Month}, balance.StartCreate},
			"2026-04-30T00:00 2026-05-31T00:00 2026-06-30T00:00 2026-07-31T00:00"},
		{"months from 29 February", "UTC", "2028-02-29T10:00", balance.Rule{balance.Span{12, balance.Month}, balance.StartCreate},
			"2028-02-29T00:00 2029-02-28T00:00 2030-02-28T00:00 2031-02-28T00:00 2032-02-29T00:00"},
		{"calendar months", "UTC", "2026-01-31T10:00", balance.Rule{balance.Span{1, balance.Month}, balance.StartFirst},
			"2026-01-01T00:00 2026-02-01T00:00 2026-03-01T00:00"},
		{"weeks from Monday", "UTC", "2026-05-03T10:00", balance.Rule{balance.Span{1, balance.Week}, balance.StartFirst},
			"2026-04-27T00:00 2026-05-04T00:00 2026-05-11T00:00"},
		{"weeks over a change of time", vienna, "2026-03-25T10:00:00+01:00", balance.Rule{balance.Span{1, balance.Week}, balance.StartCreate},
			"2026-03-25T00:00 2026-04-01T00:00 2026-04-08T00:00"},
		{"days over a change of time", vienna, "2026-10-24T10:00:00+02:00", balance.Rule{balance.Span{1, balance.Day}, balance.StartCreate},
			"2026-10-24T00:00 2026-10-25T00:00 2026-10-26T00:00"},
		{"a midnight that does not exist", "America/Sao_Paulo", "2018-11-03T10:00:00-03:00", balance.Rule{balance.Span{1, balance.Day}, balance.StartCreate},
			"2018-11-03T00:00 2018-11-04T01:00 2018-11-05T00:00"},
		{"hours are spans", vienna, "2026-03-29T10:00:00+02:00", balance.Rule{balance.Span{1, balance.Hour}, balance.StartCreate},
			"2026-03-29T00:00 2026-03-29T01:00 2026-03-29T03:00 2026-03-29T04:00"},
		{"quarters of an hour", "UTC", "2026-05-04T10:00", balance.Rule{balance.Span{15, balance.Minute}, balance.StartCreate},
			"2026-05-04T00:00 2026-05-04T00:15 2026-05-04T00:30"},
		{"the day is the customer's", "Pacific/Auckland", "2026-01-30T12:00", balance.Rule{balance.Span{1, balance.Month}, balance.StartCreateTZ},
			"2026-01-31T00:00 2026-02-28T00:00 2026-03-31T00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			loc := zone(t, c.zone)
			g := c.rule.Grid(at(t, c.created), loc)
			var got []string
			for n := range strings.Count(c.want, " ") + 1 {
				got = append(got, g.Border(n).Time().In(loc).Format("2006-01-02T15:04"))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("borders\n%s, want\n%s", s, c.want)
			}
		})
	}
}

// TestZones holds for every zone of the database, or a sample of them, that intervals neither leave
// a gap nor overlap, and begin at the time of day of their anchor unless that
// is skipped.
func TestZones(t *testing.T) {
	from, to := at(t, "2020-01-31T03:30"), at(t, "2030-12-31")
	for _, name := range sweep.Zones(t) {
		loc := zone(t, name)
		for _, length := range []balance.Span{{1, balance.Day}, {1, balance.Week}, {1, balance.Month}, {3, balance.Month}} {
			// An anchor within the hours that are skipped and doubled.
			g := balance.Grid{Anchor: from, Length: length, Zone: loc}
			for n := 0; g.Border(n) < to; n++ {
				b, next := g.Border(n), g.Border(n+1)
				if next <= b {
					t.Fatalf("%s, %v: interval %d is [%s, %s)", name, length, n, b.Time(), next.Time())
				}
				if n%7 == 0 && (g.Find(b) != n || g.Find(next-1) != n) {
					t.Fatalf("%s, %v: interval %d holds its ends in %d and %d", name, length, n, g.Find(b), g.Find(next-1))
				}
				want := from.Time().In(loc).Format("15:04:05")
				if got := b.Time().In(loc); got.Format("15:04:05") != want {
					_, o1 := got.Zone()
					_, o2 := got.Add(-time.Millisecond).Zone()
					if o1 <= o2 {
						t.Fatalf("%s, %v: interval %d begins at %s, not at %s", name, length, n, got, want)
					}
				}
			}
		}
	}
}
