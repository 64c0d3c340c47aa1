package rendezvous

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func seeds(n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = Hash(7, fmt.Sprintf("member-%d", i))
	}
	return s
}

// TestBestIsHighest compares with the definition: the greatest
// log(uniform)/weight over all members wins.
func TestBestIsHighest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.SampledFrom([]float64{0.25, 1, 1, 2, 10}), 1, 12).Draw(t, "weights")
		ss := seeds(len(weights))
		table := NewTable(ss, weights)
		for range 20 {
			h := rapid.Uint64().Draw(t, "h")
			want, top := -1, math.Inf(-1)
			for i := range ss {
				if s := logUniform(mix(h^ss[i], 0xa0761d6478bd642f)) / weights[i]; s > top {
					want, top = i, s
				}
			}
			if got := table.Best(h); got != want {
				t.Fatalf("%d, want %d", got, want)
			}
		}
	})
	var none Table
	if none.Best(1) != -1 {
		t.Error("somebody won in an empty table")
	}
}

// TestHashValues pins the hash: nodes of different versions must agree.
func TestHashValues(t *testing.T) {
	for in, want := range map[string]uint64{
		"":                             0xf0cad39b6effc54b,
		"a84b4c76":                     0x1890cb2d0214ec8b,
		"a84b4c76e66710@pc33.atlanta.": 0x6c305517777bf691,
	} {
		if got := Hash(Seed([]byte("secret")), in); got != want {
			t.Errorf("%q: %#x, want %#x", in, got, want)
		}
		if Hash(1, in) != Hash(1, []byte(in)) {
			t.Errorf("%q hashes otherwise as octets", in)
		}
	}
	if Derive(1) == Derive(2) || Derive(1) == 1 {
		t.Error("Derive")
	}
}

func TestMemory(t *testing.T) {
	m, at := new(Memory), time.Unix(1700000000, 0)
	for i := range 20000 {
		h := Hash(1, fmt.Sprint(i))
		if m.Find(h) != 0 {
			t.Fatalf("%d is known before it came", i)
		}
		m.Put(h, uint16(i%7+1), at.Add(time.Duration(i)*2*time.Millisecond))
	}
	lost := 0
	for i := range 20000 {
		switch m.Find(Hash(1, fmt.Sprint(i))) {
		case uint16(i%7 + 1):
		case 0:
			lost++
		default:
			t.Fatalf("%d: another's", i)
		}
	}
	// 2.4 for each set of 8: what is lost is lost to the unevenness of the hash.
	if lost > 40 {
		t.Errorf("%d of 20000 forgotten", lost)
	}
	h := Hash(1, "0")
	m.Put(h, 9, at)
	m.Put(h, 10, at)
	if got := m.Find(h); got != 10 {
		t.Errorf("changed to %d, want 10", got)
	}
}

// TestOldestGoes: a full set gives up its oldest entry.
func TestOldestGoes(t *testing.T) {
	m, at := new(Memory), time.Unix(1700000000, 0)
	key := func(i int) uint64 { return uint64(i+1)<<40 | 5 }
	for i := range ways + 1 {
		m.Put(key(i), uint16(i+1), at.Add(time.Duration(i)*timeUnit*time.Second))
	}
	for i := range ways + 1 {
		if got, want := m.Find(key(i)), uint16(i+1); i == 0 && got != 0 || i > 0 && got != want {
			t.Errorf("entry %d is %d", i, got)
		}
	}
}

func TestMemoryShared(t *testing.T) {
	m, at := new(Memory), time.Unix(1700000000, 0)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				h := Hash(1, fmt.Sprint(i))
				if id := m.Find(h); id != 0 && id != uint16(i%100+1) {
					t.Errorf("goroutine %d: %d is %d", g, i, id)
				}
				m.Put(h, uint16(i%100+1), at)
			}
		})
	}
	wg.Wait()
}

func BenchmarkBest(b *testing.B) {
	for _, n := range []int{2, 8, 64} {
		for _, kinds := range []int{1, 2} {
			weights := make([]float64, n)
			for i := range weights {
				weights[i] = float64(1 + i%kinds)
			}
			table := NewTable(seeds(n), weights)
			b.Run(fmt.Sprintf("members=%d/weights=%d", n, kinds), func(b *testing.B) {
				b.ReportAllocs()
				h := uint64(1)
				for b.Loop() {
					h = Derive(h + uint64(table.Best(h)))
				}
			})
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	m, at := new(Memory), time.Unix(1700000000, 0)
	b.ReportAllocs()
	h := uint64(1)
	for b.Loop() {
		h = Derive(h)
		m.Put(h, 1+m.Find(h), at)
	}
}
