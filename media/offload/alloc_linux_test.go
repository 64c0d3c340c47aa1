package offload

import (
	"net/netip"
	"testing"
)

// count makes all slots ones that have counted.
func (l *loaded) count() {
	for i := range l.memory.slots {
		l.memory.slots[i].Version += 2
	}
}

// TestWalkChanged wants flows visited that have counted since the walk before,
// and all of them now and then.
func TestWalkChanged(t *testing.T) {
	l := load(t, 4)
	f, other := flowAB(false), flowAB(true)
	l.install(f, loop)
	l.install(other, loop)
	var seen []netip.AddrPort
	walk := func() int {
		seen = seen[:0]
		if err := l.Walk(func(a netip.AddrPort, _ Stats) { seen = append(seen, a) }); err != nil {
			t.Fatal(err)
		}
		return len(seen)
	}
	walk()
	if n := walk(); n != 0 {
		t.Errorf("%d of two silent flows", n)
	}
	l.once(frame(f.Source, f.Local, rtp{pt: 8}.packet(20)))
	if walk() != 1 || seen[0] != f.Local {
		t.Errorf("one has counted: %v", seen)
	}
	most := 0
	for range every {
		most = max(most, walk())
	}
	if most != 2 {
		t.Errorf("never more than %d of two", most)
	}
}

// TestWalkAlloc wants no allocation per flow.
func TestWalkAlloc(t *testing.T) {
	l := load(t, 1000)
	for i := range 1000 {
		l.install(benchmarkFlow(i, false), loop)
	}
	seen := 0
	if n := testing.AllocsPerRun(10, func() {
		seen = 0
		l.count()
		if err := l.Walk(func(netip.AddrPort, Stats) { seen++ }); err != nil {
			t.Fatal(err)
		}
	}); n > 50 || seen != 1000 {
		t.Errorf("%v allocations for %d flows", n, seen)
	}
}

func BenchmarkWalk(b *testing.B) {
	const flows = 20000
	l := load(b, flows)
	for i := range flows {
		l.install(benchmarkFlow(i, i%2 == 0), loop)
	}
	b.ReportAllocs()
	for b.Loop() {
		seen := 0
		l.count()
		if err := l.Walk(func(netip.AddrPort, Stats) { seen++ }); err != nil || seen != flows {
			b.Fatal(seen, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/flows, "ns/flow")
}

// BenchmarkInstall writes a flow that exists, without asking for its route.
func BenchmarkInstall(b *testing.B) {
	l := load(b, 16)
	f := benchmarkFlow(1, false)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.write(&f, 0, loop); err != nil {
			b.Fatal(err)
		}
	}
}
