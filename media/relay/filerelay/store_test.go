package filerelay_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
	"github.com/class5-go/class5/media/relay/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is a store of a directory that nobody has opened yet.
func made(t testing.TB, dir string) *filerelay.Store {
	t.Helper()
	s, err := filerelay.New(dir)
	ok(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func opened(t testing.TB, dir string) (*filerelay.Store, time.Duration) {
	t.Helper()
	s := made(t, dir)
	age, err := s.Open(t.Context())
	ok(t, err)
	return s, age
}

// kept is what a store has, and how much of it is damaged.
func kept(t testing.TB, s relay.Store) (all map[string]string, damaged int) {
	t.Helper()
	all = map[string]string{}
	for k, err := range s.All(t.Context()) {
		switch {
		case errors.Is(err, relay.ErrState):
			damaged++
		case err != nil:
			t.Fatal(err)
		default:
			all[k.CallID] = string(k.State)
		}
	}
	return all, damaged
}

func one(id, state string) []relay.Change {
	return []relay.Change{{CallID: id, State: []byte(state)}}
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		dir := t.TempDir()
		return func(t *testing.T) relay.Store { return made(t, dir) }
	})
}

// files are the names in a directory that begin with something.
func files(t testing.TB, dir, prefix string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	return names
}

// single writes a state as it was kept before there were logs.
func single(t testing.TB, dir, id, state string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(id))
	name := filepath.Join(dir, hex.EncodeToString(sum[:])+".json")
	ok(t, os.WriteFile(name, []byte(state), 0o600))
	return name
}

// TestFilesOfSessions: what was kept in a file for each session is read, once,
// as current; what is damaged among it is told.
func TestFilesOfSessions(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{}
	for _, id := range []string{"../../etc/passwd", "a", strings.Repeat("x", 4000)} {
		want[id] = `{"call_id":"` + id + `"}`
		single(t, dir, id, want[id])
	}
	single(t, dir, "b", "not JSON")
	single(t, dir, "c", `{"call_id":"of another one"}`)
	single(t, dir, "d", `{"call_id":"d","x":"`+strings.Repeat("x", 5<<20)+`"}`)
	ok(t, os.WriteFile(dir+"/new-1", []byte("half"), 0o600))
	ok(t, os.WriteFile(dir+"/notes.json", []byte("{}"), 0o600)) // not ours
	s, age := opened(t, dir)
	if age < 0 || age > time.Minute {
		t.Errorf("current %v ago", age)
	}
	if all, damaged := kept(t, s); !maps.Equal(all, want) || damaged != 3 {
		t.Errorf("%d states, %d damaged", len(all), damaged)
	}
	ok(t, s.Apply(t.Context(), one("a", "")))
	delete(want, "a")
	s, age = opened(t, dir)
	if all, damaged := kept(t, s); !maps.Equal(all, want) || damaged != 0 {
		t.Errorf("then %d states, %d damaged", len(all), damaged)
	}
	if age >= 0 {
		t.Errorf("of a process that did not confirm: %v", age)
	}
	entries, err := os.ReadDir(dir)
	if ok(t, err); len(entries) != 3 { // owner, log, notes
		t.Errorf("%v", entries)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	for _, name := range append(files(t, dir, "log-"), dir+"/owner") {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(name, info.Mode(), err)
		}
	}
}

// TestAnyOctet: whatever stands in a log, and wherever it ends, is no panic, and
// what is read was written.
func TestAnyOctet(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, dir)
	written := map[string]bool{}
	for i := range 6 {
		c := []relay.Change{{CallID: fmt.Sprint("a", i%2), State: []byte(fmt.Sprint("state ", i))}, {CallID: "b", State: []byte(fmt.Sprint("b", i))}}
		if i == 4 {
			c = append(c, relay.Change{CallID: "b"})
		}
		ok(t, s.Apply(t.Context(), c))
		for _, c := range c {
			written[c.CallID+" "+string(c.State)] = true
		}
		ok(t, s.Confirm(t.Context(), 0))
	}
	log := files(t, dir, "log-")[0]
	whole, err := os.ReadFile(log)
	ok(t, err)
	who, err := os.ReadFile(dir + "/owner")
	ok(t, err)
	read := func(b []byte) (n, damaged int, age time.Duration) {
		t.Helper()
		at := t.TempDir()
		ok(t, os.WriteFile(filepath.Join(at, filepath.Base(log)), b, 0o600))
		ok(t, os.WriteFile(at+"/owner", who, 0o600))
		s, err := filerelay.New(at)
		ok(t, err)
		age, err = s.Open(t.Context())
		ok(t, err)
		all, damaged := kept(t, s)
		for id, state := range all {
			if !written[id+" "+state] {
				t.Errorf("%s: %q", id, state)
			}
		}
		ok(t, errors.Join(s.Apply(t.Context(), one("new", "new")), s.Close()))
		return len(all), damaged, age
	}
	if n, damaged, age := read(whole); n != 3 || damaged != 0 || age < 0 {
		t.Fatalf("%d states, %d damaged, %v", n, damaged, age)
	}
	for n := range whole { // a process that died in a write
		if _, damaged, age := read(whole[:n]); damaged != 0 || age < 0 {
			t.Fatalf("of %d octets: %d damaged, %v", n, damaged, age)
		}
	}
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 0x40
		// A length that leads beyond the end cannot be told from a write cut short.
		if _, damaged, age := read(b); damaged != 0 && age >= 0 || damaged == 0 && bytesAfterHeader(whole, i) {
			t.Fatalf("octet %d: %d damaged, %v", i, damaged, age)
		}
	}
}

// bytesAfterHeader tells whether an octet of a log is no part of a frame's header.
func bytesAfterHeader(b []byte, i int) bool {
	for at := 0; at < len(b); {
		n := int(b[at+4])<<24 | int(b[at+5])<<16 | int(b[at+6])<<8 | int(b[at+7])
		if i < at+16 {
			return false
		}
		if i < at+16+n {
			return true
		}
		at += 16 + n
	}
	return false
}

// TestAge: of what another start of the machine left, or nobody said anything
// of, it is not known whether it is current.
func TestAge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		known  bool
	}{
		"the same machine":     {func(map[string]any) {}, true},
		"another start of it":  {func(o map[string]any) { o["boot"] = "another" }, false},
		"no start is known":    {func(o map[string]any) { o["boot"] = "" }, false},
		"in time to come":      {func(o map[string]any) { o["current"] = float64(1 << 62) }, false},
		"before any confirmed": {func(o map[string]any) { o["began"] = true }, false},
		"nonsense":             {func(o map[string]any) { o["current"] = "x" }, false},
	} {
		dir := t.TempDir()
		s, _ := opened(t, dir)
		ok(t, s.Apply(t.Context(), one("a", "x")))
		ok(t, s.Confirm(t.Context(), 0))
		b, err := os.ReadFile(dir + "/owner")
		ok(t, err)
		var o map[string]any
		ok(t, json.Unmarshal(b, &o))
		if name != "the same machine" {
			c.change(o)
			changed, err := json.Marshal(o)
			ok(t, err)
			ok(t, os.WriteFile(dir+"/owner", append(changed, []byte(strings.Repeat("\n", 512-len(changed)))...), 0o600))
		}
		s, age := opened(t, dir)
		if (age >= 0) != c.known {
			t.Errorf("%s: %v", name, age)
		}
		if all, damaged := kept(t, s); len(all) != 1 || damaged != 0 {
			t.Errorf("%s: %d states, %d damaged", name, len(all), damaged)
		}
	}
}

// TestLoss: a directory or a log that somebody takes away is noticed, and all can
// be written again.
func TestLoss(t *testing.T) {
	for name, lose := range map[string]func(dir string){
		"the directory": func(dir string) { ok(t, os.RemoveAll(dir)) },
		"all files": func(dir string) {
			for _, f := range files(t, dir, "") {
				ok(t, os.Remove(f))
			}
		},
		"an older content": func(dir string) {
			ok(t, os.CopyFS(dir+"x", os.DirFS(dir)))
			ok(t, os.RemoveAll(dir))
			ok(t, os.Rename(dir+"x", dir))
		},
		"the owner":     func(dir string) { ok(t, os.WriteFile(dir+"/owner", nil, 0o600)) },
		"a log":         func(dir string) { ok(t, os.Remove(files(t, dir, "log-")[0])) },
		"half of a log": func(dir string) { ok(t, os.Truncate(files(t, dir, "log-")[0], 7)) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()+"/s"
			s, _ := opened(t, dir)
			ok(t, s.Apply(ctx, one("a", "1")))
			ok(t, s.Confirm(ctx, 0))
			lose(dir)
			if err := s.Confirm(ctx, 0); !errors.Is(err, relay.ErrStoreLost) {
				t.Errorf("confirm: %v", err)
			}
			if strings.Contains(name, "log") {
				return // a write goes behind it until then
			}
			if err := s.Apply(ctx, one("b", "1")); !errors.Is(err, relay.ErrStoreLost) {
				t.Errorf("apply: %v", err)
			}
			_, err := s.Open(ctx)
			ok(t, err)
			ok(t, s.Apply(ctx, one("b", "2")))
			ok(t, s.Retain(ctx, func(id string) bool { return id == "b" }))
			ok(t, s.Confirm(ctx, 0))
			s, age := opened(t, dir)
			if all, damaged := kept(t, s); len(all) != 1 || all["b"] != "2" || damaged != 0 || age < 0 {
				t.Errorf("%v, %d damaged, %v", all, damaged, age)
			}
		})
	}
}

// TestLock: another process that holds the directory is waited for as long as the
// context lasts; who goes through what is kept holds no write up.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, dir)
	ok(t, s.Apply(t.Context(), one("a", "1")))
	for range s.All(t.Context()) {
		ok(t, s.Apply(t.Context(), one("a", "2")))
	}
	f, err := os.Open(dir + "/owner")
	ok(t, err)
	defer f.Close()
	ok(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Apply(ctx, one("a", "3")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	ok(t, syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
	if all, _ := kept(t, s); all["a"] != "2" {
		t.Error(all)
	}
	ok(t, s.Apply(t.Context(), one("a", "4")))
}

// TestSize: what is dead does not stay, what lives does, over many times the size
// of all of it.
func TestSize(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, dir)
	const calls = 2000
	want, rounds, written := map[string]string{}, 20, 0
	for round := range rounds {
		var list []relay.Change
		for i := range calls {
			if i%10 == 0 && round > 0 && round < rounds-1 {
				continue // some are written once
			}
			id, state := fmt.Sprint("call", i), fmt.Sprint(round, strings.Repeat("x", 3000+i))
			if i%7 == round%7 {
				state = ""
			}
			list = append(list, one(id, state)...)
			if written += len(state); state == "" {
				delete(want, id)
			} else {
				want[id] = state
			}
			if len(list) == 100 || i == calls-1 {
				ok(t, s.Apply(t.Context(), list))
				list = nil
			}
		}
	}
	live, size := 0, int64(0)
	for _, state := range want {
		live += len(state)
	}
	for _, name := range files(t, dir, "log-") {
		info, err := os.Stat(name)
		ok(t, err)
		size += info.Size()
	}
	t.Logf("%d MB written, %d MB live, %d MB on the disk", written>>20, live>>20, size>>20)
	if size > int64(live+live/2+(14<<20)) || written < 10*live {
		t.Errorf("%d octets for %d", size, live)
	}
	for range 2 {
		if all, damaged := kept(t, s); !maps.Equal(all, want) || damaged != 0 {
			t.Errorf("%d states, %d damaged", len(all), damaged)
		}
		s, _ = opened(t, dir)
	}
}

// TestSmall: a file system that has a multiple of what lives is not filled by what
// is dead.
func TestSmall(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a file system of its own: %v", err)
	}
	t.Cleanup(func() { ok(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	s, _ := opened(t, dir)
	want := map[string]string{}
	for i := range 2000 {
		id, state := fmt.Sprint("call", i%20), fmt.Sprint(i, strings.Repeat("x", 5000))
		want[id] = state
		ok(t, s.Apply(t.Context(), one(id, state)))
	}
	for range 2 {
		if all, damaged := kept(t, s); !maps.Equal(all, want) || damaged != 0 {
			t.Errorf("%d states, %d damaged", len(all), damaged)
		}
		s, _ = opened(t, dir)
	}
}

// TestStates: whatever is written, ended and opened again, what is kept is what
// was written last.
func TestStates(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		s, _ := opened(t, dir)
		want := map[string]string{}
		id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				ok(t, s.Close())
				s, _ = opened(t, dir)
			case 1:
				keep := id.Draw(rt, "keep")
				ok(t, s.Retain(t.Context(), func(id string) bool { return id >= keep }))
				maps.DeleteFunc(want, func(id, _ string) bool { return id < keep })
			default:
				var list []relay.Change
				for range rapid.IntRange(1, 3).Draw(rt, "changes") {
					id, size := id.Draw(rt, "id"), rapid.SampledFrom([]int{0, 0, 10, 10, 100, 1000, 1000, 1000, 1000, 1000, 1000, 1 << 20}).Draw(rt, "size")
					state := strings.Repeat("x", size)
					if size > 0 {
						state = fmt.Sprint(len(want), state)
						want[id] = state
					} else {
						delete(want, id)
					}
					list = append(list, one(id, state)...)
				}
				ok(t, s.Apply(t.Context(), list))
			}
			if rapid.IntRange(0, 4).Draw(rt, "look") > 0 {
				continue
			}
			if all, damaged := kept(t, s); !maps.Equal(all, want) || damaged > 0 {
				rt.Fatalf("%d states, %d damaged, want %d", len(all), damaged, len(want))
			}
		}
		ok(t, errors.Join(s.Close(), os.RemoveAll(dir)))
	})
}

// BenchmarkApply writes what the relay writes at once, states of 6 KiB.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, _ := opened(b, b.TempDir())
			var list []relay.Change
			for i := range n {
				list = append(list, relay.Change{CallID: fmt.Sprint("call", i), State: make([]byte, 6<<10)})
			}
			b.ReportAllocs()
			for b.Loop() {
				ok(b, s.Apply(b.Context(), list))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/state")
		})
	}
}
