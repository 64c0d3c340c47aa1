package digest

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is forgotten, no count of a nonce passes twice.
func TestWindowNeverPassesTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start()
		w := NewWindow(1, now) // 64 buckets of 8
		used := map[nonce]map[uint32]bool{}
		nonces := rapid.IntRange(1, 40).Draw(t, "nonces")
		for range rapid.IntRange(1, 400).Draw(t, "uses") {
			i := rapid.IntRange(0, nonces-1).Draw(t, "nonce")
			n := nonce{id: uint64(i) * windowShards, issued: now.UnixMilli() + int64(i/3)}
			c := rapid.Uint32Range(1, 200).Draw(t, "count")
			got := w.use(n, c)
			if got == countFresh && used[n][c] {
				t.Fatalf("count %d of %v passed twice", c, n)
			}
			if got == countUsed && !used[n][c] {
				t.Fatalf("count %d of %v was never used", c, n)
			}
			if got == countFresh {
				if used[n] == nil {
					used[n] = map[uint32]bool{}
				}
				used[n][c] = true
			}
		}
	})
}

func TestWindowKeepsYoungNonces(t *testing.T) {
	now := start()
	w := NewWindow(1, now)
	at := func(i int) nonce { return nonce{id: uint64(i) * windowShards, issued: now.UnixMilli() + int64(i)} }
	for i := range windowWays + 2 {
		if got := w.use(at(i), 1); got != countFresh {
			t.Fatalf("nonce %d: %v", i, got)
		}
	}
	for i := range windowWays + 2 {
		want := countFresh
		if i < 2 {
			want = countTooOld // made room
		}
		if got := w.use(at(i), 2); got != want {
			t.Errorf("nonce %d: %v", i, got)
		}
	}
}

func TestWindowReachesBack64(t *testing.T) {
	now := start()
	w := NewWindow(10, now)
	n := nonce{id: 7, issued: now.UnixMilli()}
	for _, step := range []struct {
		count uint32
		want  verdict
	}{{100, countFresh}, {37, countFresh}, {37, countUsed}, {36, countTooOld}, {1000, countFresh}, {100, countTooOld}, {999, countFresh}, {1<<32 - 1, countFresh}} {
		if got := w.use(n, step.count); got != step.want {
			t.Errorf("count %d: got %v, want %v", step.count, got, step.want)
		}
	}
}

func TestWindowRefusesWhatCameBeforeIt(t *testing.T) {
	w := NewWindow(10, start())
	if got := w.use(nonce{id: 7, issued: start().Add(-time.Second).UnixMilli()}, 1); got != countTooOld {
		t.Errorf("got %v", got)
	}
}
