package dbtest

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	// foreign are words that only some of the servers know.
	foreign = regexp.MustCompile(`(?i)\b(RETURNING|ON DUPLICATE|ON CONFLICT|REPLACE INTO|INSERT IGNORE|INSERT OR|SEQUENCE|NEXTVAL|SKIP LOCKED|NOWAIT|AUTO_?INCREMENT|UNSIGNED|JSON_\w+|IF NOT EXISTS|UUID|INET6|ROWNUM|PERIOD FOR|SYSTEM VERSIONING|LOCK IN SHARE MODE|STRAIGHT_JOIN|GET_LOCK)\b`)
	literal = regexp.MustCompile("(?s)\"[^\"\n]*\"|`[^`]*`")
)

// Portable bars SQL that one of SQLite, MariaDB and MySQL does not know from
// migrations and from every literal in the package that the test is of.
func Portable(t testing.TB, migrations fs.FS) {
	t.Helper()
	looked := 0
	look := func(name, text string) {
		looked++
		text = strings.ReplaceAll(text, "CREATE TABLE IF NOT EXISTS", "") // of tables alone all know it
		if word := foreign.FindString(text); word != "" {
			t.Errorf("%s: %s", name, word)
		}
	}
	err := fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(migrations, path)
		look(path, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range literal.FindAllString(string(b), -1) {
			look(f.Name(), s)
		}
	}
	if looked < 20 || foreign.FindString("INSERT INTO t VALUES (1) RETURNING id") == "" {
		t.Fatalf("%d texts were looked at", looked)
	}
}
