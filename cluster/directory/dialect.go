package directory

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// All that differs between servers stands in this file: how to connect, what
// an error number means, and how two programs agree on who migrates.

// class is what the store needs to know about a driver's error.
type class uint8

const (
	classOther     class = iota
	classUnique          // unique or primary key
	classReference       // foreign key
	classRetry           // the transaction was rolled back and may be run again
)

type dialect struct {
	name     string
	goose    goose.Dialect
	classify func(error) class
	// lock and unlock hold a lock of the connection while migrations run; an
	// empty text means that migrations are transactions and need none.
	lock, unlock string
}

// locking ends a SELECT whose rows nobody else is to change before the
// transaction ends. SQLite has one writer at a time and needs none.
func (d dialect) locking() string {
	if d.name == "mysql" {
		return " FOR UPDATE"
	}
	return ""
}

// open splits a DSN of the form scheme:rest and opens the pools. Both pools
// are the same one when the server can have many writers.
func open(dsn string, conns int, log *slog.Logger) (d dialect, write, read *sqlx.DB, err error) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case ok && scheme == "sqlite" && rest != "":
		return openSQLite(rest, conns)
	case ok && scheme == "mysql" && rest != "":
		return openMySQL(rest, conns, log)
	}
	return d, nil, nil, errors.New("directory: a DSN is sqlite:<file> or mysql:<user>:<password>@<network>(<address>)/<database>")
}

// SQLite has one writer at a time: the pool of one connection queues writers
// in the program, in order and under their contexts, instead of in the busy
// handler. Readers never wait for it in WAL mode. synchronous is FULL: after a
// commit the caller forgets the source of the data (a spool is cut, a person
// was told "saved"), so a commit has to survive a power cut.
func openSQLite(path string, conns int) (dialect, *sqlx.DB, *sqlx.DB, error) {
	d := dialect{name: "sqlite", goose: goose.DialectSQLite3, classify: classifySQLite}
	// The file holds digests of passwords. The log files beside it get the
	// mode of the database.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return d, nil, nil, &fault{kind: ErrUnavailable, cause: err}
	}
	f.Close()
	common := url.Values{"_pragma": {"busy_timeout(5000)", "synchronous(FULL)", "foreign_keys(1)"}}
	file := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()

	read, err := sqlx.Open("sqlite", file+"?"+common.Encode()+"&_pragma=query_only(1)")
	if err != nil {
		return d, nil, nil, fmt.Errorf("directory: %w", err)
	}
	common.Set("_txlock", "immediate")
	common.Add("_pragma", "journal_mode(WAL)") // of the file, once for all
	write, err := sqlx.Open("sqlite", file+"?"+common.Encode())
	if err != nil {
		read.Close()
		return d, nil, nil, fmt.Errorf("directory: %w", err)
	}
	write.SetMaxOpenConns(1)

	if conns <= 0 {
		conns = 2 * runtime.GOMAXPROCS(0)
	}
	read.SetMaxOpenConns(conns)
	read.SetMaxIdleConns(conns)
	return d, write, read, nil
}

func classifySQLite(err error) class {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return classOther
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return classUnique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return classReference
	}
	if e.Code()&0xff == sqlite3.SQLITE_BUSY {
		return classRetry
	}
	return classOther
}

func openMySQL(dsn string, conns int, log *slog.Logger) (dialect, *sqlx.DB, *sqlx.DB, error) {
	d := dialect{
		name: "mysql", goose: goose.DialectMySQL, classify: classifyMySQL,
		lock: "SELECT GET_LOCK('class5.directory.migrate', 60)", unlock: "SELECT RELEASE_LOCK('class5.directory.migrate')",
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return d, nil, nil, fmt.Errorf("directory: %w", err)
	}
	c.ClientFoundRows = true   // rows matched, as SQLite counts
	c.InterpolateParams = true // one round trip a statement; safe because the charset is fixed
	c.ParseTime = false
	c.MultiStatements = false
	c.Collation = "utf8mb4_bin"
	c.Logger = driverLog{log}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	// Refuse what would be cut or changed silently.
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'"
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 30 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 30 * time.Second
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return d, nil, nil, fmt.Errorf("directory: %w", err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	if conns <= 0 {
		conns = 16
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(10 * time.Minute)
	return d, db, db, nil
}

// driverLog takes what the driver would write to standard error: that a
// connection broke, which the caller is told as well.
type driverLog struct{ to *slog.Logger }

// Print implements the driver's logger.
func (l driverLog) Print(v ...any) { l.to.Debug("directory: driver", "says", fmt.Sprint(v...)) }

// Server error numbers, the same on MariaDB and MySQL.
const (
	mysqlDuplicate       = 1062
	mysqlDeadlock        = 1213
	mysqlRowIsReferenced = 1451
	mysqlNoReferencedRow = 1452
)

func classifyMySQL(err error) class {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		if errors.Is(err, driver.ErrBadConn) {
			return classRetry // told only when nothing was sent
		}
		return classOther
	}
	switch e.Number {
	case mysqlDuplicate:
		return classUnique
	case mysqlRowIsReferenced, mysqlNoReferencedRow:
		return classReference
	case mysqlDeadlock:
		return classRetry
	}
	return classOther
}
