package memstore_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/registrar/memstore"
)

// phone is a binding with everything in it, as a phone behind our edge has.
func phone(i int) (string, registrar.Binding) {
	return fmt.Sprintf("sip:user%06d@example.com", i), registrar.Binding{
		Contact: fmt.Sprintf("sip:user%06d@192.0.2.1:5060;transport=udp", i), Q: 1000,
		CallID: fmt.Sprintf("1j9FpLxk3uxtm8tn%06d@192.0.2.1", i), CSeq: 1826,
		Expires: start.Add(time.Hour), Registered: start, Updated: start,
		Instance: fmt.Sprintf("<urn:uuid:00000000-0000-1000-8000-AABBCC%06d>", i), RegID: 1,
		Path:      fmt.Sprintf("<sip:AQEBwKgAARPEAAAAAAAAAAAAAAAA%06d@10.0.0.1;lr;ob>", i),
		UserAgent: "Example Phone T46S 66.86.0.15", Source: netip.MustParseAddrPort("198.51.100.7:61234"), Transport: "UDP", Edge: "lb1",
	}
}

const users = 50_000

func fill(tb testing.TB, s registrar.Store) []string {
	names := make([]string, users)
	for i := range names {
		name, b := phone(i)
		names[i] = name
		err := s.Update(context.Background(), name, start, func(bs []registrar.Binding) ([]registrar.Binding, error) {
			return append(bs, b), nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return names
}

// BenchmarkMemory reports what one of 50,000 registrations takes, the store's
// own structures counted in.
func BenchmarkMemory(b *testing.B) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		s := memstore.New()
		fill(b, s)
		b.ReportMetric(float64(heap()-before)/users, "B/registration")
		runtime.KeepAlive(s)
	}
}

func BenchmarkLookup(b *testing.B) {
	s := memstore.New()
	names := fill(b, s)
	var bs []registrar.Binding
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % users
		var err error
		if bs, err = s.Lookup(context.Background(), bs[:0], names[i], start); err != nil || len(bs) != 1 {
			b.Fatal(bs, err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	b.Run("memory", func(b *testing.B) { refresh(b, memstore.New()) })
	b.Run("journal", func(b *testing.B) {
		s, _ := open(b, memstore.Config{Dir: b.TempDir()})
		refresh(b, s)
	})
}

func refresh(b *testing.B, s registrar.Store) {
	names := fill(b, s)
	b.ReportAllocs()
	i, n := 0, uint32(0)
	for b.Loop() {
		i = (i + 7919) % users
		n++
		err := s.Update(context.Background(), names[i], start, func(bs []registrar.Binding) ([]registrar.Binding, error) {
			bs[0].CSeq, bs[0].Expires = n, start.Add(2*time.Hour)
			return bs, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is the start of a process with 50,000 registrations.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, _, err := memstore.Open(memstore.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s)
	s.Close()
	for b.Loop() {
		s, rec, err := memstore.Open(memstore.Config{Dir: dir, Now: func() time.Time { return start }})
		if err != nil || rec.Records != users {
			b.Fatal(rec, err)
		}
		s.Close()
	}
}
