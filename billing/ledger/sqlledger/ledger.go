package sqlledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ledger"
	"github.com/jmoiron/sqlx"
)

// attempts bounds how often a transaction is run.
const attempts = 40

// Ledger is a ledger.Ledger in a database. It holds no state of its own.
type Ledger struct{ db *sqlx.DB }

var (
	_ ledger.Ledger = (*Ledger)(nil)
	_ ledger.Ledger = (*Tx)(nil)
)

// New makes a ledger over a pool, which stays the caller's to close. The
// driver is "mysql" or one of SQLite. An SQLite pool should have one
// connection, or a busy timeout.
func New(db *sqlx.DB) *Ledger { return &Ledger{db: db} }

// In is the ledger inside a transaction of the caller.
func (l *Ledger) In(tx *sqlx.Tx) *Tx { return In(tx) }

// In is a ledger inside a transaction of the caller.
func In(tx *sqlx.Tx) *Tx {
	t := &Tx{tx: tx}
	if server(tx.DriverName()) {
		t.now = " FOR UPDATE" // SQLite has one writer, which reads what is now
	}
	return t
}

// run runs a request in a transaction of its own. An answer of ErrUnavailable
// from the commit leaves open whether it was carried out; the key makes the
// repetition safe.
func (l *Ledger) run(ctx context.Context, do func(*Tx) error) error {
	var opts *sql.TxOptions
	if server(l.db.DriverName()) {
		opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	var err error
	for n := range attempts {
		if err = l.once(ctx, opts, do); !errors.Is(err, ErrRetry) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ledger.ErrUnavailable, ctx.Err())
		case <-time.After(rand.N(time.Duration(n+1) * time.Millisecond)):
		}
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}

func (l *Ledger) once(ctx context.Context, opts *sql.TxOptions, do func(*Tx) error) error {
	tx, err := l.db.BeginTxx(ctx, opts)
	if err != nil {
		return failed(ctx, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := do(l.In(tx)); err != nil {
		return err
	}
	return failed(ctx, tx.Commit())
}

// Reserve implements ledger.Ledger.
func (l *Ledger) Reserve(ctx context.Context, r ledger.Reservation) (a ledger.Answer, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { a, err = t.Reserve(ctx, r); return err })
	return a, err
}

// Extend implements ledger.Ledger.
func (l *Ledger) Extend(ctx context.Context, r ledger.Reservation) (a ledger.Answer, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { a, err = t.Extend(ctx, r); return err })
	return a, err
}

// Settle implements ledger.Ledger.
func (l *Ledger) Settle(ctx context.Context, s ledger.Settlement) (a ledger.Answer, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { a, err = t.Settle(ctx, s); return err })
	return a, err
}

// Release implements ledger.Ledger.
func (l *Ledger) Release(ctx context.Context, s ledger.Settlement) (a ledger.Answer, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { a, err = t.Release(ctx, s); return err })
	return a, err
}

// Post implements ledger.Ledger.
func (l *Ledger) Post(ctx context.Context, p ledger.Posting) (a ledger.Answer, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { a, err = t.Post(ctx, p); return err })
	return a, err
}

// Balance implements ledger.Ledger.
func (l *Ledger) Balance(ctx context.Context, account, wallet string, at billing.Millis) (b ledger.Balance, err error) {
	err = l.run(ctx, func(t *Tx) (err error) { b, err = t.Balance(ctx, account, wallet, at); return err })
	return b, err
}

// Held tells how much of a wallet is reserved in each of many accounts, in one
// question; those with nothing are missing.
func (l *Ledger) Held(ctx context.Context, wallet string, at billing.Millis, accounts ...string) (map[string]int64, error) {
	out := make(map[string]int64)
	for part := range slices.Chunk(accounts, 5000) {
		query, args, err := sqlx.In(`SELECT account, SUM(amount) AS held FROM ledger_holds
			WHERE account IN (?) AND wallet = ? AND until_ms > ? GROUP BY account`, part, wallet, int64(at))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ledger.ErrRequest, err)
		}
		var rows []struct {
			Account string `db:"account"`
			Held    int64  `db:"held"`
		}
		if err := l.db.SelectContext(ctx, &rows, query, args...); err != nil {
			return nil, failed(ctx, err)
		}
		for _, r := range rows {
			out[r.Account] = r.Held
		}
	}
	return out, nil
}

// Fence refuses what a node asks for with a lower epoch from now on. When it
// returns, no request with a lower epoch can be committed any more.
func (l *Ledger) Fence(ctx context.Context, node string, epoch int64) error {
	return l.run(ctx, func(t *Tx) error {
		err := t.epoch(ctx, node, epoch)
		if errors.Is(err, ledger.ErrFenced) {
			return nil // it is higher already
		}
		return err
	})
}

// Forget removes the keys of requests made before an instant. A request that
// is repeated after that would be carried out again, so what is kept must be
// older than any that may come.
func (l *Ledger) Forget(ctx context.Context, before billing.Millis) (int64, error) {
	r, err := l.db.ExecContext(ctx, "DELETE FROM ledger_keys WHERE at_ms < ?", before)
	if err != nil {
		return 0, failed(ctx, err)
	}
	n, err := r.RowsAffected()
	return n, failed(ctx, err)
}

// Audit compares every balance with the journal, for one of a few wallets
// that differ if any does.
func (l *Ledger) Audit(ctx context.Context) error {
	var bad []struct {
		Account string `db:"account"`
		Wallet  string `db:"wallet"`
		Amount  int64  `db:"amount"`
		Entries int64  `db:"entries"`
	}
	err := l.db.SelectContext(ctx, &bad, `SELECT w.account, w.wallet, w.amount, COALESCE(SUM(j.amount), 0) AS entries
		FROM ledger_wallets w LEFT JOIN ledger_journal j ON j.account = w.account AND j.wallet = w.wallet
		GROUP BY w.account, w.wallet, w.amount HAVING w.amount + COALESCE(SUM(j.amount), 0) <> 0 LIMIT 10`)
	if err != nil {
		return failed(ctx, err)
	}
	for _, w := range bad {
		return fmt.Errorf("sqlledger: wallet %q of %q has %d, its entries say %d", w.Wallet, w.Account, w.Amount, -w.Entries)
	}
	return nil
}
