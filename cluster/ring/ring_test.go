package ring

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("node-%d.example.net", i)
	}
	return list
}

func build(tb testing.TB, names []string, weights []float64) *Ring {
	tb.Helper()
	r, err := New([]byte("secret"), names, weights)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func key(i int) []byte { return append(strconv.AppendInt(nil, int64(i), 10), "@192.0.2.7"...) }

// TestShares: the share of keys is the share of weight, within 2 % of it.
func TestShares(t *testing.T) {
	const keys = 400000
	for _, weights := range [][]float64{nil, {1, 1, 1, 1}, {1, 3}, {10, 20, 70}, {0.5, 0.5, 1}, {7, 7, 7, 1, 2}} {
		n, total := len(weights), 0.0
		for _, w := range weights {
			total += w
		}
		if weights == nil {
			n, total = 5, 5
		}
		r, got := build(t, names(n), weights), make([]int, n)
		for i := range keys {
			got[r.Pick(key(i))]++
		}
		for i := range n {
			w := 1.0
			if weights != nil {
				w = weights[i]
			}
			want := keys * w / total
			if math.Abs(float64(got[i])-want) > 0.02*want {
				t.Errorf("weights %v: member %d has %d keys, want %.0f", weights, i, got[i], want)
			}
		}
	}
}

// TestFewMove: one member more takes at most 1/n and 2 %, all of it for itself,
// and gives the same back when it leaves.
func TestFewMove(t *testing.T) {
	const keys = 20000
	for n := 2; n <= 12; n++ {
		all := names(n)
		more, fewer, moved := build(t, all, nil), build(t, all[:n-1], nil), 0
		for i := range keys {
			a, b := fewer.Pick(key(i)), more.Pick(key(i))
			if a == b {
				continue
			}
			if moved++; b != n-1 {
				t.Fatalf("%d members: key %d moved from %d to %d, which was there before", n, i, a, b)
			}
		}
		if limit := keys/n + keys/50; moved > limit || moved == 0 {
			t.Errorf("%d of %d keys moved to the member %d, at most %d should", moved, keys, n, limit)
		}
	}
}

// TestChange holds for any set and any change of one weight: who gains only
// takes, who loses only gives, and the order of members does not count.
func TestChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "n")
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 100), n, n).Draw(t, "weights")
		which := rapid.IntRange(0, n-1).Draw(t, "which")
		other := slices.Clone(weights)
		other[which] = rapid.Float64Range(0.01, 100).Draw(t, "weight")
		list := names(n)
		before, err := New(nil, list, weights)
		if err != nil {
			t.Fatal(err)
		}
		after, err := New(nil, list, other)
		if err != nil {
			t.Fatal(err)
		}
		backwards, reversed := slices.Clone(list), slices.Clone(weights)
		slices.Reverse(backwards)
		slices.Reverse(reversed)
		mirror, err := New(nil, backwards, reversed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			a, b := before.Pick(key(i)), after.Pick(key(i))
			if grows := other[which] >= weights[which]; a != b && (grows && b != which || !grows && a != which) {
				t.Fatalf("key %d moves from %d to %d when %d goes from %v to %v", i, a, b, which, weights[which], other[which])
			}
			if got := mirror.Pick(key(i)); mirror.Name(got) != before.Name(a) {
				t.Fatalf("key %d: %s, in another order %s", i, before.Name(a), mirror.Name(got))
			}
			if got := before.PickString(string(key(i))); got != a {
				t.Fatalf("key %d: %d as a string, %d as octets", i, got, a)
			}
		}
	})
}

// TestOrder: the order of all is what is left when the first ones go.
func TestOrder(t *testing.T) {
	list, weights := names(6), []float64{1, 1, 2, 2, 5, 1}
	r := build(t, list, weights)
	for i := range 500 {
		order := r.Order(nil, key(i))
		left, leftWeights := slices.Clone(list), slices.Clone(weights)
		for _, m := range order {
			rest := build(t, left, leftWeights)
			at := rest.Pick(key(i))
			if rest.Name(at) != r.Name(m) {
				t.Fatalf("key %d: %v, but of %v it is %s", i, order, left, rest.Name(at))
			}
			left, leftWeights = slices.Delete(left, at, at+1), slices.Delete(leftWeights, at, at+1)
		}
		if len(left) > 0 {
			t.Fatalf("key %d: %v is missing", i, left)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		names   []string
		weights []float64
		want    error
	}{
		{names(MaxMembers + 1), nil, ErrTooMany},
		{[]string{"a", "b", "a"}, nil, ErrDuplicate},
		{names(2), []float64{1}, ErrLength},
		{names(2), []float64{1, 0}, ErrWeight},
		{names(2), []float64{1, -1}, ErrWeight},
		{names(2), []float64{1, math.NaN()}, ErrWeight},
		{names(2), []float64{1, math.Inf(1)}, ErrWeight},
	} {
		if _, err := New(nil, c.names, c.weights); !errors.Is(err, c.want) {
			t.Errorf("%d names, weights %v: %v, want %v", len(c.names), c.weights, err, c.want)
		}
	}
	none := build(t, nil, nil)
	if none.Pick(key(1)) != -1 || none.Len() != 0 || len(none.Order(nil, key(1))) != 0 {
		t.Error("an empty ring has a member")
	}
}

// TestSecret: without the secret nobody knows where a key falls.
func TestSecret(t *testing.T) {
	a, same := build(t, names(10), nil), 0
	b, err := New([]byte("another"), names(10), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if a.Pick(key(i)) == b.Pick(key(i)) {
			same++
		}
	}
	if same > 200 {
		t.Errorf("%d of 1000 keys fall to the same member with another secret", same)
	}
}

// TestPickAllocatesNothing checks what the package promises.
func TestPickAllocatesNothing(t *testing.T) {
	r := build(t, names(8), []float64{1, 2, 3, 4, 5, 6, 7, 8})
	k := key(1)
	if n := testing.AllocsPerRun(100, func() { r.Pick(k) }); n != 0 {
		t.Errorf("Pick allocates %v times", n)
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{2, 8, 64} {
		r := build(b, names(n), nil)
		k := key(1)
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Pick(k)
			}
		})
	}
}
