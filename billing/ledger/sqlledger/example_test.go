package sqlledger_test

import (
	"context"
	"fmt"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/jmoiron/sqlx"
)

// A payment and a row of the caller's own are stored in one transaction.
func Example() {
	ctx := context.Background()
	db := sqlx.MustOpen("sqlite", ":memory:")
	defer db.Close()
	db.SetMaxOpenConns(1)
	if err := sqlledger.Migrate(ctx, db); err != nil {
		panic(err)
	}
	db.MustExec("CREATE TABLE receipts (id VARCHAR(32) NOT NULL PRIMARY KEY)")

	tx := db.MustBegin()
	defer tx.Rollback()
	tx.MustExec("INSERT INTO receipts (id) VALUES ('payment 17')")
	a, err := sqlledger.In(tx).Post(ctx, ledger.Posting{
		Request: ledger.Request{Key: "payment 17", Node: "web1", Account: "acme", At: 1_780_000_000_000},
		Effect: ledger.Effect{Entries: []balance.Entry{
			{Account: "acme", Wallet: balance.CashWallet, Unit: balance.Cash, Value: -5_000_000, Reason: balance.ReasonTopUp},
		}},
	})
	if err != nil {
		panic(err)
	}
	if err := tx.Commit(); err != nil {
		panic(err)
	}
	fmt.Println("available:", a.Available)
	// Output: available: 5000000
}
