package sqlledger

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaTable is where goose keeps which migrations were run.
const schemaTable = "ledger_schema"

// Migrations returns the schema as migrations for goose.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the directory is in the program
	}
	return files
}

// Migrate brings the schema up to this program's version. One program at a
// time may do that on MariaDB and MySQL.
func Migrate(ctx context.Context, db *sqlx.DB) error {
	d := goose.DialectSQLite3
	if server(db.DriverName()) {
		d = goose.DialectMySQL
	}
	p, err := goose.NewProvider(d, db.DB, Migrations(),
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(schemaTable), goose.WithLogger(goose.NopLogger()))
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("sqlledger: migration: %w", err)
	}
	return nil
}

// server reports whether a driver speaks to MariaDB or MySQL.
func server(driver string) bool { return driver == "mysql" }
