package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunDir(t *testing.T) {
	dir := t.TempDir()
	text := "# says its words\necho a b key=v\nmore\n----\na b v more\n\nquiet\n----\n\n"
	if err := os.WriteFile(filepath.Join(dir, "echo.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	calls := 0
	RunDir(t, dir, func(*testing.T) func(*Command) string {
		return func(c *Command) string {
			calls++
			if c.Name == "quiet" {
				return ""
			}
			return strings.Join(append(c.Words, c.Arg("key", ""), c.Input[0]), " ")
		}
	})
	if calls != 2 {
		t.Errorf("%d commands were carried out, not 2", calls)
	}
}
