package directory_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/google/go-cmp/cmp"
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
					if v, err := s.SchemaVersion(t.Context()); err != nil || v != directory.Version(t) {
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

// TestHistoryHasAll: what a library adds to its tables comes to this database
// too.
func TestHistoryHasAll(t *testing.T) {
	all, used := directory.Steps(t)
	slices.Sort(all)
	slices.Sort(used)
	if !slices.Equal(all, used) {
		t.Errorf("the history has %q, the libraries have %q", used, all)
	}
}

// TestOldDatabase: what an older program stored is there after the migration,
// and can be exported like the rest.
func TestOldDatabase(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.dsn(t)
			s, err := directory.Open(t.Context(), directory.Config{DSN: dsn})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			directory.MigrateTo(t, s, 2)
			want := call(1)
			db := sqlx.MustConnect(directory.DriverSource(dsn))
			defer db.Close()
			oldCall(db, 7, want)
			db.MustExec("INSERT INTO acct_checkpoints (source, segment, position, state, updated_ms) VALUES ('p1', 0, 5, '', 1)")
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err, directory.Cause(err))
			}
			records := s.Records(sqlstore.Options{})
			if p := must(records.Position(t.Context(), "p1"))(t); p.Offset != 5 {
				t.Errorf("position %d", p.Offset)
			}
			store(t, s, 6, want, call(2)) // one that is there, and one that is not
			got := must(records.After(t.Context(), 0, 10))(t)
			want.Media = nil
			if len(got) != 2 || got[0].Seq != 7 || !cmp.Equal(want, got[0].CDR, sameValues) {
				t.Errorf("%d records, %s", len(got), cmp.Diff(want, got[0].CDR))
			}
			if got := must(s.CDRs().Find(t.Context(), 7))(t); !cmp.Equal(want, got.CDR, sameValues) {
				t.Error(cmp.Diff(want, got.CDR))
			}
		})
	}
}

// oldCall stores a call as programs did whose records had no sequence.
func oldCall(db *sqlx.DB, id int64, c billing.CDR) {
	db.MustExec(`INSERT INTO acct_cdrs VALUES (?, ?, 1, 1, 0, 5, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, c.Key.String(), sqlstore.CallHash(c.CallID), c.CallID, c.FromTag, c.ToTag, c.Leg, c.Type.String(), c.Status.String(), c.Code,
		c.Caller.Subscriber, c.Caller.Account, c.Caller.User, c.Caller.Domain, c.Caller.Number, c.Caller.Dialled, sqlstore.Search(c.Caller.Number),
		c.Callee.Subscriber, c.Callee.Account, c.Callee.User, c.Callee.Domain, c.Callee.Number, c.Callee.Dialled, sqlstore.Search(c.Callee.Number),
		c.Source.String(), c.Node, int64(c.Init), int64(c.Start), int64(c.End), int64(c.Duration), int64(c.Flags), c.Evidence)
	for i, p := range c.Parties {
		db.MustExec("INSERT INTO acct_cdr_parties VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			id, i, string(p.Side), string(p.Role), p.Account, p.Direction.String(), p.Profile, p.Fee, p.Zone,
			p.Amount.Micros(), p.Amount.Currency().String(), int64(p.Charged), p.Tariff.String(), string(p.Explain))
	}
	db.MustExec("UPDATE sys_ids SET next_id = ? WHERE name = 'cdr'", id+1)
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
