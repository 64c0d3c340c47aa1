package directory_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/jmoiron/sqlx"
)

func TestMigrateAtOnce(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.dsn(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					s, err := directory.Open(t.Context(), directory.Config{DSN: dsn})
					if err != nil {
						t.Error(err, directory.Cause(err))
						return
					}
					defer s.Close()
					if err := s.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
					if v, err := s.SchemaVersion(t.Context()); err != nil || v != 2 {
						t.Errorf("version %d, %v", v, err)
					}
					if _, err := s.Domains().List(t.Context(), directory.DomainFilter{}, directory.Page{}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestNewerSchema(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.dsn(t)
			s, _ := newStore(t, dsn)
			driver, source := directory.DriverSource(dsn)
			db := sqlx.MustConnect(driver, source)
			defer db.Close()
			db.MustExec("INSERT INTO sys_schema (version_id, is_applied) VALUES (9999, 1)")
			wantError(t, s.Migrate(t.Context()), directory.ErrNewerSchema, "")
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, dsn := range []string{"", "sqlite:", "postgres:x", "mysql:", "mysql:@@@", "sqlite:" + t.TempDir() + "/no/such/directory/file.db", "mysql:root@unix(/no/such/socket)/x"} {
		if s, err := directory.Open(t.Context(), directory.Config{DSN: dsn}); err == nil {
			s.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
}

// TestFile: any name will do, and nobody else may read what is in it.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a ?b#c%20d&e=f ü.db")
	s, _ := newStore(t, "sqlite:"+file)
	newWorld(t, s)
	for _, suffix := range []string{"", "-wal"} {
		if i := must(os.Stat(file + suffix))(t); i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", i.Name(), i.Mode())
		}
	}
}

func TestEmptyDatabase(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s, err := directory.Open(t.Context(), directory.Config{DSN: e.dsn(t)})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, err = s.Domains().Find(t.Context(), 1)
			wantError(t, err, directory.ErrUnavailable, "")
		})
	}
}
