package directory_test

import (
	"fmt"
	"testing"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/digest"
)

func benchReader(b testing.TB, dsn string, subscribers int) (*world, *directory.Reader) {
	b.Helper()
	s, _ := newStore(b, dsn)
	w := newWorld(b, s)
	err := s.Update(b.Context(), func(tx *directory.Tx) error {
		for i := range subscribers {
			_, _, err := tx.Subscribers().Create(b.Context(), directory.NewSubscriber{
				DomainID: w.domain.ID, CustomerID: w.customer.ID, Username: fmt.Sprintf("user%d", i),
				Password: "some password", Numbers: []string{fmt.Sprintf("43%08d", i)},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return w, must(s.NewReader(b.Context(), directory.ReaderConfig{}))(b)
}

func TestLookUpAllocatesNothing(t *testing.T) {
	_, r := benchReader(t, engines[0].dsn(t), 10)
	ctx := t.Context()
	user, dst := []byte("user7"), make([]byte, 0, 64)
	for name, ask := range map[string]func(){
		"by user":   func() { _, _ = r.Subscriber(ctx, "user7", "example.com") },
		"by number": func() { _, _ = r.Number(ctx, "4300000007") },
		"nobody":    func() { _, _ = r.Subscriber(ctx, "nobody", "example.com") },
		"digest":    func() { _, _ = r.HA1(ctx, dst, user, "example.com", digest.MD5) },
		"route":     func() { _, _ = r.Destination(ctx, "user7", "", "example.com") },
	} {
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkProfileFromCache(b *testing.B) {
	const subscribers = 10_000
	_, r := benchReader(b, engines[0].dsn(b), subscribers)
	names := make([]string, subscribers)
	for i := range names {
		names[i] = fmt.Sprintf("user%d", i)
		must(r.Subscriber(b.Context(), names[i], "example.com"))(b)
	}
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = r.Subscriber(b.Context(), names[i*7919%subscribers], "example.com")
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				_, _ = r.Subscriber(b.Context(), names[i*7919%subscribers], "example.com")
			}
		})
	})
	b.Run("digest", func(b *testing.B) {
		b.ReportAllocs()
		user, dst := []byte("user77"), make([]byte, 0, 64)
		for b.Loop() {
			_, _ = r.HA1(b.Context(), dst, user, "example.com", digest.SHA256)
		}
	})
	st := r.Stats()
	b.Logf("%d profiles, %d bytes each", st.Profiles, st.Bytes/int64(st.Profiles))
}

func BenchmarkProfileMiss(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			const subscribers = 1000
			w, _ := benchReader(b, e.dsn(b), subscribers)
			// Too small for two profiles: every other look-up is a miss.
			r := must(w.s.NewReader(b.Context(), directory.ReaderConfig{CacheBytes: 1000}))(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := r.Subscriber(b.Context(), fmt.Sprintf("user%d", i%subscribers), "example.com"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStoreRecords(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			const batch = 100
			s, _ := newStore(b, e.dsn(b))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				b.StopTimer()
				records := calls(n*batch, n*batch+batch)
				b.StartTimer()
				n++
				store(b, s, int64(n), records...)
			}
			b.ReportMetric(float64(n*batch)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

func BenchmarkCreateSubscribers(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			s, _ := newStore(b, e.dsn(b))
			w := newWorld(b, s)
			n := 0
			for b.Loop() {
				err := s.Update(b.Context(), func(tx *directory.Tx) error {
					for range 100 {
						n++
						_, _, err := tx.Subscribers().Create(b.Context(), directory.NewSubscriber{
							DomainID: w.domain.ID, CustomerID: w.customer.ID, Username: fmt.Sprintf("user%d", n),
							Password: "some password", Numbers: []string{fmt.Sprintf("43%08d", n)},
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "subscribers/s")
		})
	}
}
