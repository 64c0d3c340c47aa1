package memstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/registrar"
)

func FuzzReadFrames(f *testing.F) {
	one, _ := appendFrame(nil, "sip:a@x", "record")
	two, _ := appendFrame(one, "", "")
	f.Add(one)
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		good, err := readFrames(bytes.NewReader(b), func(aor, record []byte) {
			var err error
			if again, err = appendFrame(again, string(aor), record); err != nil {
				t.Fatal(err)
			}
		})
		if (err == nil) != (good == int64(len(b))) {
			t.Fatalf("%d of %d octets are good, %v", good, len(b), err)
		}
		if good != int64(len(again)) && !bytes.Contains(b, []byte{0x80}) { // a length may be written longer than it must be
			t.Fatalf("%d octets good, %d when written again", good, len(again))
		}
	})
}

func TestFrameTooLarge(t *testing.T) {
	if b, err := appendFrame([]byte("x"), "a", strings.Repeat("x", maxFrame)); err == nil || string(b) != "x" {
		t.Error("no error")
	}
}

func TestHeapIsSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h dueHeap
		n := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if n > 0 && rapid.Bool().Draw(t, "pop") {
				least := h[0].at
				for _, e := range h {
					least = min(least, e.at)
				}
				if got := h.pop(); got.at != least {
					t.Fatalf("popped %d, least is %d", got.at, least)
				}
				n--
			} else {
				h.push(dueEntry{at: rapid.Int64Range(0, 20).Draw(t, "at")})
				n++
			}
			if len(h) != n {
				t.Fatalf("%d entries, want %d", len(h), n)
			}
		}
	})
}

// Memory of what expired or was removed comes back, and refreshing costs the
// heap nothing.
func TestNothingIsLeftBehind(t *testing.T) {
	s := New()
	now := time.Now()
	put := func(aor string, life ...time.Duration) {
		err := s.Update(context.Background(), aor, now, func([]registrar.Binding) ([]registrar.Binding, error) {
			var bs []registrar.Binding
			for _, d := range life {
				bs = append(bs, registrar.Binding{Contact: "sip:x", Expires: now.Add(d)})
			}
			return bs, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sizes := func() (records, due int) {
		for i := range s.shards {
			records += len(s.shards[i].records)
			due += len(s.shards[i].due)
		}
		return records, due
	}
	for range 100 {
		now = now.Add(time.Second)
		for i := range 100 {
			put(fmt.Sprint(i), time.Hour, time.Minute)
		}
	}
	if records, due := sizes(); records != 100 || due > 400 {
		t.Errorf("%d records, %d heap entries", records, due)
	}
	now = now.Add(10 * time.Minute)
	s.Expire(now)
	if records, due := sizes(); records != 100 || due > 400 {
		t.Errorf("%d records, %d heap entries after one binding each expired", records, due)
	}
	if bs, _ := s.Lookup(context.Background(), nil, "7", time.Time{}); len(bs) != 1 {
		t.Errorf("an expired binding takes room: %v", bs)
	}
	now = now.Add(time.Hour)
	s.Expire(now)
	if records, due := sizes(); records != 0 || due != 0 {
		t.Errorf("%d records, %d heap entries at the end", records, due)
	}
	for i := range 10_000 {
		put(fmt.Sprint(i%10), time.Hour)
		put(fmt.Sprint(i % 10))
	}
	if records, due := sizes(); records != 0 || due > shardCount*65 {
		t.Errorf("%d records, %d heap entries after coming and going", records, due)
	}
}

// A journal that cannot be written stops changes, not reading, and goes on
// when it can be written again.
func TestDiskFails(t *testing.T) {
	s, _, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := context.Background(), time.Now()
	put := func(cseq uint32) error {
		return s.Update(ctx, "a", now, func([]registrar.Binding) ([]registrar.Binding, error) {
			return []registrar.Binding{{Contact: "sip:x", CSeq: cseq, Expires: now.Add(time.Hour)}}, nil
		})
	}
	if err := put(1); err != nil {
		t.Fatal(err)
	}
	if err := s.journal.segment.Close(); err != nil { // stands for a disk that fails
		t.Fatal(err)
	}
	if err := put(2); err == nil {
		t.Error("no error")
	}
	if bs, err := s.Lookup(ctx, nil, "a", now); err != nil || len(bs) != 1 || bs[0].CSeq != 1 {
		t.Errorf("got %v, %v", bs, err)
	}
	if err := s.sync(); err == nil {
		t.Error("sync: no error")
	}
	if !s.journal.due(s.cfg.CompactAfter) {
		t.Error("no new snapshot due")
	}
	// The rotation complains about the old segment; the next try is clean.
	_ = s.compact()
	if err := s.compact(); err != nil {
		t.Fatal(err)
	}
	if err := put(3); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
