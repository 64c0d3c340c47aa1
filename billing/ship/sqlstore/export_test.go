package sqlstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// shaky is a sink and a store of exports that fail before and after they did
// something.
type shaky struct {
	ship.ExportStore
	ship.Sink
	rng *rand.Rand
}

func (s shaky) around(do func() error) error {
	switch s.rng.IntN(3) {
	case 0:
		return errFault
	case 1:
		return errors.Join(do(), errFault)
	}
	return do()
}

func (s shaky) Put(ctx context.Context, name string, content []byte) error {
	return s.around(func() error { return s.Sink.Put(ctx, name, content) })
}

func (s shaky) Export(ctx context.Context, stream string, from, to int64, files []ship.File) error {
	return s.around(func() error { return s.ExportStore.Export(ctx, stream, from, to, files) })
}

func (s shaky) Sent(ctx context.Context, f ship.File) error {
	return s.around(func() error { return s.ExportStore.Sent(ctx, f) })
}

// tree lists the files below a directory with the hashes of their contents.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = fmt.Sprintf("%x", sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestExport: what fails anywhere makes no difference to the files.
func TestExport(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		store := sqlstore.New(db, sqlstore.Options{Now: clock})
		calm, shakyDir := t.TempDir(), t.TempDir()
		build := func(name string, from ship.ExportStore, to ship.Sink) *ship.Exporter {
			s, err := ship.NGCP007()
			if err != nil {
				t.Fatal(err)
			}
			s.Name, s.Rows = name, 7
			e, err := ship.NewExporter(ship.ExporterConfig{Stream: s, Store: from, Sink: to, Now: clock})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		flaky := shaky{store, ship.Dir(shakyDir), rand.New(rand.NewPCG(1, 1))}
		e, troubled := build("calm", store, ship.Dir(calm)), build("shaky", flaky, flaky)
		for day := range 2 {
			now = time.Date(2026, 5, 4+day, 12, 0, 0, 0, time.UTC)
			put(t, store, ship.Batch{Records: records(day*20, day*20+20)})
			if _, err := e.Export(t.Context()); err != nil {
				t.Fatal(err)
			}
			for {
				_, err := troubled.Export(t.Context())
				if err == nil {
					break
				}
				if !errors.Is(err, errFault) && !errors.Is(err, ship.ErrRaced) {
					t.Fatal(err)
				}
			}
		}
		want := tree(t, calm)
		if diff := cmp.Diff(want, tree(t, shakyDir)); diff != "" || len(want) == 0 {
			t.Error(diff)
		}
		wantNumbers(t, want)
		checkDay(t, e, calm, store)
	})
}

// wantNumbers: the numbers of each folder's files have no gap.
func wantNumbers(t testing.TB, files map[string]string) {
	t.Helper()
	numbers := map[string][]string{}
	for name := range files {
		part, rest, _ := strings.Cut(name, "/")
		numbers[part] = append(numbers[part], rest[strings.LastIndexByte(rest, '_')+1:])
	}
	for part, list := range numbers {
		slices.Sort(list)
		for i, n := range list {
			if n != fmt.Sprintf("%010d.cdr", i+1) {
				t.Errorf("%s: file %d has the number %s", part, i+1, n)
			}
		}
	}
}

// checkDay: the control file tells of all files of a day, and what is sent
// again is the same.
func checkDay(t testing.TB, e *ship.Exporter, dir string, store *sqlstore.Store) {
	t.Helper()
	day := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for range 2 {
		if err := e.Control(t.Context(), day); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Control(t.Context(), day.AddDate(0, 0, 1)); err == nil {
		t.Error("a control file of a day that is not over")
	}
	files := tree(t, dir)
	b, err := os.ReadFile(filepath.Join(dir, "control/ngcp_007_20260504.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range bytes.Lines(b) {
		var f struct {
			Name, SHA256 string
			Rows         int
			Totals       ship.Totals
		}
		if err := json.Unmarshal(line, &f); err != nil || files[f.Name] != f.SHA256 || !strings.Contains(f.Name, "202605/04") {
			t.Errorf("%s, %v", line, err)
		}
		if strings.HasPrefix(f.Name, "system/") {
			rows += f.Rows
			sum := f.Totals.Parties["caller.customer.EUR"]
			if want := billing.NewAmount(int64(f.Rows)*1_234_567, eur); sum.String() != want.String() || f.Totals.Duration != billing.Millis(f.Rows)*61_000 {
				t.Errorf("%s of %d rows", sum, f.Rows)
			}
		}
	}
	if rows != 20 {
		t.Errorf("%d rows in the control file", rows)
	}
	if err := os.RemoveAll(filepath.Join(dir, "system")); err != nil {
		t.Fatal(err)
	}
	if n, err := e.Resend(t.Context(), day, day.AddDate(0, 0, 2)); err != nil || n != len(files)-1 {
		t.Errorf("%d of %d sent again, %v", n, len(files)-1, err)
	}
	for name, sum := range tree(t, dir) {
		if files[name] != sum {
			t.Errorf("%s is another file now", name)
		}
	}
	if err := store.Forget(t.Context(), "calm", billing.MillisOf(day.AddDate(0, 0, 9))); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Resend(t.Context(), day, day.AddDate(0, 0, 2)); err == nil {
		t.Error("what was forgotten could be sent")
	}
}

// TestRevisions: a record that changes is exported again, with the files before
// it as they were; rejects and snapshots have streams of their own.
func TestRevisions(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		store := sqlstore.New(db, sqlstore.Options{})
		dir := t.TempDir()
		exporter := func(name string, from ship.ExportStore, empty bool) *ship.Exporter {
			e, err := ship.NewExporter(ship.ExporterConfig{
				Stream: ship.Stream{Name: name, Prefix: name, Format: ship.JSONLines{}, Empty: empty}, Store: from, Sink: ship.Dir(filepath.Join(dir, name)),
			})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		e := exporter("all", store, false)
		export := func(e *ship.Exporter, want int) {
			t.Helper()
			if n, err := e.Export(t.Context()); err != nil || n != want {
				t.Fatalf("%d files, %v", n, err)
			}
		}
		put(t, store, ship.Batch{Records: records(0, 3)})
		export(e, 1)
		export(e, 0)
		again := record(1)
		again.Revision = 2
		put(t, store, ship.Batch{Records: []ship.Record{again}})
		export(e, 1)
		anew := record(1)
		anew.Revision, anew.Generation = 2, 2
		put(t, store, ship.Batch{Records: []ship.Record{anew}, Poison: []ship.Poison{{Source: "p", Kind: ship.PoisonDamage, Reason: "torn"}}})
		export(e, 1)
		export(exporter("rejects", store.Rejects(), false), 1)
		export(exporter("empty", store.Rejects(), true), 1)
		interim := exporter("interim", store, false)
		for range 2 {
			c := record(9).CDR
			if err := interim.Snapshot(t.Context(), slices.Values([]*billing.CDR{&c})); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]int{"all": 3, "rejects": 1, "empty": 1, "interim": 2} {
			if got := tree(t, filepath.Join(dir, name)); len(got) != want {
				t.Errorf("%s: %d files", name, len(got))
			}
		}
	})
}
