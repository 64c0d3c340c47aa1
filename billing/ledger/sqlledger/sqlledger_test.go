package sqlledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/class5-go/class5/billing/balance"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/class5-go/class5/billing/ledger/ledgertest"
	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/internal/dbtest"
	"github.com/jmoiron/sqlx"
)

func TestSuite(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledgertest.Run(t, func(t *testing.T) ledgertest.Store { return migrated(t, open(t)) })
		})
	}
}

func request(key, account string) ledger.Request {
	return ledger.Request{Key: key, Node: "n", Epoch: 1, Account: account, At: 1_780_000_000_000}
}

func entry(account string, value int64) balance.Entry {
	return balance.Entry{At: 1_780_000_000_000, Account: account, Wallet: balance.CashWallet, Unit: balance.Cash, Value: value, Reason: balance.ReasonUsage, Ref: "leg"}
}

// TestTransaction stores records of the caller together with what is paid for
// them: both or neither, and a refusal leaves the transaction usable.
func TestTransaction(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			l := migrated(t, db)
			if _, err := db.Exec("CREATE TABLE records (id VARCHAR(32) NOT NULL PRIMARY KEY)"); err != nil {
				t.Fatal(err)
			}
			store := func(id string, value int64, commit bool) error {
				tx := db.MustBeginTx(t.Context(), nil)
				defer tx.Rollback()
				if _, err := tx.Exec("INSERT INTO records (id) VALUES (?)", id); err != nil {
					t.Fatal(err)
				}
				_, err := l.In(tx).Post(t.Context(), ledger.Posting{Request: request(id, "a"), Effect: ledger.Effect{Entries: []balance.Entry{entry("a", value)}}})
				if commit {
					if err := tx.Commit(); err != nil {
						t.Fatal(err)
					}
				}
				return err
			}
			if err := store("one", -100, true); err != nil {
				t.Fatal(err)
			}
			if err := store("two", 30, false); err != nil {
				t.Fatal(err)
			}
			if err := store("three", 101, true); !errors.Is(err, ledger.ErrInsufficient) {
				t.Fatal(err)
			}
			if err := store("four", 60, true); err != nil {
				t.Fatal(err)
			}
			b, err := l.Balance(t.Context(), "a", balance.CashWallet, 1_780_000_000_000)
			if err != nil || b.Value != 40 {
				t.Errorf("%+v, %v", b, err)
			}
			var ids, keys []string
			if err := errors.Join(db.Select(&ids, "SELECT id FROM records ORDER BY id"), db.Select(&keys, "SELECT op_key FROM ledger_keys ORDER BY op_key")); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(ids) != "[four one three]" || fmt.Sprint(keys) != "[four one]" {
				t.Errorf("records %v, keys %v", ids, keys)
			}
			if err := l.Audit(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOldSnapshot: a transaction that looked at the tables before another one
// changed them still books on what is there now.
func TestOldSnapshot(t *testing.T) {
	db := openMariaDB(t)
	l := migrated(t, db)
	post := func(l ledger.Ledger, key string, value int64) error {
		_, err := l.Post(t.Context(), ledger.Posting{Request: request(key, "a"), Effect: ledger.Effect{Entries: []balance.Entry{entry("a", value)}}})
		return err
	}
	if err := post(l, "fund", -100); err != nil {
		t.Fatal(err)
	}
	tx := db.MustBeginTx(t.Context(), nil) // REPEATABLE READ
	defer tx.Rollback()
	var n int64
	if err := tx.Get(&n, "SELECT amount FROM ledger_wallets WHERE account = 'a'"); err != nil || n != 100 {
		t.Fatal(n, err)
	}
	if err := post(l, "other", 70); err != nil {
		t.Fatal(err)
	}
	in := l.In(tx)
	if err := post(in, "other", 70); !errors.Is(err, ledger.ErrDuplicate) {
		t.Errorf("a key that the snapshot does not show: %v", err)
	}
	if err := post(in, "late", 31); !errors.Is(err, ledger.ErrInsufficient) {
		t.Errorf("more than there is now: %v", err)
	}
	if err := post(in, "fits", 30); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := l.Audit(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestManyAccounts: transactions over several accounts each, in any order, end
// with every sum right.
func TestManyAccounts(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			l := migrated(t, open(t))
			const workers, rounds, accounts = 8, 12, 4
			var wg sync.WaitGroup
			for w := range workers {
				wg.Go(func() {
					for r := range rounds {
						from, to := fmt.Sprint("a", (w+r)%accounts), fmt.Sprint("a", (w*r+1)%accounts)
						p := ledger.Posting{Request: request(fmt.Sprint(w, " ", r), from), Accounts: []string{to}, Force: true,
							Effect: ledger.Effect{Entries: []balance.Entry{entry(from, 7), entry(to, -7)}}}
						if _, err := l.Post(t.Context(), p); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			sum := int64(0)
			for a := range accounts {
				b, err := l.Balance(t.Context(), fmt.Sprint("a", a), balance.CashWallet, 1)
				if err != nil {
					t.Error(err)
				}
				sum += b.Value
			}
			if err := l.Audit(t.Context()); err != nil || sum != 0 {
				t.Errorf("sum %d, %v", sum, err)
			}
		})
	}
}

func TestForget(t *testing.T) {
	db := openSQLite(t)
	l := migrated(t, db)
	p := ledger.Posting{Request: request("k", "a"), Effect: ledger.Effect{Entries: []balance.Entry{entry("a", -5)}}}
	if _, err := l.Post(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Forget(t.Context(), p.At); n != 0 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	if n, err := l.Forget(t.Context(), p.At+1); n != 1 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
}

// TestUnavailable: a database that is gone is ErrUnavailable, in words of the
// ledger.
func TestUnavailable(t *testing.T) {
	db := openSQLite(t)
	l := migrated(t, db)
	db.Close()
	_, err := l.Reserve(t.Context(), ledger.Reservation{Request: request("k", "a"), Hold: "h", Value: 1, Until: 1_780_000_000_001})
	if !errors.Is(err, ledger.ErrUnavailable) || strings.Contains(err.Error(), "sql") {
		t.Error(err)
	}
}

// TestPortable: schema and queries are for SQLite, MariaDB and MySQL alike.
func TestPortable(t *testing.T) { dbtest.Portable(t, sqlledger.Migrations()) }

func BenchmarkReserveSettle(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *sqlx.DB{"sqlite": openSQLite, "mariadb": openMariaDB} {
		b.Run(name, func(b *testing.B) {
			l := migrated(b, open(b))
			if _, err := l.Post(b.Context(), ledger.Posting{Request: request("fund", "a"), Effect: ledger.Effect{Entries: []balance.Entry{entry("a", -1<<50)}}}); err != nil {
				b.Fatal(err)
			}
			for n := 0; b.Loop(); n++ {
				hold := fmt.Sprint("h", n)
				if _, err := l.Reserve(b.Context(), ledger.Reservation{Request: request(hold, "a"), Hold: hold, Value: 100, Until: 1_780_000_090_000}); err != nil {
					b.Fatal(err)
				}
				if _, err := l.Settle(b.Context(), ledger.Settlement{Request: request(hold+"s", "a"), Hold: hold, Value: 70}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
