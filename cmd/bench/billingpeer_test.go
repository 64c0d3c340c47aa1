package main

import (
	"context"
	"errors"
	"go/parser"
	"go/token"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// TestPeerProgram: what is built beside CGRateS is a program, and where no
// module can be had the peer is told to be missing.
func TestPeerProgram(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "cgrates.go.txt", cgratesProgram, parser.SkipObjectResolution)
	if err != nil || f.Name.Name != "main" {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := buildPeer(context.Background(), t.TempDir()); !errors.Is(err, errPeer) {
		t.Errorf("without a go command: %v", err)
	}
}

// TestPeerCalls: both sides get calls that have a price and a deck by the
// minute.
func TestPeerCalls(t *testing.T) {
	w, err := billgen.NewWorld(300, 1)
	if err != nil {
		t.Fatal(err)
	}
	calls := answered(&billgen.Load{World: w, Seed: 1, Calls: 100}, 50)
	if len(calls) != 50 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		if c.Duration <= 0 || c.Direction != billing.Out {
			t.Errorf("%+v", c)
		}
	}
	for i := range w.Fees {
		if m := minute(&w.Fees[i].Rate); m[0] == "0" || m[1] != "60" {
			t.Fatalf("%+v is %v", w.Fees[i].Rate, m)
		}
	}
}
