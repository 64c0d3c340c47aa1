//go:build interop

package interop

import (
	"testing"

	"github.com/class5-go/class5/cmd/internal/load/billkill"
	"github.com/class5-go/class5/cmd/internal/load/target"
)

// TestBillingKilled kills the worker that ships, pays, exports and prices anew,
// a real MariaDB and a real Redis at random moments: no record is lost or
// double, journal, balances and files are those of a run without kills. It is a
// small part of bench billing-kill.
func TestBillingKilled(t *testing.T) {
	file, err := target.Build(t.TempDir(), "cmd/bench")
	if err != nil {
		t.Fatal(err)
	}
	cfg := billkill.Config{Command: []string{file, "billing-worker"}, Rounds: 1, Seed: 3}
	want, err := billkill.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Kills = 10
	got, err := billkill.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range want.Differences(got) {
		t.Error(d)
	}
	if got.Kills() != cfg.Kills || len(got.Sums) < 20 {
		t.Errorf("%d kills, %d things compared", got.Kills(), len(got.Sums))
	}
}
