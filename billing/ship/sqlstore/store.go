package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/spool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema's migrations for goose, for programs that keep
// more than this package's tables in one database.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // the directory is embedded; this can't be
	}
	return sub
}

// Change is a record that comes into force.
type Change struct {
	// New is what is stored. The hook may change Parties of it.
	New *ship.Record
	// Old is what was in force for the leg until now, with its prices, or nil.
	Old *billing.CDR
}

// Hook is run in the transaction that stores the changes. It may run several
// times for one change, each time in a new transaction. Of a record that can
// never be posted it returns a *ship.RecordError.
type Hook func(ctx context.Context, tx *sqlx.Tx, changes []Change) error

// Options of a Store.
type Options struct {
	Hook Hook
	Now  func() time.Time // time.Now when nil
	// Interims is how long interim records are kept, whether they were exported
	// or not; a day when 0.
	Interims time.Duration
}

func (o *Options) interimAge() time.Duration {
	if o.Interims <= 0 {
		return 24 * time.Hour
	}
	return o.Interims
}

// Store is a ship.Store, and what an Exporter and re-rating read from. Its
// methods may be called by any goroutine.
type Store struct {
	db  *sqlx.DB
	opt Options
}

// New makes a Store of an open database.
func New(db *sqlx.DB, opt Options) *Store {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Store{db, opt}
}

// Migrate makes the tables or brings them up to date. Only one program at a
// time may call it.
func Migrate(ctx context.Context, db *sqlx.DB) error {
	dialect := goose.DialectSQLite3
	if db.DriverName() == "mysql" {
		dialect = goose.DialectMySQL
	}
	p, err := goose.NewProvider(dialect, db.DB, Migrations(),
		goose.WithDisableGlobalRegistry(true), goose.WithTableName("ship_schema"), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	return nil
}

// Position implements ship.Store.
func (s *Store) Position(ctx context.Context, source string) (ship.Position, error) {
	var offset int64
	err := s.db.GetContext(ctx, &offset, "SELECT position FROM acct_checkpoints WHERE source = ?", source)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return ship.Position{Source: source, Offset: spool.Offset(offset)}, err
}

// Store implements ship.Store.
func (s *Store) Store(ctx context.Context, b ship.Batch) error {
	return s.update(ctx, func(tx *sqlx.Tx) error { return Put(ctx, tx, b, s.opt) })
}

// Put is what Store does, in a transaction of the caller's. Nothing of the
// transaction may be committed after an error.
func Put(ctx context.Context, tx *sqlx.Tx, b ship.Batch, opt Options) error {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	w := writer{tx: tx, hook: opt.Hook, now: opt.Now().UnixMilli()}
	// The position comes first: its row keeps two writers of one source apart.
	if err := w.advance(ctx, b.Position); err != nil {
		return err
	}
	if err := w.records(ctx, b.Records); err != nil {
		return err
	}
	if err := w.interims(ctx, b.Interims, opt.interimAge()); err != nil {
		return err
	}
	return w.quarantine(ctx, b.Poison, b.Cured)
}

func (s *Store) update(ctx context.Context, fn func(*sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of no effect after a commit
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// writer writes one batch.
type writer struct {
	tx   *sqlx.Tx
	hook Hook
	now  int64
}

func (w *writer) exec(ctx context.Context, query string, args ...any) error {
	_, err := w.tx.ExecContext(ctx, query, args...)
	return err
}

// advance moves a position forward, never back.
func (w *writer) advance(ctx context.Context, p ship.Position) error {
	if p.Source == "" {
		return nil
	}
	if err := w.exec(ctx, `UPDATE acct_checkpoints SET position = ?, updated_ms = ? WHERE source = ? AND position < ?`,
		int64(p.Offset), w.now, p.Source, int64(p.Offset)); err != nil {
		return err
	}
	var n int
	err := w.tx.GetContext(ctx, &n, "SELECT COUNT(*) FROM acct_checkpoints WHERE source = ?", p.Source)
	if err != nil || n > 0 {
		return err
	}
	err = w.exec(ctx, "INSERT INTO acct_checkpoints (source, segment, position, state, updated_ms) VALUES (?, 0, ?, ?, ?)",
		p.Source, int64(p.Offset), []byte{}, w.now)
	return err
}

// ids reserves n consecutive numbers and returns the first. The counter's row
// stays locked until the end of the transaction: what has the lower number was
// committed first.
func (w *writer) ids(ctx context.Context, name string, n int) (int64, error) {
	if err := w.exec(ctx, "UPDATE sys_ids SET next_id = next_id + ? WHERE name = ?", n, name); err != nil {
		return 0, err
	}
	var next int64
	err := w.tx.GetContext(ctx, &next, "SELECT next_id FROM sys_ids WHERE name = ?", name)
	return next - int64(n), err
}
