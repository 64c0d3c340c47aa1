package scenario

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/internal/naive"
	"github.com/class5-go/class5/billing/rate"
	"github.com/class5-go/class5/internal/sweep"
)

// TestSecondRater: the rater that shares no code with ours finds the same price
// for every party of every call in the committed scenarios.
func TestSecondRater(t *testing.T) {
	list, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	prices := 0
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		r, err := begin(t.Context(), f)
		if err != nil {
			t.Fatal(path, err)
		}
		if _, err := r.play(); err != nil {
			t.Fatal(path, err)
		}
		for _, rec := range r.records {
			prices += compare(t, path, r, rec)
		}
	}
	if prices < 100 {
		t.Errorf("only %d prices were compared", prices)
	}
	t.Logf("%d prices", prices)
}

func compare(t *testing.T, path string, r *run, rec *record) (prices int) {
	t.Helper()
	if !rec.cdr.Chargeable() {
		return 0
	}
	for i := range rec.prices {
		p := &rec.prices[i]
		c := r.tariffs[p.Party.Profile]
		if c == nil {
			continue // nobody prices it
		}
		second := naive.Tariff{Config: c.Config, Fees: c.Fees}
		if !p.Rated {
			if want := second.Rate(p.Call); want.Fee != nil {
				t.Errorf("%s: %s: no fee, the other rater has %+v", path, rec.id, want.Fee)
			}
			continue
		}
		replayed(t, path, p)
		if increments(p) > many && !sweep.Full() {
			continue
		}
		prices++
		got, want := p.Result, second.Rate(p.Call)
		if want.Fee == nil || want.Micros.Int64() != got.Amount.Micros() || billing.Span(want.Charged) != got.Charged || billing.Span(want.Served) != got.Served ||
			want.Capped != got.Capped || want.Cut != got.Cut || want.Fee.Zone != got.Match.Zone() {
			t.Errorf("%s: %s, %s: %s for %d ms, the other rater: %v for %v by %+v", path, rec.id, p.Party.Profile, got.Amount, got.Charged, want.Micros, want.Charged, want.Fee)
		}
	}
	return prices
}

// many increments take the other rater long, for it looks at each. Calls that
// have more are compared in a full sweep only.
const many = 10_000

func increments(p *chain.Price) (n int64) {
	for _, s := range p.Result.Steps {
		n += s.Count
	}
	return n
}

// replayed: the explanation of a price, through JSON and back, is worked out
// again to the last bit.
func replayed(t *testing.T, path string, p *chain.Price) {
	t.Helper()
	trace, err := rate.Explain(p.Terms.Snapshot, p.Call)
	if err != nil {
		t.Fatal(path, err)
	}
	want, err := json.Marshal(trace)
	if err != nil {
		t.Fatal(path, err)
	}
	var stored rate.Trace
	if err := json.Unmarshal(want, &stored); err != nil {
		t.Fatal(path, err)
	}
	again, err := rate.Replay(&stored)
	if err != nil {
		t.Fatal(path, err)
	}
	if got, err := json.Marshal(again); err != nil || string(got) != string(want) {
		t.Errorf("%s: %v\n%s\n%s", path, err, got, want)
	}
}
