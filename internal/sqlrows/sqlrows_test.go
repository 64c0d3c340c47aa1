package sqlrows_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/internal/sqlrows"
)

// TestInsert: every row goes in once, in statements that a server takes.
func TestInsert(t *testing.T) {
	for _, c := range []struct {
		rows, size, statements int
	}{
		{0, 0, 0},
		{1, 10, 1},
		{20_000, 10, 3}, // by values
		{6, 1 << 20, 3}, // by bytes
	} {
		var got []any
		statements := 0
		text := strings.Repeat("x", c.size)
		err := sqlrows.Insert("t", "a, b", c.rows, func(to []any, i int) []any { return append(to, i, text) }, func(query string, args []any) error {
			statements++
			if n := strings.Count(query, "?"); n != len(args) {
				t.Fatalf("%d values for %d places", len(args), n)
			}
			for i := 0; i < len(args); i += 2 {
				got = append(got, args[i])
			}
			return nil
		})
		if err != nil || statements != c.statements || len(got) != c.rows {
			t.Errorf("%d rows of %d bytes: %d in %d statements, %v", c.rows, c.size, len(got), statements, err)
		}
		for i, v := range got {
			if v != i {
				t.Fatalf("row %d is %v", i, v)
			}
		}
	}
	broken := errors.New("broken")
	if err := sqlrows.Insert("t", "a", 1, func(to []any, _ int) []any { return append(to, 1) }, func(string, []any) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
