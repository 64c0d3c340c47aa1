package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing/fraud"
)

// Spent is the repository of what accounts have spent, by their limits.
type Spent struct{ on access }

// Find gives the sums of an account; one that never spent has the zero
// Counter.
func (r Spent) Find(ctx context.Context, account string) (fraud.Counter, error) {
	return readSpent(ctx, r.on.view(ctx), account, "")
}

// FindAll gives the sums of accounts, of all of them in one question; those
// that never spent are missing.
func (r Spent) FindAll(ctx context.Context, accounts ...string) (map[string]fraud.Counter, error) {
	out := make(map[string]fraud.Counter, len(accounts))
	for part := range slices.Chunk(accounts, 5000) {
		rows, err := in[struct {
			Account string `db:"account"`
			Sums    string `db:"sums"`
		}](ctx, r.on, "SELECT account, sums FROM acct_spending WHERE account IN (?)", part)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var c fraud.Counter
			if err := json.Unmarshal([]byte(row.Sums), &c); err != nil {
				return nil, damaged(0, err)
			}
			out[row.Account] = c
		}
	}
	return out, nil
}

// Change replaces the sums of an account by what change makes of them.
func (r Spent) Change(ctx context.Context, account string, change func(fraud.Counter) (fraud.Counter, error)) error {
	return r.on.update(ctx, func(tx *Tx) error { return tx.store.CountSpent(ctx, tx.tx, account, change) })
}

// CountSpent is Spent.Change inside a transaction of the caller's in this
// database, such as that of the records that are counted. Errors are those of
// the driver.
func (s *Store) CountSpent(ctx context.Context, tx *sqlx.Tx, account string, change func(fraud.Counter) (fraud.Counter, error)) error {
	old, err := readSpent(ctx, tx, account, s.dialect.locking())
	if err != nil {
		return err
	}
	c, err := change(old)
	if err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM acct_spending WHERE account = ?", account); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO acct_spending (account, sums, updated_ms) VALUES (?, ?, ?)", account, string(b), s.now())
	return err
}

func readSpent(ctx context.Context, on sqlx.QueryerContext, account, lock string) (c fraud.Counter, err error) {
	var text string
	err = sqlx.GetContext(ctx, on, &text, "SELECT sums FROM acct_spending WHERE account = ?"+lock, account)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &c)
	}
	return c, err
}
