package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// slim is what is left of a record of which only prices are read.
func slim(c *billing.CDR) billing.CDR {
	end := func(e billing.Endpoint) billing.Endpoint {
		return billing.Endpoint{Account: e.Account, User: e.User, Domain: e.Domain, Number: e.Number, Peer: e.Peer}
	}
	out := billing.CDR{
		Key: c.Key, Revision: c.Revision, Generation: c.Generation, Leg: c.Leg, Type: c.Type, Status: c.Status, Caller: end(c.Caller), Callee: end(c.Callee),
		Source: c.Source, Init: c.Init, Start: c.Start, End: c.End, Duration: c.Duration,
	}
	for _, p := range c.Parties {
		out.Parties = append(out.Parties, billing.Party{
			Side: p.Side, Role: p.Role, Depth: p.Depth, Account: p.Account, Direction: p.Direction, Profile: p.Profile,
			Amount: p.Amount, Charged: p.Charged, Units: p.Units,
		})
	}
	return out
}

// TestBrief: what is read for prices alone is what is read otherwise, over
// ranges with gaps, with records that have no parties, and of those selected.
func TestBrief(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		s := sqlstore.New(db, sqlstore.Options{})
		for from := 0; from < 5000; from += 500 {
			list := records(from, from+500)
			for i := range list {
				c := &list[i]
				if i%7 == 0 {
					c.Parties = nil
				}
				c.Caller.Peer, c.Callee.Dialled = fmt.Sprint("peer", i%3), "x"
			}
			put(t, s, ship.Batch{Records: list})
		}
		again := records(100, 110)
		for i := range again {
			again[i].Generation++
		}
		put(t, s, ship.Batch{Records: again})
		db.MustExec("DELETE FROM acct_cdrs WHERE id > 700 AND id < 2900")
		for _, f := range []sqlstore.Filter{
			{}, {Superseded: true}, {From: begin + 50_000}, {To: begin + 50_000}, {Account: "nobody"}, {Account: "7"},
		} {
			want := map[string]string{}
			for c, err := range s.Records(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				want[fmt.Sprint(c.Key, c.Generation)] = fmt.Sprintf("%+v", slim(c))
			}
			f.Brief = true
			got := map[string]string{}
			n := 0
			for c, err := range s.Records(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				got[fmt.Sprint(c.Key, c.Generation)] = fmt.Sprintf("%+v", *c)
				n++
			}
			if n != len(got) {
				t.Errorf("%+v: %d records, %d of them different", f, n, len(got))
			}
			if diff := cmp.Diff(want, got); diff != "" || f.Account == "" && len(got) == 0 {
				t.Errorf("%+v: %d records\n%.3000s", f, len(got), diff)
			}
		}
		// Whoever has enough leaves nothing behind, and sees the end of a context.
		for range s.Records(t.Context(), sqlstore.Filter{Brief: true}) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var err error
		for _, err = range s.Records(ctx, sqlstore.Filter{Brief: true}) {
			cancel()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
		list := slices.Collect(func(yield func(int) bool) {
			for range s.Records(t.Context(), sqlstore.Filter{Brief: true, From: 1, To: 2}) {
				yield(1)
			}
		})
		if len(list) != 0 {
			t.Errorf("%d records of no time", len(list))
		}
	})
}
