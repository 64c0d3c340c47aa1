package directory_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/internal/peer"
	"go.uber.org/goleak"
)

// mariadb is the server that all tests of the package share, each with a
// database of its own. The first who needs it starts it.
var mariadb = sync.OnceValues(func() (*peer.MariaDB, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mariadbStarted.Store(true)
	return peer.StartMariaDB(ctx)
})

var (
	mariadbStarted atomic.Bool
	databases      atomic.Int64
)

func server(t testing.TB) *peer.MariaDB {
	t.Helper()
	return must(mariadb())(t)
}

func TestMain(m *testing.M) {
	if crashChild() {
		return
	}
	code := m.Run()
	var err error
	if mariadbStarted.Load() {
		if s, e := mariadb(); e == nil {
			err = s.Stop()
		}
	}
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// engines are the servers that the conformance tests run on: a name and a
// way to an empty database.
var engines = []struct {
	name string
	dsn  func(testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "class5.db") }},
	{"mariadb", func(t testing.TB) string {
		t.Helper()
		name := fmt.Sprintf("class5_%d", databases.Add(1))
		s := server(t)
		if err := s.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		return "mysql:" + s.DSN(name)
	}},
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
