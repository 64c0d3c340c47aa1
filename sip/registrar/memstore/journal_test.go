package memstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
)

var start = time.Now().UTC().Truncate(time.Millisecond)

// set stores one binding for an address of record; n tells versions apart.
func set(t testing.TB, s registrar.Store, aor string, n int) {
	t.Helper()
	err := s.Update(context.Background(), aor, start, func([]registrar.Binding) ([]registrar.Binding, error) {
		return []registrar.Binding{{Contact: "sip:" + aor, CSeq: uint32(n), Expires: start.Add(time.Hour)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// version is the n of set, -1 if there is nothing.
func version(t testing.TB, s registrar.Store, aor string) int {
	t.Helper()
	bs, err := s.Lookup(context.Background(), nil, aor, start)
	if err != nil || len(bs) > 1 {
		t.Fatal(bs, err)
	}
	if len(bs) == 0 {
		return -1
	}
	return int(bs[0].CSeq)
}

func files(t testing.TB, dir, prefix string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s, rec := open(t, memstore.Config{Dir: dir})
	if rec.Frames != 0 || rec.Records != 0 || rec.Damaged != nil {
		t.Errorf("recovered %+v from nothing", rec)
	}
	for i := range 10 {
		set(t, s, fmt.Sprint(i), i)
	}
	set(t, s, "3", 33)
	if _, err := registrar.RemoveAll(context.Background(), s, "4", start); err != nil {
		t.Fatal(err)
	}
	if _, _, err := memstore.Open(memstore.Config{Dir: dir}); !errors.Is(err, memstore.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(context.Background(), "5", start, func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }); err == nil {
		t.Error("a change after Close was taken")
	}
	for range 3 { // the first time from a segment, then from a snapshot
		if s, rec = open(t, memstore.Config{Dir: dir}); rec.Records != 9 || rec.Damaged != nil {
			t.Errorf("recovered %+v", rec)
		}
		for i, want := range []int{0, 1, 2, 33, -1, 5} {
			if got := version(t, s, fmt.Sprint(i)); got != want {
				t.Errorf("%d: version %d, want %d", i, got, want)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(files(t, dir, "")); n != 3 {
			t.Errorf("%d files, want lock, snapshot and segment", n)
		}
	}
	_, rec = open(t, memstore.Config{Dir: dir, Now: func() time.Time { return start.Add(2 * time.Hour) }})
	if rec.Records != 0 || rec.Frames != 9 {
		t.Errorf("recovered %+v after all expired", rec)
	}
}

// A segment cut anywhere gives the changes before the cut.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, memstore.Config{Dir: dir})
	var ends []int64
	segment := files(t, dir, "segment-")[0]
	for i := range 3 {
		set(t, s, "a", i)
		info, err := os.Stat(segment)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	s.Close()
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range int64(len(whole)) + 1 {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, filepath.Base(segment)), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		want := -1
		var good int64
		for i, end := range ends {
			if end <= cut {
				want, good = i, end
			}
		}
		s, rec, err := memstore.Open(memstore.Config{Dir: torn, SyncInterval: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if got := version(t, s, "a"); got != want {
			t.Errorf("cut at %d: version %d, want %d", cut, got, want)
		}
		if (len(rec.Damaged) == 1) != (good < cut) || len(rec.Damaged) == 1 && (rec.Damaged[0].Offset != good || rec.Damaged[0].Octets != cut-good) {
			t.Errorf("cut at %d: %+v", cut, rec)
		}
		s.Close()
	}
}

// An octet changed anywhere is noticed, and nothing behind it is believed.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, memstore.Config{Dir: dir})
	for i := range 3 {
		set(t, s, "a", i+1)
	}
	segment := files(t, dir, "segment-")[0]
	s.Close()
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	frame := len(whole) / 3
	for at := 0; at < len(whole); at += 3 {
		bad := t.TempDir()
		b := append([]byte(nil), whole...)
		b[at] ^= 0x41
		if err := os.WriteFile(filepath.Join(bad, filepath.Base(segment)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, rec, err := memstore.Open(memstore.Config{Dir: bad})
		if err != nil {
			t.Fatal(err)
		}
		want := at / frame
		if want == 0 {
			want = -1
		}
		if got := version(t, s, "a"); got != want || len(rec.Damaged) != 1 {
			t.Errorf("octet %d: version %d, want %d, %+v", at, got, want, rec)
		}
		s.Close()
	}
}

// Changes go on while Run writes snapshots; none is lost, and the directory
// does not grow with the number of changes.
func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, memstore.Config{Dir: dir, SyncInterval: time.Millisecond, CompactAfter: 10_000})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	first := files(t, dir, "snapshot-")[0]
	last := 0
	for deadline := time.Now().Add(20 * time.Second); ; last++ {
		for i := range 100 {
			set(t, s, fmt.Sprint("user", i), last)
		}
		if now := files(t, dir, "snapshot-"); len(now) == 1 && now[0] != first && last > 50 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no compaction")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, rec := open(t, memstore.Config{Dir: dir})
	if rec.Records != 100 || rec.Damaged != nil || rec.Frames > 200+100*last/2 {
		t.Errorf("recovered %+v after %d rounds", rec, last)
	}
	for i := range 100 {
		if got := version(t, s, fmt.Sprint("user", i)); got != last {
			t.Errorf("user%d: version %d, want %d", i, got, last)
		}
	}
}

// A process killed at any moment has every change on disk that it reported.
func TestKill(t *testing.T) {
	if dir := os.Getenv("MEMSTORE_KILLED_DIR"); dir != "" {
		s, _ := open(t, memstore.Config{Dir: dir, CompactAfter: 2000})
		go func() { _ = s.Run(context.Background()) }()
		for i := 0; ; i++ {
			set(t, s, fmt.Sprint(i%50), i)
			fmt.Println("did", i)
		}
	}
	dir := t.TempDir()
	for round := range 3 {
		did := killed(t, dir, 500+300*round)
		s, rec, err := memstore.Open(memstore.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for i := max(0, did-49); i <= did; i++ {
			// The change behind the last report may have been made or not.
			if got := version(t, s, fmt.Sprint(i%50)); got != i && (got != i+50 || i != did-49) {
				t.Errorf("round %d: %d has version %d, want %d (%+v)", round, i%50, got, i, rec)
			}
		}
		s.Close()
	}
}

// killed runs TestKill in a process of its own, kills it after some reports
// and gives the last report.
func killed(t *testing.T, dir string, reports int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "MEMSTORE_KILLED_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "did %d", &last); err != nil {
			log.WriteString(lines.Text() + "\n")
			continue
		}
		if last == reports {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if last < reports {
		t.Fatalf("ended after %d reports: %s", last, log.String())
	}
	return last
}

func TestOpenFails(t *testing.T) {
	if _, _, err := memstore.Open(memstore.Config{}); err == nil {
		t.Error("no directory, no error")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := memstore.Open(memstore.Config{Dir: file}); err == nil {
		t.Error("a file for a directory, no error")
	}
}
