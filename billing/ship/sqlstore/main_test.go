package sqlstore_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite"

	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/internal/dbtest"
)

// mariadb is the server that all tests share.
var mariadb dbtest.Server

func TestMain(m *testing.M) { mariadb.Main(m) }

// onEach runs a test on an empty database of every engine. MySQL takes part
// when CLASS5_MYSQL_DSN names a database of one, which is emptied.
func onEach(t *testing.T, test func(t *testing.T, db *sqlx.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqlite(t))
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		test(t, maria(t, mariadb.Database(t)))
	})
	if dsn := os.Getenv("CLASS5_MYSQL_DSN"); dsn != "" {
		t.Run("mysql", func(t *testing.T) {
			emptied(t, dsn)
			test(t, maria(t, dsn))
		})
	}
}

func sqlite(t testing.TB) *sqlx.DB {
	t.Helper()
	file := "file:" + filepath.Join(t.TempDir(), "t.db")
	db := sqlx.MustOpen("sqlite", file+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)")
	db.SetMaxOpenConns(1)
	return migrated(t, db)
}

func maria(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.InterpolateParams, c.Timeout, c.ReadTimeout, c.Logger = true, 2*time.Second, 5*time.Second, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, sqlx.NewDb(sql.OpenDB(connector), "mysql"))
}

// emptied drops all tables of a database.
func emptied(t testing.TB, dsn string) {
	t.Helper()
	db := sqlx.MustOpen("mysql", dsn)
	defer db.Close()
	db.SetMaxOpenConns(1) // the setting is one of the connection
	var tables []string
	if err := db.Select(&tables, "SHOW TABLES"); err != nil {
		t.Fatal(err)
	}
	db.MustExec("SET FOREIGN_KEY_CHECKS = 0")
	for _, name := range tables {
		db.MustExec("DROP TABLE `" + name + "`")
	}
}

func migrated(t testing.TB, db *sqlx.DB) *sqlx.DB {
	t.Helper()
	t.Cleanup(func() { db.Close() })
	for range 2 { // the second time there is nothing to do
		if err := sqlstore.Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	return db
}
