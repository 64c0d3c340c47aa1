package scenario_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/billing/scenario"
)

// load reads a committed scenario.
func load(t testing.TB, path string) *scenario.File {
	t.Helper()
	data, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	f, err := scenario.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func files(t testing.TB) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/*.json")
	if err != nil || len(list) == 0 {
		t.Fatal("no scenario", err)
	}
	return list
}

// TestScenarios runs every committed scenario and compares the answer with the
// one that was worked out by hand. A file that expects nothing shows nothing.
func TestScenarios(t *testing.T) {
	cases := 0
	for _, path := range files(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := load(t, path)
			n := f.Expectations()
			if n == 0 {
				t.Fatal("it expects nothing")
			}
			cases += n
			a, err := scenario.Run(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			diff, err := a.Check(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range diff {
				t.Error(d)
			}
		})
	}
	t.Logf("%d expectations", cases)
}
