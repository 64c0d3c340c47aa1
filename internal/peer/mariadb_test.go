package peer_test

import (
	"database/sql"
	"testing"

	"github.com/class5-go/class5/internal/peer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMariaDB(t *testing.T) {
	ctx := t.Context()
	m, err := peer.StartMariaDB(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Stop()
	if err := m.Create(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", m.DSN("one"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE TABLE t (n BIGINT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO t VALUES (7)"); err != nil {
		t.Fatal(err)
	}
	m.Kill()
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT n FROM t").Scan(&n); err != nil || n != 7 {
		t.Fatalf("after a kill: %d, %v", n, err)
	}
}
