package sqlstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/billing/spool"
)

// The events of a call go from the spool to the database, with a price.
func Example() {
	dir, err := os.MkdirTemp("", "ship")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db := sqlx.MustOpen("sqlite", "file:"+filepath.Join(dir, "central.db")+"?_txlock=immediate&_pragma=synchronous(FULL)")
	defer db.Close()
	if err := sqlstore.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	log, err := spool.Open(spool.Config{FS: spool.Dir(filepath.Join(dir, "spool"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close()

	stop := billing.Event{
		Kind: billing.EventStop, CallID: "1@phone", FromTag: "a", Code: 200,
		Init: 1_777_900_000_000, Start: 1_777_900_001_000, At: 1_777_900_061_000,
	}
	data, _ := stop.MarshalBinary()
	if _, err := log.Append(ctx, spool.Key(stop.Key()), data); err != nil {
		fmt.Println(err)
		return
	}

	store := sqlstore.New(db, sqlstore.Options{})
	s, err := ship.Open(ctx, ship.Config{Log: log, Source: "proxy1", Store: store, Rate: func(_ context.Context, r *ship.Record) error {
		r.Parties = append(r.Parties, billing.Party{
			Side: billing.SideCaller, Role: billing.RoleCustomer, Account: "7", Amount: billing.NewAmount(int64(r.Duration)*10, billing.MustCurrency("EUR")),
		})
		return nil
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	done, end := context.WithCancel(ctx)
	end() // Run stores what is complete and returns
	if err := s.Run(done); err != nil {
		fmt.Println(err)
		return
	}
	for c, err := range store.Records(ctx, sqlstore.Filter{}) {
		fmt.Println(c.CallID, c.Duration.Duration(), c.Parties[0].Amount, err)
	}
	// Output: 1@phone 1m0s 0.60 EUR <nil>
}
