package native

import (
	"context"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
)

// planner knows one plan.
type planner struct {
	asked directory.RerateFilter
	by    string
}

func (p *planner) Rerate(_ context.Context, f directory.RerateFilter, plan, by string) (directory.Rerating, error) {
	p.asked, p.by = f, by
	switch plan {
	case "", "known":
		return directory.Rerating{
			Plan: "known", Filter: f, Done: plan != "", Records: 3, Changed: 2,
			Accounts: []directory.RerateSums{{Role: "customer", Account: "7", Old: "1.00 EUR", New: "2.00 EUR", Difference: "1.00 EUR"}},
		}, nil
	case "old":
		return directory.Rerating{}, directory.ErrStale
	}
	return directory.Rerating{}, context.DeadlineExceeded
}

func TestReratings(t *testing.T) {
	b := setUp(t, source{})
	from, to := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	body := func(plan string, to time.Time) map[string]any {
		return map[string]any{"from": from, "to": to, "customer_id": 7, "billing_profile": "gold", "plan": plan}
	}
	for _, c := range []struct {
		plan    string
		to      time.Time
		status  int
		applied bool
	}{
		{"", to, 200, false}, {"known", to, 200, true}, {"old", to, 409, false}, {"slow", to, 503, false}, {"", from, 422, false},
	} {
		var out rerating
		if code, _ := b.send("POST", "/reratings", "", body(c.plan, c.to), &out); code != c.status || out.Applied != c.applied || c.status == 200 && (out.Changed != 2 || len(out.Accounts) != 1) {
			t.Errorf("plan %q: %d %+v", c.plan, code, out)
		}
	}
	if want := (directory.RerateFilter{From: billing.MillisOf(from), To: billing.MillisOf(to), CustomerID: 7, Profile: "gold"}); b.planner.asked != want || b.planner.by != "admin" {
		t.Errorf("asked %+v by %q", b.planner.asked, b.planner.by)
	}
	if err := b.store.Reratings().Begin(t.Context(), directory.Rerating{Plan: "p1", By: "alice", Filter: b.planner.asked}); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Reratings().Begin(t.Context(), directory.Rerating{Plan: "p1"}); err == nil {
		t.Error("a plan twice")
	}
	var l list[rerating]
	if code, _ := b.send("GET", "/reratings", "", nil, &l); code != 200 || len(l.Items) != 1 || l.Items[0].By != "alice" || l.Items[0].Applied || l.Items[0].Profile != "gold" {
		t.Errorf("list: %d %+v", code, l)
	}
}
