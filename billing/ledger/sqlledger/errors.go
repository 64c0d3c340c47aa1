package sqlledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/class5-go/class5/billing/ledger"
	"github.com/go-sql-driver/mysql"
)

// ErrRetry says that the server ended the transaction, or that another one was
// faster: roll back and run it again.
var ErrRetry = errors.New("sqlledger: run the transaction again")

// Error numbers, the same on MariaDB and MySQL.
const (
	mysqlDuplicate   = 1062
	mysqlLockTimeout = 1205
	mysqlDeadlock    = 1213
)

// Result codes of SQLite.
const (
	sqliteBusy   = 5
	sqliteLocked = 6
	sqlitePrimay = 1555
	sqliteUnique = 2067
)

// coded is the error of an SQLite driver, by its method: the package works
// without one.
type coded interface{ Code() int }

func unique(err error) bool {
	var m *mysql.MySQLError
	var c coded
	switch {
	case errors.As(err, &m):
		return m.Number == mysqlDuplicate
	case errors.As(err, &c):
		return c.Code() == sqlitePrimay || c.Code() == sqliteUnique
	}
	return false
}

func retry(err error) bool {
	var m *mysql.MySQLError
	var c coded
	switch {
	case errors.As(err, &m):
		return m.Number == mysqlDeadlock || m.Number == mysqlLockTimeout
	case errors.As(err, &c):
		return c.Code()&0xff == sqliteBusy || c.Code()&0xff == sqliteLocked
	}
	return false
}

// fault is a failure of the database as the sentinel of it. The driver's words
// are in the chain but not in the text.
type fault struct{ kind, cause error }

func (f *fault) Error() string   { return f.kind.Error() }
func (f *fault) Unwrap() []error { return []error{f.kind, f.cause} }

func failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, ctx.Err())
	case retry(err):
		return &fault{ErrRetry, err}
	}
	return &fault{ledger.ErrUnavailable, err}
}
