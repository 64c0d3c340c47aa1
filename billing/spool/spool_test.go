package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/billing/spool"
)

func open(t testing.TB, cfg spool.Config) *spool.Log {
	t.Helper()
	l, err := spool.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func add(t testing.TB, l *spool.Log, texts ...string) (end spool.Offset) {
	t.Helper()
	for _, s := range texts {
		var err error
		if end, err = l.Append(t.Context(), spool.Key{1}, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	return end
}

// read returns what the log holds from an offset on, damage as "!".
func read(t testing.TB, l *spool.Log, from spool.Offset) (texts []string, next spool.Offset) {
	t.Helper()
	next = from
	end := l.Stats().End
	if from == end {
		return nil, next
	}
	for e, err := range l.Read(t.Context(), from) {
		var damage *spool.DamageError
		switch {
		case errors.As(err, &damage):
			texts = append(texts, "!")
		case err != nil:
			t.Fatal(err)
		default:
			texts = append(texts, string(e.Data))
		}
		if e.Offset != next {
			t.Fatalf("entry at %d, the one before ends at %d", e.Offset, next)
		}
		if next = e.Next; next == end {
			break
		}
	}
	return texts, next
}

func want(t testing.TB, got []string, texts string) {
	t.Helper()
	if g := strings.Join(got, " "); g != texts {
		t.Errorf("got %q, want %q", g, texts)
	}
}

// TestLife: append, read, close, open again, go on.
func TestLife(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	l := open(t, spool.Config{FS: spool.Dir(dir)})
	id := l.ID()
	end := add(t, l, "one", "two", "three")
	got, next := read(t, l, 0)
	want(t, got, "one two three")
	if next != end || l.Stats().End != end {
		t.Errorf("read to %d, appended to %d", next, end)
	}
	if _, err := spool.Open(spool.Config{FS: spool.Dir(dir)}); !errors.Is(err, spool.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), spool.Key{}, []byte("x")); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("append to a closed log: %v", err)
	}
	for _, err := range l.Read(t.Context(), 0) {
		if !errors.Is(err, spool.ErrClosed) {
			t.Errorf("read of a closed log: %v", err)
		}
	}
	l = open(t, spool.Config{FS: spool.Dir(dir)})
	if l.ID() != id || l.Stats().Torn != 0 {
		t.Errorf("identity %s, was %s; torn %d", l.ID(), id, l.Stats().Torn)
	}
	add(t, l, "four")
	got, _ = read(t, l, next)
	want(t, got, "four")
	if other := open(t, spool.Config{FS: newDisk(1)}); other.ID() == id {
		t.Error("two logs have one identity")
	}
}

func TestKeyAndData(t *testing.T) {
	l := open(t, spool.Config{FS: newDisk(1)})
	data := []byte("data")
	tk, err := l.Begin(spool.Key{7, 8, 9}, data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if _, err := tk.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	for e, err := range l.Read(t.Context(), 0) {
		if err != nil || e.Key != (spool.Key{7, 8, 9}) || string(e.Data) != "data" {
			t.Errorf("%+v, %v", e, err)
		}
		break
	}
	for _, bad := range [][]byte{nil, make([]byte, 256<<10+1)} {
		if _, err := l.Begin(spool.Key{}, bad); !errors.Is(err, spool.ErrRecord) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// TestSegments: small segments, acknowledged and removed as wholes.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	cfg := spool.Config{FS: spool.Dir(dir), SegmentSize: 60}
	l := open(t, cfg)
	var ends []spool.Offset
	for i := range 6 { // records of 27 bytes, three to a segment
		ends = append(ends, add(t, l, fmt.Sprintf("r%d.", i)))
	}
	if s := l.Stats(); s.Segments != 2 || s.First != 0 || s.Bytes != 6*27+2*36 {
		t.Fatalf("%+v", s)
	}
	add(t, l, "r6.")
	got, _ := read(t, l, 0)
	want(t, got, "r0. r1. r2. r3. r4. r5. r6.")
	if err := l.Ack(ends[1]); err != nil || l.Stats().Segments != 3 {
		t.Errorf("a segment that is needed was removed: %v", err)
	}
	if err := l.Ack(ends[4]); err != nil || l.Stats().First != ends[2] {
		t.Errorf("first %d, want %d, %v", l.Stats().First, ends[2], err)
	}
	for _, err := range l.Read(t.Context(), 0) {
		if !errors.Is(err, spool.ErrGone) {
			t.Errorf("what is gone: %v", err)
		}
	}
	for _, err := range l.Read(t.Context(), l.Stats().End+1) {
		if !errors.Is(err, spool.ErrOffset) {
			t.Errorf("behind the end: %v", err)
		}
	}
	if err := l.Ack(l.Stats().End + 1); !errors.Is(err, spool.ErrOffset) {
		t.Errorf("acknowledged behind the end: %v", err)
	}
	if err := l.Ack(l.Stats().End); err != nil || l.Stats().Segments != 1 {
		t.Errorf("%+v, %v", l.Stats(), err)
	}
	l.Close()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, cfg)
	got, _ = read(t, l, ends[5])
	want(t, got, "r6.")
}

// TestWaiting: a reader gets records as they come, and ends with its context.
func TestWaiting(t *testing.T) {
	l := open(t, spool.Config{FS: newDisk(1), SegmentSize: 60})
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string)
	var last error
	var wg sync.WaitGroup
	wg.Go(func() {
		for e, err := range l.Read(ctx, 0) {
			if err != nil {
				last = err
				continue
			}
			got <- string(e.Data)
		}
	})
	for i := range 10 {
		s := fmt.Sprint("r", i)
		add(t, l, s)
		if g := <-got; g != s {
			t.Errorf("%q, want %q", g, s)
		}
	}
	cancel()
	wg.Wait()
	if !errors.Is(last, context.Canceled) {
		t.Errorf("%v", last)
	}
	wg.Go(func() {
		for _, last = range l.Read(t.Context(), l.Stats().End) {
		}
	})
	time.Sleep(time.Millisecond) // most often it waits by then; right either way
	l.Close()
	wg.Wait()
	if !errors.Is(last, spool.ErrClosed) {
		t.Errorf("%v", last)
	}
}

// TestGroups: records of many callers share writes, within the delay.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := spool.Open(spool.Config{FS: newDisk(1), Delay: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if _, err := l.Append(t.Context(), spool.Key{}, []byte{byte(i) + 1}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s := l.Stats(); s.Appended != 100 || s.Groups != 1 || time.Since(began) != 5*time.Millisecond {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := l.Append(ctx, spool.Key{}, []byte("late")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestFull(t *testing.T) {
	l := open(t, spool.Config{FS: newDisk(1), MaxBytes: 36 + 27*2 + 10})
	end := add(t, l, "one", "two")
	if _, err := l.Append(t.Context(), spool.Key{}, []byte("six")); !errors.Is(err, spool.ErrFull) {
		t.Errorf("%v", err)
	}
	if s := l.Stats(); s.Full != 1 || s.End != end {
		t.Errorf("%+v", s)
	}
}

// TestDiskFull: the disk runs full within a group and has room again later.
func TestDiskFull(t *testing.T) {
	d := newDisk(1)
	l := open(t, spool.Config{FS: d, SegmentSize: 60})
	add(t, l, "one")
	d.mu.Lock()
	d.room = 10
	d.mu.Unlock()
	for range 2 {
		if _, err := l.Append(t.Context(), spool.Key{}, []byte("two")); !errors.Is(err, spool.ErrFull) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v", err)
		}
	}
	d.mu.Lock()
	d.room = -1
	d.mu.Unlock()
	add(t, l, "two", "three")
	// And when a new segment is due.
	d.mu.Lock()
	d.room = 10
	d.mu.Unlock()
	if _, err := l.Append(t.Context(), spool.Key{}, []byte("four")); !errors.Is(err, spool.ErrFull) {
		t.Errorf("%v", err)
	}
	d.mu.Lock()
	d.room = -1
	d.mu.Unlock()
	add(t, l, "four")
	got, _ := read(t, l, 0)
	want(t, got, "one two three four")
	l.Close()
	l = open(t, spool.Config{FS: d.crash(), SegmentSize: 60})
	got, _ = read(t, l, 0)
	want(t, got, "one two three four")
	if s := l.Stats(); s.Failed != 0 || s.Torn != 0 {
		t.Errorf("%+v", s)
	}
}

// TestFailedSync: a failed fsync is never taken for one that succeeds later.
func TestFailedSync(t *testing.T) {
	for seed := range uint64(50) {
		d := newDisk(seed)
		l := open(t, spool.Config{FS: d})
		for i := range 8 {
			d.mu.Lock()
			d.failSync = i % 3
			d.mu.Unlock()
			text := fmt.Sprintf("r%d", i)
			for {
				_, err := l.Append(t.Context(), spool.Key{}, []byte(text))
				if err == nil {
					break
				}
				if !errors.Is(err, syscall.EIO) {
					t.Fatal(err)
				}
			}
		}
		const all = "r0 r1 r2 r3 r4 r5 r6 r7"
		got, _ := read(t, l, 0)
		want(t, got, all)
		l.Close()
		l = open(t, spool.Config{FS: d.crash()})
		got, _ = read(t, l, 0)
		want(t, got, all)
	}
}
