//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	money "github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/chain"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/parquet"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cmd/internal/load/billgen"
)

// hyparquet is the version of the foreign Parquet reader.
const hyparquet = "1.31.5"

// TestParquetForeign exports a month by days into Parquet files, which a reader
// in JavaScript sums up: as many rows as there are records, and as much money
// as the ledger's entries say.
func TestParquetForeign(t *testing.T) {
	const calls = 150
	db, dir := sqlx.MustOpen("sqlite", "file:"+filepath.Join(t.TempDir(), "c.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)"), t.TempDir()
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	for _, migrate := range []func(context.Context, *sqlx.DB) error{sqlstore.Migrate, sqlledger.Migrate} {
		if err := migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	store := sqlstore.New(db, sqlstore.Options{Hook: customersPay})
	storeMonth(t, store, calls)
	exportParquet(t, store, dir)
	files, err := filepath.Glob(filepath.Join(dir, "day=*", "*.parquet"))
	if err != nil || len(files) < 25 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	got, err := exec.Command("node", append([]string{parquetReader(t)}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, got)
	}
	var micros int64
	if err := db.Get(&micros, "SELECT SUM(amount) FROM ledger_journal"); err != nil || micros == 0 {
		t.Fatal(micros, err)
	}
	if want := fmt.Sprintf("%d %d", calls, micros); strings.TrimSpace(string(got)) != want {
		t.Errorf("hyparquet finds %s, the ledger has %s", got, want)
	}
}

// parquetReader is the script beside the module that it needs, which is fetched
// once for the machine.
func parquetReader(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(modules(t)), "hyparquet-"+hyparquet)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "hyparquet", "package.json")); err != nil {
		install(t, dir, "hyparquet@"+hyparquet)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "parquet.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "sum.mjs")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return script
}

// customersPay books the price of the customer of each record.
func customersPay(ctx context.Context, tx *sqlx.Tx, changes []sqlstore.Change) error {
	for _, c := range changes {
		p := &c.New.Parties[0]
		_, err := sqlledger.In(tx).Post(ctx, ledger.Posting{
			Request: ledger.Request{Key: c.New.Key.String(), Node: "n", Account: p.Account, At: c.New.End}, Force: true,
			Effect: ledger.Effect{Entries: []money.Entry{{
				At: c.New.End, Account: p.Account, Wallet: money.CashWallet, Unit: money.Cash, Value: p.Amount.Micros(), Reason: money.ReasonUsage,
			}}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func storeMonth(t *testing.T, store *sqlstore.Store, calls int) {
	t.Helper()
	w, err := billgen.NewWorld(300, 1)
	if err != nil {
		t.Fatal(err)
	}
	load, rater := billgen.Load{World: w, Seed: 1, Calls: calls}, chain.Rater{Directory: w}
	var b ship.Batch
	for n := range calls {
		r := ship.Record{CDR: load.CDR(n)}
		if r.Parties, err = rater.Rate(nil, &r.CDR); err != nil {
			t.Fatal(err)
		}
		b.Records = append(b.Records, r)
	}
	if err := store.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func exportParquet(t *testing.T, store *sqlstore.Store, dir string) {
	t.Helper()
	fields, err := ship.Fields("key", "start", "duration", "caller.customer.amount=price")
	if err != nil {
		t.Fatal(err)
	}
	e, err := ship.NewExporter(ship.ExporterConfig{
		Store: store, Sink: ship.Dir(dir),
		Stream: ship.Stream{Name: "days", Prefix: "cdr", Format: parquet.Format{}, Fields: fields, Parts: ship.Days(time.UTC)},
	})
	if err == nil {
		_, err = e.Export(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}
