package directory_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/dbtest"
)

// mariadb is the server that all tests share.
var mariadb dbtest.Server

func TestMain(m *testing.M) {
	if !crashChild() {
		mariadb.Main(m)
	}
}

// engines are the servers that the conformance tests run on: a name and a
// way to an empty database.
var engines = []struct {
	name string
	dsn  func(testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "class5.db") }},
	{"mariadb", func(t testing.TB) string { return "mysql:" + mariadb.Database(t) }},
}

// onEach runs a test on an empty store of every engine.
func onEach(t *testing.T, test func(t *testing.T, s *directory.Store)) {
	t.Helper()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, _ := newStore(t, e.dsn(t))
			test(t, s)
		})
	}
}

func newStore(t testing.TB, dsn string) (*directory.Store, *clock) {
	t.Helper()
	c := &clock{}
	c.now.Store(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC).UnixMilli())
	s, err := directory.Open(t.Context(), directory.Config{DSN: dsn, Now: c.time})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, c
}

type clock struct{ now atomic.Int64 }

func (c *clock) time() time.Time         { return time.UnixMilli(c.now.Load()) }
func (c *clock) forward(d time.Duration) { c.now.Add(d.Milliseconds()) }
