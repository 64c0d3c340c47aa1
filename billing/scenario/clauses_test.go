package scenario_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing/scenario"
)

// clauses name what scenarios are about, by the beginning of their file names.
var clauses = map[string][]string{
	"rounding":                      {"rounding"},
	"fees: matching, portability":   {"fee", "match", "ported", "deck"},
	"prices: init, follow, units":   {"price", "init", "counting", "services", "zero", "minimal", "hundredths", "given"},
	"tiers, one-off second, caps":   {"tiers", "extra", "cap", "caps"},
	"calendars and zones":           {"calendar", "peak", "customer", "times"},
	"changes of clocks":             {"dst"},
	"fragments and split":           {"split", "crossing", "fragments"},
	"parties":                       {"chain", "reseller", "six", "assignments", "profiles"},
	"wallets":                       {"wallet", "wallets", "shared", "debits", "cash", "parallel", "prepaid"},
	"free time and cash":            {"free"},
	"balance intervals, carry-over": {"interval", "carry", "first"},
	"packages, vouchers, underrun":  {"package", "packages", "voucher", "topup", "underrun"},
	"online: sessions, credit":      {"session", "sessions", "online", "authorize", "settled"},
	"mediation":                     {"mediate", "mediation"},
	"limits and locks":              {"fraud", "lock"},
	"re-rating":                     {"rerate"},
	"errors of steps":               {"error", "errors"},
	"journal":                       {"journal"},
}

// TestClauses: every clause has its scenarios, each expects something that a run
// in which nothing happened would not answer, and how many there are is told.
func TestClauses(t *testing.T) {
	by := map[string]string{}
	for clause, words := range clauses {
		for _, w := range words {
			by[w] = clause
		}
	}
	scenarios, answers, all := map[string]int{}, map[string]int{}, 0
	for _, path := range files(t) {
		word, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".json"), "-")
		clause := by[word]
		if clause == "" {
			clause = "others"
		}
		f := load(t, path)
		expects(t, path, f)
		scenarios[clause]++
		answers[clause] += f.Expectations()
		all += f.Expectations()
	}
	for _, c := range slices.Sorted(maps.Keys(scenarios)) {
		t.Logf("%-30s %3d scenarios, %4d answers", c, scenarios[c], answers[c])
	}
	bad := 0
	for _, cases := range refusals(t) {
		bad += len(cases)
	}
	t.Logf("%d scenarios, %d answers, and %d files that are refused", len(files(t)), all, bad)
	for c := range clauses {
		if scenarios[c] == 0 {
			t.Errorf("no scenario for %s", c)
		}
	}
	if len(files(t)) < 150 {
		t.Errorf("only %d scenarios", len(files(t)))
	}
}

// expects holds a scenario to expectations that can fail.
func expects(t *testing.T, path string, f *scenario.File) {
	t.Helper()
	for i := range f.Timeline {
		if raw := f.Timeline[i].Expect; len(raw) > 0 && leaves(t, raw) == 0 {
			t.Errorf("%s: step %d expects nothing", path, i)
		}
	}
	if len(f.Expect) > 0 && leaves(t, f.Expect) == 0 {
		t.Errorf("%s: it expects nothing", path)
	}
	nothing := scenario.Answer{Steps: make([]scenario.StepAnswer, len(f.Timeline))}
	diff, err := nothing.Check(f)
	if err != nil {
		t.Fatal(path, err)
	}
	if len(diff) == 0 {
		t.Errorf("%s: a run in which nothing happened would do", path)
	}
}

// leaves is the number of values in an expectation, empty lists included.
func leaves(t *testing.T, raw []byte) int {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return count(v)
}

func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			n += count(e)
		}
	case []any:
		n = max(len(v), 1) // a list expects its length
		for _, e := range v {
			n += count(e)
		}
	default:
		n = 1
	}
	return n
}
