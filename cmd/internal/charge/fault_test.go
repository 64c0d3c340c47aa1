package charge

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
	"github.com/class5-go/class5/cluster/directory"
)

// moody is a database that fails in every way: before and behind a commit, in
// the answer about a tariff, and slowly.
type moody struct {
	*flaky
	Contracts
	turn, asked atomic.Int64
}

var errMood = errors.New("the server is read-only")

func (m *moody) Store(ctx context.Context, b ship.Batch) error {
	switch m.turn.Add(1) % 4 {
	case 0:
		return errMood
	case 1:
		return errors.Join(m.flaky.Store(ctx, b), errMood) // committed, and nobody knows
	case 2:
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return m.flaky.Store(ctx, b)
}

func (m *moody) Contract(ctx context.Context, id int64) (*directory.Contract, error) {
	if m.asked.Add(1)%30 == 0 {
		return nil, directory.ErrUnavailable
	}
	return m.Contracts.Contract(ctx, id)
}

// TestTrouble: whatever the database does, each call is in it once, with its
// price, and the spool is not needed any more in the end.
func TestTrouble(t *testing.T) {
	f := setUp(t)
	m := &moody{flaky: &flaky{f, f.store.Records(sqlstore.Options{})}, Contracts: f.reader}
	registry := prometheus.NewRegistry()
	r, err := Open(t.Context(), Config{Dir: filepath.Join(f.dir, "spool"), Source: "t", Store: m, Contracts: m, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	const calls = 20
	go func() {
		for i := range calls {
			id := fmt.Sprint("c", i)
			_ = r.Record(t.Context(), f.event(id, billing.EventStart, 1))
			_ = r.Record(t.Context(), f.event(id, billing.EventStop, 31))
		}
	}()
	for _, c := range f.run(r, count(calls)) {
		if len(c.Parties) != 2 || c.Parties[0].Amount.String() != "0.005 EUR" || c.Revision != 1 {
			t.Errorf("%+v", c)
		}
	}
	if s := r.shipper.Stats(); s.Stored != r.log.Stats().End || s.Records != calls || s.Retries == 0 || s.Unrated != 0 {
		t.Errorf("%+v, the spool ends at %d", s, r.log.Stats().End)
	}
	if list, err := registry.Gather(); err != nil || len(list) != len(figures()) {
		t.Errorf("%d metrics, %v", len(list), err)
	}
}

// TestSpoolFull: while the database takes nothing the spool grows up to its
// high watermark, from where no new call is taken on; the ends of running calls
// are, and all of it is stored once the database is back.
func TestSpoolFull(t *testing.T) {
	f := setUp(t)
	f.down.Store(true)
	r, err := Open(t.Context(), Config{
		Dir: filepath.Join(f.dir, "spool"), Source: "t", Store: &flaky{f, f.store.Records(sqlstore.Options{})}, Contracts: f.reader, MaxBytes: 15_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; r.Ready() == nil; n++ {
		if n == 1000 {
			t.Fatal("the spool has no end")
		}
		f.record(r, f.event(fmt.Sprint("c", n), billing.EventStart, 1))
	}
	if err := r.Ready(); !errors.Is(err, spool.ErrNearlyFull) {
		t.Errorf("ready: %v", err)
	}
	f.record(r, f.event("c0", billing.EventStop, 31))
	f.down.Store(false)
	if calls := f.run(r, count(1)); calls[0].CallID != "c0" || calls[0].Duration != 30_000 {
		t.Errorf("%+v", calls)
	}
	// The process ends with n-1 calls running, and the next one knows of them.
	f.run(f.open(), count(n))
}
