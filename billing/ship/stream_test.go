package ship

import (
	"strings"
	"testing"
	"time"
)

// TestFolders: a part's name leads nowhere else, fits into a file system, and
// is no other part's.
func TestFolders(t *testing.T) {
	s, err := NGCP007()
	if err != nil {
		t.Fatal(err)
	}
	s.Folders, s.Zone = Flat, time.UTC
	long := strings.Repeat("reseller/", 20)
	seen := map[string]string{}
	for _, part := range []string{"7", "..", "../7", "a/b", "a%2fb", long, long + "1", long + "2", long[:60], strings.Repeat("\x00", 200)} {
		dir, file, ok := strings.Cut(s.name(part, 1, time.Unix(0, 0)), "/")
		if !ok || strings.Contains(file, "/") || dir == ".." || len(dir) > 255 {
			t.Errorf("%q: %s in %s", part, file, dir)
		}
		if other, ok := seen[dir]; ok {
			t.Errorf("%q and %q are both %s", part, other, dir)
		}
		seen[dir] = part
	}
}
