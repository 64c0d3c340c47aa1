package offload

import (
	"net/netip"
	"testing"
)

// TestWalkAlloc wants no allocation per flow.
func TestWalkAlloc(t *testing.T) {
	l := load(t, 1000)
	for i := range 1000 {
		l.install(benchmarkFlow(i, false), loop)
	}
	seen := 0
	if n := testing.AllocsPerRun(10, func() {
		seen = 0
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
