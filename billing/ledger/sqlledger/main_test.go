package sqlledger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/billing/ledger/sqlledger"
	"github.com/class5-go/class5/internal/dbtest"
	_ "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite"
)

// mariadb is the server that all tests share.
var mariadb dbtest.Server

func TestMain(m *testing.M) { mariadb.Main(m) }

// engines are the servers that the suite runs on: a driver and a way to an
// empty database. MySQL is there when CLASS5_MYSQL_DSN names a database of one,
// for it is in no Debian package.
func engines() map[string]func(testing.TB) *sqlx.DB {
	all := map[string]func(testing.TB) *sqlx.DB{"sqlite": openSQLite, "mariadb": openMariaDB}
	if dsn := os.Getenv("CLASS5_MYSQL_DSN"); dsn != "" {
		all["mysql"] = func(t testing.TB) *sqlx.DB {
			db := connect(t, "mysql", dsn)
			for _, table := range []string{"schema", "journal", "keys", "holds", "wallets", "accounts", "nodes"} {
				if _, err := db.Exec("DROP TABLE IF EXISTS ledger_" + table); err != nil {
					t.Fatal(err)
				}
			}
			return db
		}
	}
	return all
}

func openSQLite(t testing.TB) *sqlx.DB {
	db := connect(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "l.db")+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	db.SetMaxOpenConns(1)
	return db
}

func openMariaDB(t testing.TB) *sqlx.DB {
	t.Helper()
	return connect(t, "mysql", mariadb.Database(t))
}

func connect(t testing.TB, driver, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() { db.Close() })
	return db
}

func migrated(t testing.TB, db *sqlx.DB) *sqlledger.Ledger {
	t.Helper()
	for range 2 { // the second time has nothing to do
		if err := sqlledger.Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	return sqlledger.New(db)
}
