// Package dbtest has real stores for tests: a MariaDB that those of one package
// share, each with a database of its own, and a Redis for each.
package dbtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/internal/peer"
)

// Server starts with the first test that needs it. The zero value is ready.
type Server struct {
	once      sync.Once
	db        *peer.MariaDB
	err       error
	databases atomic.Int64
}

// MariaDB is the running server.
func (s *Server) MariaDB(t testing.TB) *peer.MariaDB {
	t.Helper()
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.db, s.err = peer.StartMariaDB(ctx)
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.db
}

// Database is the DSN of a new database.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	db, name := s.MariaDB(t), fmt.Sprintf("class5_%d", s.databases.Add(1))
	if err := db.Create(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return db.DSN(name)
}

// Main runs the tests of a package, stops the server and looks for goroutines
// that were left behind. It is for TestMain and does not return.
func (s *Server) Main(m *testing.M) {
	code := m.Run()
	var err error
	if s.db != nil {
		err = s.db.Stop()
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
