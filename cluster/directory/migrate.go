package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// schemaTable is where goose keeps which migrations were run.
const schemaTable = "sys_schema"

// Migrate brings the schema up to this program's version. Several programs
// may call it at once: one works, the others wait. A schema of a newer
// program is left alone and gives [ErrNewerSchema]; other failures have a
// [Cause].
func (s *Store) Migrate(ctx context.Context) error {
	unlock, err := s.lockMigration(ctx)
	if err != nil {
		return s.failure(ctx, err)
	}
	defer unlock()
	// SQLite runs each migration in a transaction; the loser of a race finds
	// its work done and has only to look again.
	for range attempts {
		if err = s.migrateOnce(ctx); err == nil || errors.Is(err, ErrNewerSchema) || ctx.Err() != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, ErrNewerSchema) {
		return &fault{kind: fmt.Errorf("%w for a migration", ErrUnavailable), cause: err}
	}
	return err
}

func (s *Store) migrateOnce(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if have > newest(p) {
		return fmt.Errorf("%w: %d, known are %d", ErrNewerSchema, have, newest(p))
	}
	_, err = p.Up(ctx)
	return err
}

// SchemaVersion is the number of the last migration run, 0 before the first.
func (s *Store) SchemaVersion(ctx context.Context) (int64, error) {
	p, err := s.provider()
	if err != nil {
		return 0, err
	}
	v, err := p.GetDBVersion(ctx)
	return v, s.failure(ctx, err)
}

func (s *Store) provider() (*goose.Provider, error) {
	steps, err := steps()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect.goose, s.writer.DB, steps,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(schemaTable), goose.WithLogger(goose.NopLogger()))
}

func newest(p *goose.Provider) int64 {
	all := p.ListSources()
	return all[len(all)-1].Version
}

// lockMigration takes the lock of the server, if it has one, on a connection
// of its own, whose end would free it.
func (s *Store) lockMigration(ctx context.Context) (unlock func(), err error) {
	if s.dialect.lock == "" {
		return func() {}, nil
	}
	conn, err := s.writer.Connx(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	if err := conn.GetContext(ctx, &got, s.dialect.lock); err != nil || got.Int64 != 1 {
		conn.Close()
		return nil, errors.Join(errors.New("directory: another program is migrating"), err)
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), s.dialect.unlock)
		conn.Close()
	}, nil
}
