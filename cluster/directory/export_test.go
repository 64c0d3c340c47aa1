package directory

import (
	"io/fs"
	"strconv"
	"strings"
	"testing"
)

// DriverSource splits a DSN for tests that look behind the store.
func DriverSource(dsn string) (driver, source string) {
	driver, source, _ = strings.Cut(dsn, ":")
	return driver, source
}

// Settled is what a reader of the log is given when two readings gave first
// and second.
func Settled(after int64, first, second []Change) []Change { return settled(after, first, second) }

// LimitPages lets a SQLite file grow by a little only, as a full disk does.
func LimitPages(t *testing.T, s *Store) {
	t.Helper()
	var pages int
	if err := s.writer.Get(&pages, "PRAGMA page_count"); err != nil {
		t.Fatal(err)
	}
	if err := s.writer.Get(&pages, "PRAGMA max_page_count = "+strconv.Itoa(pages+100)); err != nil {
		t.Fatal(err)
	}
}

// Version is what Migrate leads to.
func Version(t testing.TB) int64 {
	t.Helper()
	h, err := steps()
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(h))
}

// MigrateTo is Migrate by a program of another time.
func MigrateTo(t testing.TB, s *Store, version int64) {
	t.Helper()
	p, err := s.provider()
	if err == nil {
		_, err = p.UpTo(t.Context(), version)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Steps are the names of all migrations of the libraries, and those that the
// history has.
func Steps(t testing.TB) (all, used []string) {
	t.Helper()
	h, err := steps()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[fs.FS]bool{}
	for _, s := range h {
		used = append(used, s.name)
		if seen[s.from] {
			continue
		}
		seen[s.from] = true
		names, err := fs.Glob(s.from, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, names...)
	}
	return all, used
}
