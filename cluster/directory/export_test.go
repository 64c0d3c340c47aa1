package directory

import (
	"strconv"
	"strings"
	"testing"
)

// DriverSource splits a DSN for tests that look behind the store.
func DriverSource(dsn string) (driver, source string) {
	driver, source, _ = strings.Cut(dsn, ":")
	return driver, source
}

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
