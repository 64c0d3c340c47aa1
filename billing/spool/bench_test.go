package spool_test

import (
	"strconv"
	"testing"

	"github.com/class5-go/class5/billing/spool"
)

// BenchmarkAppend appends events of 300 bytes with real fsyncs; the callers
// share them.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 128} {
		b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) {
			l := open(b, spool.Config{FS: spool.Dir(b.TempDir())})
			data := make([]byte, 300)
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(b.Context(), spool.Key{}, data); err != nil {
						b.Error(err)
						return
					}
				}
			})
			s := l.Stats()
			b.ReportMetric(float64(s.Appended)/float64(s.Groups), "records/fsync")
		})
	}
}

// BenchmarkBegin is the part that a caller who does not wait pays.
func BenchmarkBegin(b *testing.B) {
	l := open(b, spool.Config{FS: spool.Dir(b.TempDir())})
	data := make([]byte, 300)
	b.ReportAllocs()
	var last spool.Ticket
	for b.Loop() {
		t, err := l.Begin(spool.Key{}, data)
		if err != nil {
			b.Fatal(err)
		}
		last = t
	}
	if _, err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) {
	l := open(b, spool.Config{FS: spool.Dir(b.TempDir())})
	data := make([]byte, 300)
	var last spool.Ticket
	for range 100_000 {
		last, _ = l.Begin(spool.Key{}, data)
	}
	if _, err := last.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
	end := l.Stats().End
	b.ReportAllocs()
	b.SetBytes(324)
	n := 0
	for n < b.N {
		for e, err := range l.Read(b.Context(), 0) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n >= b.N || e.Next == end {
				break
			}
		}
	}
}
