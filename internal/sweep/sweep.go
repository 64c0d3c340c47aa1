// Package sweep says how far the long tests go: by default over samples, the
// same in every run, which find what is broken in seconds also under the race
// detector; over everything when CLASS5_SWEEP is "full".
package sweep

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Full reports whether everything is asked for.
func Full() bool { return os.Getenv("CLASS5_SWEEP") == "full" }

// Of is one number in a run by default and another in a full one.
func Of[T any](sample, full T) T {
	if Full() {
		return full
	}
	return sample
}

// odd are zones whose local time changes in unusual ways: by half an hour, by
// two, at midnight, backwards in summer, around Ramadan, by steps of the
// standard time itself, or not any more.
var odd = []string{
	"Africa/Casablanca", "Africa/Juba", "America/Asuncion", "America/Havana", "America/Nuuk", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Casey",
	"Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Dublin", "Europe/Vienna",
	"Europe/Volgograd", "Pacific/Apia", "Pacific/Chatham",
}

// Zones are the names of the tz database that comes with Go: the odd ones and
// every fiftieth, or all.
func Zones(t testing.TB) []string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []string
	n := 0
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if n++; Full() || n%50 == 0 || slices.Contains(odd, f.Name) {
			out = append(out, f.Name)
		}
	}
	if n < 400 || len(out) < len(odd) {
		t.Fatalf("only %d zones", n)
	}
	return out
}
