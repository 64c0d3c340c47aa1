package scenario_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/fraud"
	"github.com/class5-go/class5/billing/scenario"
	"github.com/class5-go/class5/billing/tariff"
)

// refusal is a file that cannot be run, and what the error must say.
type refusal struct {
	ID     string          `json:"id"`
	File   json.RawMessage `json:"file"`
	Text   string          `json:"text"` // in its place, where it is not even JSON
	Path   string          `json:"path"`
	Line   int             `json:"line"`
	Error  string          `json:"error"`  // name of the cause
	Reason string          `json:"reason"` // a part of the message
}

var causes = map[string]error{
	"file": scenario.ErrFile, "zone": scenario.ErrZone, "name": scenario.ErrName, "limit": scenario.ErrLimit,
	"overlap": tariff.ErrOverlap, "window": tariff.ErrWindow, "duplicate": tariff.ErrDuplicate, "fee": tariff.ErrFee, "deck": tariff.ErrDeck,
	"terms": balance.ErrTerms, "usage": balance.ErrUsage, "limits": fraud.ErrLimits,
	"syntax": billing.ErrSyntax, "overflow": billing.ErrOverflow, "precision": billing.ErrPrecision, "currency": billing.ErrCurrency,
}

func refusals(t testing.TB) map[string][]refusal {
	t.Helper()
	list, err := filepath.Glob("testdata/refused/*.json")
	if err != nil || len(list) == 0 {
		t.Fatal("no file", err)
	}
	out := map[string][]refusal{}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			Title string    `json:"title"`
			Cases []refusal `json:"cases"`
		}
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil || len(f.Cases) == 0 {
			t.Fatal(path, len(f.Cases), "cases", err)
		}
		out[filepath.Base(path)] = f.Cases
	}
	return out
}

// TestRefused: a bad file is refused as a whole, with the place and the reason.
func TestRefused(t *testing.T) {
	for path, cases := range refusals(t) {
		for i := range cases {
			t.Run(path+"/"+cases[i].ID, func(t *testing.T) { refuse(t, &cases[i]) })
		}
	}
}

func refuse(t *testing.T, c *refusal) {
	want, ok := causes[c.Error]
	if !ok || c.ID == "" {
		t.Fatalf("%q is not the name of an error", c.Error)
	}
	data := []byte(c.Text)
	if c.Text == "" {
		data = c.File
	}
	f, err := scenario.Parse(data)
	if err == nil {
		var a *scenario.Answer
		if a, err = scenario.Run(t.Context(), f); a != nil {
			t.Errorf("an answer: %+v", a)
		}
	}
	var e *scenario.Error
	switch {
	case err == nil:
		t.Fatal("not refused")
	case !errors.As(err, &e):
		t.Fatalf("no *Error: %v", err)
	case e.Path != c.Path || !errors.Is(err, want) || !strings.Contains(err.Error(), c.Reason):
		t.Errorf("%v (at %q), expected %q with %q at %q", err, e.Path, want, c.Reason, c.Path)
	case c.Line > 0 && e.Line != c.Line:
		t.Errorf("line %d, expected %d: %v", e.Line, c.Line, err)
	}
}
