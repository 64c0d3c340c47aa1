package meter

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(math.Exp(r.Float64() * 20))
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(int(math.Ceil(q*10_000)), 1)-1]
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*1.04+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	var sum Histogram
	sum.Merge(&h)
	sum.Merge(&h)
	if sum.Len() != 20_000 || sum.Quantile(0.5) != h.Quantile(0.5) {
		t.Errorf("merged: %d, median %v", sum.Len(), sum.Quantile(0.5))
	}
}

// TestBuckets: every value lies in a bucket whose upper end is not below it,
// and the next value is in the next bucket.
func TestBuckets(t *testing.T) {
	for i := range 59 * sub {
		if u := upper(i); bucket(u) != i || bucket(u+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d, the next in %d", i, u, bucket(u), bucket(u+1))
		}
	}
	var h Histogram
	h.Add(math.MaxInt64)
	h.Add(-5)
	if h.Quantile(0) != 0 || h.Quantile(1) != math.MaxInt64 {
		t.Errorf("extremes: %v, %v", h.Quantile(0), h.Quantile(1))
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want string
	}{
		{nil, "-"}, {[]float64{0}, "0"}, {[]float64{7}, "7.00"}, {[]float64{3, 1, 2}, "2.00 [1.00-3.00]"},
		{[]float64{4, 1, 2, 3}, "2.50 [1.00-4.00]"}, {[]float64{66_300.4, 215_000, 99.96}, "66300 [100.0-215000]"}, {[]float64{0.045}, "0.0450"},
	} {
		if got := Summarise(c.in).String(); got != c.want {
			t.Errorf("%v: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestParseStat(t *testing.T) {
	line := "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 10 5 20 0 8 0 999 123456 77 18446744073709551615 1 1"
	got, err := parseStat([]byte(line))
	want := stat{
		parent: 7, user: 1500 * time.Millisecond, system: 250 * time.Millisecond,
		gone: [2]time.Duration{100 * time.Millisecond, 50 * time.Millisecond}, rss: 77,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	got.refine(1757 * time.Millisecond)
	if want.user, want.system = 1506*time.Millisecond, 251*time.Millisecond; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	got.user, got.system = 0, 0
	got.refine(3 * time.Millisecond)
	if got.user != 3*time.Millisecond || got.system != 0 {
		t.Errorf("%+v before the first tick", got)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1", fmt.Sprintf("1 (x) S x%s", line[15:])} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is understood", bad)
		}
	}
	if got := parsePSS([]byte("0-1 ---p [rollup]\nRss:  9 kB\nPss:    1234 kB\nPss_Dirty: 1 kB\n")); got != 1234<<10 {
		t.Errorf("PSS %d", got)
	}
	if got := parsePSS([]byte("Rss: 9 kB\n")); got != 0 {
		t.Errorf("PSS %d of nothing", got)
	}
}

func TestTree(t *testing.T) {
	before, err := Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for after.CPU() == before.CPU() {
		if after, err = Tree(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if used := after.Sub(before); used.CPU() <= 0 || used.RSS <= 0 || used.Processes < 1 {
		t.Errorf("%+v", used)
	}
	if _, err := Tree(math.MaxInt32); err == nil {
		t.Error("a process that does not exist has a usage")
	}
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	rough, err := parseStat(b)
	if exact, ok := clock(os.Getpid()); err != nil || !ok || exact < rough.user+rough.system {
		t.Errorf("%v by the clock, %v, %+v by /proc, %v", exact, ok, rough, err)
	}
	loop := map[int]stat{2: {parent: 3}, 3: {parent: 2}}
	if descends(loop, 2, 9) {
		t.Error("a circle descends from anybody")
	}
}

func TestDrops(t *testing.T) {
	table := "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
		" 1: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 77 2 0000000000000000 5\n" +
		" 2: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 78 2 0000000000000000 7\n" +
		" 3: 0100007F:13C5 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 79 2 0000000000000000 9\n"
	if n, err := parseDrops([]byte(table), 5060); n != 12 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := parseDrops([]byte(table), 1); n != 0 || err != nil {
		t.Errorf("%d of a port without sockets, %v", n, err)
	}
	if _, err := parseDrops([]byte(" 1: 0:13C4 0:0 07 0:0 0:0 0 0 0 77 2 0 x\n"), 5060); err == nil {
		t.Error("a number that is none")
	}
	if _, err := Drops(1); err != nil {
		t.Error(err)
	}
}

func TestMachine(t *testing.T) {
	if d, err := parseMachine([]byte("cpu  1 2 3 400 500 6 7 800 900 900\ncpu0 1 2\n")); d != 190*time.Millisecond || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	for _, bad := range []string{"", "cpu 1 2", "intr 1 2 3 4 5 6 7 8", "cpu x 2 3 400 500 6 7 800"} {
		if _, err := parseMachine([]byte(bad)); err == nil {
			t.Errorf("%q is understood", bad)
		}
	}
	if d, err := Machine(); d <= 0 || err != nil {
		t.Errorf("%v, %v", d, err)
	}
}

func TestPrograms(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("BPF needs root")
	}
	p, err := NewPrograms("class5_nothing_of_this_name")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := p.Time(); d != 0 || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
