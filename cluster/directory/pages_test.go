package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/cluster/directory"
	"pgregory.net/rapid"
)

// TestPagesOfMany walks 10,000 rows.
func TestPagesOfMany(t *testing.T) {
	onEach(t, func(t *testing.T, s *directory.Store) {
		w := newWorld(t, s)
		const rows = 10_000
		fees := make([]directory.Fee, rows)
		for i := range fees {
			fees[i] = directory.Fee{ProfileID: w.profile.ID, Destination: fmt.Sprintf("43%05d", i), InitInterval: 1, FollowInterval: 1}
		}
		must(s.Fees().Create(t.Context(), fees...))(t)
		walk := func(f directory.FeeFilter, limit int) (ids []int64, pages int) {
			page := directory.Page{Limit: limit}
			for {
				l := must(s.Fees().List(t.Context(), f, page))(t)
				pages++
				for _, c := range l.Items {
					ids = append(ids, c.ID)
				}
				if page.After = l.Next; l.Next == 0 {
					return ids, pages
				}
			}
		}
		ids, pages := walk(directory.FeeFilter{}, 100_000)
		if len(ids) != rows || pages != rows/directory.MaxLimit || !slices.IsSorted(ids) || len(slices.Compact(ids)) != rows {
			t.Errorf("%d rows on %d pages", len(ids), pages)
		}
		if ids, _ = walk(directory.FeeFilter{Destination: "430123"}, 7); len(ids) != 10 {
			t.Errorf("prefix: %d rows", len(ids))
		}
	})
}

// TestPagesOfAny compares random filters and page sizes over random names
// with a plain list, on both engines at once: they agree on every character.
func TestPagesOfAny(t *testing.T) {
	var worlds []*world
	for _, e := range engines {
		s, _ := newStore(t, e.dsn(t))
		worlds = append(worlds, newWorld(t, s))
	}
	name := rapid.StringOfN(rapid.SampledFrom([]rune("aAäÄbßé_%'\\ 0😀\U0010FFFDz")), 1, 6, -1).
		Filter(func(s string) bool { return strings.TrimSpace(s) == s })
	var have []string // in the order of ids
	rapid.Check(t, func(rt *rapid.T) {
		for _, n := range rapid.SliceOfN(name, 0, 5).Draw(rt, "more") {
			have = append(have, n)
			for _, w := range worlds {
				must(w.s.Customers().Create(t.Context(), directory.Customer{Name: n, BillingProfileID: w.profile.ID}))(t)
			}
		}
		prefix := rapid.OneOf(rapid.Just(""), name).Draw(rt, "prefix")
		limit := rapid.IntRange(1, 20).Draw(rt, "limit")
		var want []string
		for _, n := range have {
			if strings.HasPrefix(n, prefix) {
				want = append(want, n)
			}
		}
		for _, w := range worlds {
			var got []string
			page := directory.Page{After: w.customer.ID, Limit: limit}
			for {
				l := must(w.s.Customers().List(t.Context(), directory.CustomerFilter{Name: prefix}, page))(t)
				for _, c := range l.Items {
					got = append(got, c.Name)
				}
				if page.After = l.Next; l.Next == 0 {
					break
				}
				if len(l.Items) != limit {
					rt.Fatalf("a page of %d that is not the last", len(l.Items))
				}
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("beginning with %q: %q, want %q", prefix, got, want)
			}
		}
	})
}
