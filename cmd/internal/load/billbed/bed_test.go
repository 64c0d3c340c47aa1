package billbed_test

import (
	"context"
	"testing"

	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cmd/internal/load/billbed"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
	"github.com/class5-go/class5/internal/peer"
)

// TestBed: every record arrives, and the raw rows are the same.
func TestBed(t *testing.T) {
	ctx := t.Context()
	server, err := peer.StartMariaDB(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	w, err := billgen.NewWorld(200, 1)
	if err != nil {
		t.Fatal(err)
	}
	bed := billbed.Bed{Server: server, Load: &billgen.Load{World: w, Seed: 1, Calls: 300}, Batch: 100}
	one, err := bed.Open(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := bed.Open(ctx, "two")
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	f, err := bed.Durable(ctx, one, t.TempDir(), sqlstore.Options{})
	if err != nil || f.Records != 300 {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err = bed.Raw(ctx, one, two); err != nil {
		t.Fatal(err)
	}
	if f, err := bed.WhatIf(ctx, one, w); err != nil || f.Records != 300 {
		t.Errorf("what if: %+v, %v", f, err)
	}
	sum := func(db interface {
		GetContext(context.Context, any, string, ...any) error
	}) (n [3]int64) {
		for i, q := range []string{"SELECT COUNT(*) FROM acct_cdrs", "SELECT COUNT(*) FROM acct_cdr_parties", "SELECT SUM(amount_micro) FROM acct_cdr_parties"} {
			if err := db.GetContext(ctx, &n[i], q); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	if a, b := sum(one), sum(two); a != b || a[0] != 300 || a[1] != 900 || a[2] == 0 {
		t.Errorf("%v and %v", a, b)
	}
}
