package directory

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/class5-go/class5/internal/sqlrows"
	"github.com/jmoiron/sqlx"
)

// access is what a repository stands on: the store (each write a transaction
// of its own, reads from the reading pool) or one transaction.
type access interface {
	view(ctx context.Context) sqlx.QueryerContext
	update(ctx context.Context, fn func(*Tx) error) error
	owner() *Store
}

// Tx is a transaction, lent to the function given to [Store.Update]. Its
// repositories read what it wrote. It must not be used by two goroutines.
type Tx struct {
	repositories
	store   *Store
	tx      *sqlx.Tx
	changes []Change
	broken  error // what ended the transaction in the database
}

func (t *Tx) view(context.Context) sqlx.QueryerContext { return t.tx }
func (t *Tx) owner() *Store                            { return t.store }

// update inside a transaction is that transaction.
func (t *Tx) update(_ context.Context, fn func(*Tx) error) error { return fn(t) }

// attempts bounds how often a transaction that the database itself rolled
// back (deadlock, busy) is run again.
const attempts = 5

// Update runs fn in one transaction and commits when fn returns nil. The
// whole function may run again after a deadlock, so it must have no effect
// but through tx, and it must not call the store itself. Errors of fn come
// back as they are.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error { return s.update(ctx, fn) }

func (s *Store) update(ctx context.Context, fn func(*Tx) error) error {
	var err error
	for try := range attempts {
		if try > 0 && !sleep(ctx, time.Duration(try)*time.Millisecond+rand.N(4*time.Millisecond)) {
			break
		}
		if err = s.once(ctx, fn); err == nil || s.dialect.classify(err) != classRetry {
			break
		}
	}
	err = s.failure(ctx, err)
	if errors.Is(err, ErrUnavailable) {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "directory: write failed", attrErr(Cause(err)))
	}
	return err
}

// once is one run of a transaction. Changes become visible to the readers of
// this process before it returns.
func (s *Store) once(ctx context.Context, fn func(*Tx) error) error {
	tx, err := s.writer.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of no effect after a commit
	t, err := s.lend(ctx, tx, fn)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.committed(t.changes)
	return nil
}

// lend runs fn in a transaction and logs what it changed.
func (s *Store) lend(ctx context.Context, tx *sqlx.Tx, fn func(*Tx) error) (*Tx, error) {
	t := &Tx{store: s, tx: tx}
	t.repositories = repositories{t}
	if err := fn(t); err != nil {
		return nil, err
	}
	if t.broken != nil {
		return nil, t.broken
	}
	return t, t.logChanges(ctx)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// exec runs a statement and tells how many rows matched. A refused value
// undoes the statement and leaves the transaction as it was. Anything else,
// such as a deadlock, may have ended it, and what comes after would stand
// alone: such a transaction is not committed, whatever fn returns.
func (t *Tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.broken != nil {
		return 0, t.broken
	}
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err == nil {
		return res.RowsAffected()
	}
	class := t.store.dialect.classify(err)
	err = t.store.failure(ctx, err)
	if class != classUnique && class != classReference {
		t.broken = err
	}
	return 0, err
}

// revised judges an UPDATE or DELETE with "WHERE id = ? AND rev = ?" by the
// number of rows it matched: none means gone or changed.
func (t *Tx) revised(ctx context.Context, matched int64, table string, id int64) error {
	if matched > 0 {
		return nil
	}
	n, err := one[int64](ctx, t, "SELECT COUNT(*) FROM "+table+" WHERE id = ?", id)
	switch {
	case err != nil:
		return err
	case n == 0:
		return ErrNotFound
	}
	return ErrStale
}

// nextIDs reserves n consecutive ids of a collection and gives the first.
// The counter's row stays locked until the end of the transaction: ids are
// without gaps, and what has the lower id was committed first.
func (t *Tx) nextIDs(ctx context.Context, name string, n int64) (int64, error) {
	matched, err := t.exec(ctx, "UPDATE sys_ids SET next_id = next_id + ? WHERE name = ?", n, name)
	if err != nil {
		return 0, err
	}
	if matched == 0 {
		return 0, ErrNotFound
	}
	next, err := one[int64](ctx, t, "SELECT next_id FROM sys_ids WHERE name = ?", name)
	return next - n, err
}

// remove deletes a row at a revision and notes the change.
func (t *Tx) remove(ctx context.Context, table string, kind Kind, id, rev int64) error {
	n, err := t.exec(ctx, "DELETE FROM "+table+" WHERE id = ? AND rev = ?", id, rev)
	if err != nil {
		return err
	}
	if err := t.revised(ctx, n, table, id); err != nil {
		return err
	}
	t.changed(kind, id, Deleted)
	return nil
}

// insertRows inserts n rows of values in as few statements as fit.
func (t *Tx) insertRows(ctx context.Context, table, columns string, n int, row func(i int) []any) error {
	values := func(to []any, i int) []any { return append(to, row(i)...) }
	return sqlrows.Insert(table, columns, n, values, func(query string, args []any) error {
		_, err := t.exec(ctx, query, args...)
		return err
	})
}
