package billbed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sys/unix"

	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// Self is the processor time of this process.
func Self() (time.Duration, error) {
	var u unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// tables are where a record stands.
var tables = []string{"acct_cdrs", "acct_cdr_parties"}

// statement is an INSERT of many rows.
type statement struct {
	query string
	args  []any
}

// Raw inserts the rows of one database into an empty other one: the same
// transactions, with one INSERT of many rows for each table and nothing else.
func (b *Bed) Raw(ctx context.Context, from, to *sqlx.DB) (Figures, error) {
	if err := sqlstore.Migrate(ctx, to); err != nil {
		return Figures{}, err
	}
	var transactions [][]statement
	var most int
	if err := from.GetContext(ctx, &most, "SELECT MAX(id) FROM acct_cdrs"); err != nil {
		return Figures{}, err
	}
	for low := 1; low <= most; low += b.Batch {
		var one []statement
		for i, table := range tables {
			id := []string{"id", "cdr_id"}[i]
			s, err := insertion(ctx, from, table, fmt.Sprintf("%s >= %d AND %s < %d", id, low, id, low+b.Batch))
			if err != nil {
				return Figures{}, err
			}
			one = append(one, s...)
		}
		transactions = append(transactions, one)
	}
	return b.measure(most, func() error {
		for _, t := range transactions {
			if err := run(ctx, to, t); err != nil {
				return err
			}
		}
		return nil
	})
}

func run(ctx context.Context, db *sqlx.DB, list []statement) error {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // of no effect after a commit
	for _, s := range list {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// insertion reads rows and makes the statement that writes them.
func insertion(ctx context.Context, db *sqlx.DB, table, where string) ([]statement, error) {
	rows, err := db.QueryxContext(ctx, "SELECT * FROM "+table+" WHERE "+where)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var args []any
	n := 0
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			if text, ok := v.([]byte); ok {
				values[i] = string(text)
			}
		}
		args = append(args, values...)
		n++
	}
	if n == 0 || rows.Err() != nil {
		return nil, rows.Err()
	}
	tuple := "(" + strings.Repeat("?, ", len(names)-1) + "?)"
	return []statement{{
		"INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES " + strings.Repeat(tuple+", ", n-1) + tuple, args,
	}}, nil
}
