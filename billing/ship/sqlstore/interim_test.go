package sqlstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
)

// marked is an interim mark of a call.
func marked(call, seq int) *billing.Event {
	e := event(call, billing.EventInterim, 1+60*seq)
	e.Seq = uint32(seq)
	return e
}

// TestInterims: records of running calls are in a stream of their own, each
// once and in order, through failing commits and processes that end, and
// change nothing of what is billed.
func TestInterims(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		dir, out := t.TempDir(), t.TempDir()
		now := begin.Time()
		clock := func() time.Time { return now }
		inner := sqlstore.New(db, sqlstore.Options{Hook: journalling(db), Now: clock})
		store := &faulty{to: inner, rng: rand.New(rand.NewPCG(3, 4))}
		flaky := shaky{inner.Interims(), ship.Dir(out), rand.New(rand.NewPCG(5, 6))}
		e, err := ship.NewExporter(ship.ExporterConfig{
			Stream: ship.Stream{Name: "running", Prefix: "running", Format: ship.JSONLines{}, Rows: 7}, Store: flaky, Sink: flaky, Now: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		const calls, marks = 9, 8
		for round := range marks / 2 { // a new process for two marks of each call
			log := openLog(t, dir)
			for call := 1; call <= calls; call++ {
				if round == 0 {
					write(t, log, event(call, billing.EventStart, 1))
				}
				write(t, log, marked(call, 2*round+1), marked(call, 2*round+2), marked(call, 2*round+2))
			}
			stats := runUntil(t, ship.Config{Log: log, Store: store, Batch: 4, Interims: 2}, func(s ship.Stats) bool {
				return s.Read == log.Stats().End && s.Interims >= calls
			})
			if stats.Records != 0 {
				t.Errorf("%d calls have ended", stats.Records)
			}
			for {
				_, err := e.Export(t.Context())
				if err == nil {
					break
				}
				if !errors.Is(err, errFault) && !errors.Is(err, ship.ErrRaced) {
					t.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
		log := openLog(t, dir)
		for call := 1; call <= calls; call++ {
			write(t, log, event(call, billing.EventStop, 61), marked(call, 2*marks)) // a mark after the end is none
		}
		runUntil(t, ship.Config{Log: log, Store: store, Batch: 4, Interims: 2}, func(s ship.Stats) bool { return s.Stored == log.Stats().End })
		wantCalls(t, db, calls)
		if _, err := e.Export(t.Context()); err != nil && !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		wantRunning(t, out, calls, marks/2)
	})
}

// wantRunning: the files have the interim records 1 to n of each call, in order.
func wantRunning(t *testing.T, dir string, calls, n int) {
	t.Helper()
	got := map[string][]uint32{}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range tree(t, dir) {
			if !yield(name) {
				return
			}
		}
	}) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			var c billing.CDR
			if err := json.Unmarshal(line, &c); err != nil {
				t.Fatal(err)
			}
			got[c.CallID] = append(got[c.CallID], c.Interim)
			if want := billing.Millis(c.Interim) * 120_000; c.Duration != want || c.Revision != 0 || len(c.Parties) > 0 || c.Status != billing.StatusOK {
				t.Errorf("record %d of %s: %+v", c.Interim, c.CallID, c)
			}
		}
	}
	want := make([]uint32, n)
	for i := range want {
		want[i] = uint32(i + 1)
	}
	for call := 1; call <= calls; call++ {
		if id := fmt.Sprint(call); !slices.Equal(got[id], want) {
			t.Errorf("call %s: %v, want %v", id, got[id], want)
		}
	}
	if len(got) != calls {
		t.Errorf("%d calls", len(got))
	}
}

// TestInterimsAreDropped: they are kept for a while, and what was dropped does
// not come again with its call.
func TestInterimsAreDropped(t *testing.T) {
	onEach(t, func(t *testing.T, db *sqlx.DB) {
		now := begin.Time()
		s := sqlstore.New(db, sqlstore.Options{Interims: time.Hour, Now: func() time.Time { return now }})
		interim := func(call string, number uint32) billing.CDR {
			return billing.CDR{Key: billing.NewLegKey(call, "f", 0, billing.CallPlain, begin), CallID: call, Interim: number, Init: begin}
		}
		steps := []struct {
			after time.Duration
			put   []billing.CDR
			want  string
		}{
			{0, []billing.CDR{interim("a", 1), interim("b", 1), interim("a", 1)}, "a1 b1"},
			{50 * time.Minute, []billing.CDR{interim("a", 2), interim("b", 1)}, "a1 b1 a2"},
			{50 * time.Minute, []billing.CDR{interim("a", 1), interim("a", 3)}, "a2 a3"},
		}
		for i, step := range steps {
			now = now.Add(step.after)
			if err := s.Store(t.Context(), ship.Batch{Interims: step.put}); err != nil {
				t.Fatal(err)
			}
			list, err := s.Interims().After(t.Context(), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, c := range list {
				got += fmt.Sprintf(" %s%d", c.CallID, c.Interim)
			}
			if got != " "+step.want {
				t.Errorf("step %d:%s, want %s", i, got, step.want)
			}
		}
	})
}
