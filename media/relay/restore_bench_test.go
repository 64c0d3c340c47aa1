package relay_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/internal/dbtest"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
	"github.com/class5-go/class5/media/relay/redisrelay"
)

// BenchmarkRestore is what a process does first that goes on with 4,000 calls
// of one that was killed.
func BenchmarkRestore(b *testing.B) {
	const calls = 4000
	dir := b.TempDir()
	_, client := dbtest.Redis(b)
	for name, open := range map[string]func() (relay.Store, error){
		"files": func() (relay.Store, error) { return filerelay.New(dir) },
		"redis": func() (relay.Store, error) { return redisrelay.New(client, redisrelay.Config{Name: "bench"}) },
	} {
		b.Run(name, func(b *testing.B) {
			born := func() (*relay.Relay, func()) {
				store, err := open()
				if err != nil {
					b.Fatal(err)
				}
				r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}, PortMin: 15000, PortMax: 32700, Quarantine: -1, Deny: []netip.Prefix{},
					Store: store, MaxSessions: 20_000})
				if err != nil {
					b.Fatal(err)
				}
				return r, func() {
					ctx, cancel := context.WithCancel(context.Background())
					done := make(chan error, 1)
					go func() { done <- r.Run(ctx) }()
					for ctx.Err() == nil && r.Totals().StoreWaiting > 0 {
						time.Sleep(time.Millisecond)
					}
					cancel()
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
			}
			r, end := born()
			sdpA, sdpB := benchSDP(netip.MustParseAddrPort("192.0.2.1:4000")), benchSDP(netip.MustParseAddrPort("192.0.2.2:4000"))
			for i := range calls {
				id := fmt.Sprintf("call-%d@192.0.2.1", i)
				if _, err := r.Offer(b.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: sdpA}); err != nil {
					b.Fatal(err)
				}
				if _, err := r.Answer(b.Context(), relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: sdpB}); err != nil {
					b.Fatal(err)
				}
			}
			end()
			var cpu time.Duration
			var heap, took float64
			for b.Loop() {
				b.StopTimer()
				var before, after runtime.MemStats
				r, end := born()
				runtime.GC()
				runtime.ReadMemStats(&before)
				used := processor()
				began := time.Now()
				b.StartTimer()
				n, err := r.Restore(b.Context())
				b.StopTimer()
				took += time.Since(began).Seconds()
				cpu += processor() - used
				runtime.ReadMemStats(&after)
				heap = float64(after.TotalAlloc - before.TotalAlloc)
				if n != calls || err != nil {
					b.Fatal(n, err)
				}
				end()
				b.StartTimer()
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N*calls), "cpu-µs/call")
			b.ReportMetric(took*1e6/float64(b.N*calls), "µs/call")
			b.ReportMetric(heap/calls, "B/call")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// processor is what this process has used of it.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
