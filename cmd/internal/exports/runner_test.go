package exports

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/ship"
	"github.com/class5-go/class5/billing/ship/sqlstore"
	"github.com/class5-go/class5/cluster/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T) *sqlstore.Store {
	t.Helper()
	s, err := directory.Open(t.Context(), directory.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "t.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.Records(sqlstore.Options{})
}

// keep stores calls from..to-1 for a customer of reseller 9.
func keep(t *testing.T, s *sqlstore.Store, from, to int) {
	t.Helper()
	var b ship.Batch
	for n := from; n < to; n++ {
		id, at := fmt.Sprint("c", n), billing.MillisOf(begin)+billing.Millis(n)*1000
		party := func(role billing.Role, depth int, account string) billing.Party {
			return billing.Party{Side: billing.SideCaller, Role: role, Depth: depth, Account: account, Amount: billing.NewAmount(30_000, billing.MustCurrency("EUR"))}
		}
		b.Records = append(b.Records, ship.Record{CDR: billing.CDR{
			Key: billing.NewLegKey(id, "f", 0, billing.CallPlain, at), Revision: 1, Generation: 1, CallID: id, Status: billing.StatusOK, Code: 200,
			Caller: billing.Endpoint{Account: "7", User: "alice", Number: "43199000"}, Callee: billing.Endpoint{Number: "4420"},
			Init: at, Start: at, End: at + 60_000, Duration: 60_000,
			Parties: []billing.Party{party(billing.RoleCustomer, 0, "7"), party(billing.RoleReseller, 1, "9")},
		}})
	}
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newRunner(t *testing.T, s *sqlstore.Store, now *time.Time, list ...Config) *Runner {
	t.Helper()
	r, err := New(list, Options{
		Store: s, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestExports: each export has its files, whatever the others do, and a new
// process goes on where the last one was.
func TestExports(t *testing.T) {
	s, now, dir := newStore(t), begin.Add(time.Hour), t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := []Config{
		{Name: "ngcp", Preset: "ngcp-007", Directory: filepath.Join(dir, "ngcp"), Control: true, Keep: time.Hour},
		{
			Name: "masked", Preset: "jsonl", Directory: filepath.Join(dir, "masked"), Fields: []string{"call_id", "caller.number", "callee.number=TO", "duration"},
			Mask: map[string]int{"caller.number": 3}, Hash: []string{"TO"}, HashKey: key, Gzip: false, Folders: "daily",
		},
		{Name: "days", Preset: "parquet", Directory: filepath.Join(dir, "days")},
		{Name: "rejects", Preset: "csv", Directory: filepath.Join(dir, "rejects"), Rejects: true, Empty: true},
		{Name: "running", Preset: "csv", Directory: filepath.Join(dir, "running"), Interim: true, Every: 5 * time.Minute, Gzip: false},
	}
	if every := Interims(list); every != 5*time.Minute {
		t.Errorf("interim records every %v", every)
	}
	keep(t, s, 0, 3)
	begun := billing.MillisOf(begin)
	if err := s.Store(t.Context(), ship.Batch{Interims: []billing.CDR{{
		Key: billing.NewLegKey("long", "f", 0, billing.CallPlain, begun), Interim: 1, CallID: "long", Init: begun, Start: begun, End: begun + 60_000, Duration: 60_000,
	}}}); err != nil {
		t.Fatal(err)
	}
	told := time.Time{}
	for round := range 2 { // the second process has two calls more
		r := newRunner(t, s, &now, list...)
		for _, j := range r.jobs {
			for range 2 {
				if err := r.once(t.Context(), j, &told); err != nil {
					t.Fatal(j.cfg.Name, err)
				}
			}
		}
		if round == 0 {
			keep(t, s, 2, 5)
			now = now.Add(24 * time.Hour)
		}
	}
	ngcp := files(t, filepath.Join(dir, "ngcp"))
	lines := map[string]int{}
	for name, text := range ngcp {
		part, _, _ := strings.Cut(name, "/")
		if part == "control" {
			continue
		}
		rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		sum := md5.Sum([]byte(strings.Join(rows[:len(rows)-1], "\n") + "\n"))
		if rows[len(rows)-1] != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: wrong footer", name)
		}
		lines[part] += len(rows) - 2
	}
	if lines["system"] != 5 || lines["9"] != 5 || len(lines) != 2 {
		t.Errorf("calls by part: %v", lines)
	}
	if c := ngcp["control/ngcp_007_20260504.jsonl"]; strings.Count(c, "\n") != 2 || !strings.Contains(c, `"rows":3`) {
		t.Errorf("control file of the first day: %q", c)
	}
	masked := files(t, filepath.Join(dir, "masked"))
	if len(masked) != 2 {
		t.Errorf("%d files", len(masked))
	}
	for name, text := range masked {
		if !strings.Contains(text, `"caller.number":"*****000"`) || strings.Contains(text, "4420") || !strings.HasPrefix(name, "2026050") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if days := files(t, filepath.Join(dir, "days")); len(days) != 2 {
		t.Errorf("%v", days)
	}
	running := files(t, filepath.Join(dir, "running"))
	for _, text := range running {
		if rows := strings.Split(text, "\r\n"); len(rows) != 3 || !strings.HasPrefix(rows[0], "key,interim,call_id,") || !strings.Contains(rows[1], ",1,long,") {
			t.Errorf("running: %q", text)
		}
	}
	if len(running) != 1 {
		t.Errorf("%d files of running calls", len(running))
	}
	if rejects := files(t, filepath.Join(dir, "rejects")); len(rejects) == 0 {
		t.Error("no file of nothing")
	}
}

// TestRun: what fails is tried again, and does not hold up the others.
func TestRun(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	now := begin
	keep(t, s, 0, 1)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, s, &now, Config{Name: "bad", Directory: filepath.Join(dir, "file")}, Config{Name: "good", Directory: filepath.Join(dir, "good")})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for range 500 {
		if list, err := os.ReadDir(filepath.Join(dir, "good")); err == nil && len(list) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if good := files(t, filepath.Join(dir, "good")); len(good) != 1 {
		t.Errorf("%v", good)
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte("a key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"preset":                {Preset: "xml"},
		"stream name":           {Name: "a b"},
		"either directory":      {Directory: "-"},
		"not absolute":          {Directory: "here"},
		"known_hosts":           {Directory: "-", SFTP: SFTPConfig{Address: "127.0.0.1:22", User: "x"}},
		"no field":              {Fields: []string{"price"}},
		"no text column":        {Mask: map[string]int{"duration": 1}},
		"can be read by others": {Hash: []string{"call_id"}, HashKey: open},
		"a file is needed":      {Hash: []string{"call_id"}},
		"filter":                {Filter: "some"},
		"parts":                 {Parts: "some"},
		"folders":               {Folders: "some"},
		"zone":                  {Zone: "Mars/Olympus"},
		"every":                 {Every: time.Millisecond},
		"either rejects":        {Rejects: true, Interim: true},
	} {
		switch c.Directory {
		case "":
			c.Directory = dir
		case "-":
			c.Directory = ""
		}
		if c.Name == "" {
			c.Name = "x"
		}
		if err := Check([]Config{c}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("%s: %v", want, err)
		}
	}
	good := Config{Name: "x", Directory: dir}
	if err := Check([]Config{good}); err != nil {
		t.Error(err)
	}
	if err := Check([]Config{good, good}); err == nil {
		t.Error("two of one name")
	}
}
