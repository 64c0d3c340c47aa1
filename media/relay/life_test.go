package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	foreign "github.com/class5-go/class5/internal/peer"
	"github.com/class5-go/class5/internal/sweep"
	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/redisrelay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
	"pgregory.net/rapid"
)

// TestLives drives a relay with random signalling: calls, forks, re-offers
// from any side, answers to nothing, ends in any order. What comes out is
// always the relay's address, errors are the documented ones, and in the end
// all ports are back.
func TestLives(t *testing.T) {
	lives(t, 24_000, nil, func(*testing.T, *rig) {})
}

// TestLivesInRedis does so with the states of all in a real Redis: in the end
// nothing but the owner is left there.
func TestLivesInRedis(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	server, err := foreign.StartRedis(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: server.Socket(), ContextTimeoutEnabled: true})
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), server.Stop()); err != nil {
			t.Error(err)
		}
	})
	store, err := redisrelay.New(c, redisrelay.Config{Name: "lives"})
	if err != nil {
		t.Fatal(err)
	}
	written := uint64(0)
	lives(t, 2_400, store, func(t *testing.T, g *rig) {
		g.eventually("no state is left", func() bool {
			keys, err := c.Keys(t.Context(), "*").Result()
			if err != nil {
				t.Fatal(err)
			}
			return g.Totals().StoreWaiting == 0 && len(keys) == 1 && keys[0] == "media:{lives}:owner"
		})
		n, err := c.HGet(t.Context(), "media:{lives}:owner", "seq").Uint64()
		if err != nil {
			t.Fatal(err)
		}
		written = n
	})
	if written == 0 {
		t.Error("nothing was written")
	}
	t.Logf("%d writes", written)
}

// lives does what TestLives says until so many calls were made in a full run.
// empty waits for the end of what a relay without calls has left to do.
func lives(t *testing.T, calls uint64, store relay.Store, empty func(*testing.T, *rig)) {
	k := newFakeKernel()
	g := newRig(t, func(c *relay.Config) {
		c.Quarantine, c.MaxSessions, c.MaxLegs, c.Offload, c.Store = time.Second, 6, 5, k, store
	})
	phone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = phone.Close() })
	media := phone.LocalAddr().(*net.UDPAddr).Port
	initial := g.Totals().PortsFree["127.0.0.1"]
	known := []error{relay.ErrSessions, relay.ErrUnknownCall, relay.ErrStreams, relay.ErrMismatch, relay.ErrInterface, bridge.ErrNoCodec, bridge.ErrNoSuite}
	check := func(t *rapid.T, out []byte, err error) {
		if err != nil {
			for _, k := range known {
				if errors.Is(err, k) {
					return
				}
			}
			t.Fatal(err)
		}
		if out == nil {
			return
		}
		d, err := sdp.Parse(out, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, m := range d.All() {
			if m.Addr().Addr() != relayAddr && !m.Addr().Addr().IsUnspecified() {
				t.Fatalf("leads to %v\n%s", m.Addr(), out)
			}
		}
	}
	goroutines := settled()
	live := func(t *rapid.T) {
		pick := func(list ...string) string { return rapid.SampledFrom(list).Draw(t, "pick") }
		body := func() []byte {
			s := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 " + pick("127.0.0.2", "127.0.0.2", "192.0.2.2", "0.0.0.0", "x.example") + "\r\n" +
				pick("", "", "a=group:BUNDLE 0 1\r\n") + pick("", "", "a=setup:actpass\r\na=fingerprint:SHA-1 "+strings.Repeat("AB:", 19)+"CD\r\n")
			for range rapid.IntRange(0, 3).Draw(t, "media") {
				s += "m=" + pick("audio", "video", "image") + " " + pick("0", "4000", fmt.Sprint(media), fmt.Sprint(media)) + " " +
					pick("RTP/AVP", "RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl", "TCP/X") + " 8 101\r\n" +
					pick("", "a=sendonly\r\n", "a=inactive\r\n", "a=rtcp-mux\r\na=rtcp:9\r\n", "a=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwxyz\r\na=candidate:1 1 UDP 1 127.0.0.2 4000 typ host\r\n") +
					pick("", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+strings.Repeat("a", 40)+"\r\n") + pick("", "a=mid:0\r\n", "a=mid:1\r\n")
			}
			return []byte(s)
		}
		call := func() string { return pick("1", "2", "3", "4", "5", "6", "7") }
		tag := func() string { return pick("a", "b", "c", "d", "e", "") }
		options := func() (o bridge.Options) {
			o.Transport = pick("", "", "RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF")
			o.ICE = rapid.SampledFrom([]bridge.ICEMode{bridge.ICEDefault, bridge.ICERemove, bridge.ICEForce}).Draw(t, "ice")
			if pick("", "", "x") == "x" {
				o.Codec.Transcode = []string{"PCMU"}
			}
			return o
		}
		branch := func() string { return pick("", "", "z1", "z2") }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 19).Draw(t, "what") {
			case 0, 1, 2, 3:
				out, err := g.Offer(g.Context(), relay.OfferRequest{CallID: call(), FromTag: tag(), ToTag: tag(), ViaBranch: branch(), SDP: body(), Options: options()})
				check(t, out, err)
			case 4, 5, 6:
				out, err := g.Answer(g.Context(), relay.AnswerRequest{CallID: call(), FromTag: tag(), ToTag: tag(), ViaBranch: branch(), SDP: body(), Early: rapid.Bool().Draw(t, "early")})
				check(t, out, err)
			case 7:
				_, err := g.Delete(g.Context(), relay.DeleteRequest{CallID: call(), FromTag: tag(), ToTag: tag(), ViaBranch: branch()})
				check(t, nil, err)
			case 10, 11:
				spray(t, g, phone, call())
			case 8:
				_, err := g.Query(g.Context(), call())
				check(t, nil, err)
			case 12, 13:
				c, err := g.Create(g.Context(), relay.CreateRequest{CallID: call(), FromTag: tag(), Options: options()})
				check(t, c.SDP, err)
				check(t, nil, g.CreateAnswer(g.Context(), relay.CreateAnswerRequest{CallID: call(), ToTag: tag(), SDP: body()}))
			case 14:
				check(t, nil, g.Connect(g.Context(), relay.ConnectRequest{CallID: call(), FromTag: tag(), ToTag: tag()}))
			case 16, 17:
				check(t, nil, g.Connect(g.Context(), relay.ConnectRequest{CallID: call(), FromTag: tag(), ToTag: tag(), ToCallID: call(),
					Directional: rapid.Bool().Draw(t, "directional"), Bidirectional: rapid.Bool().Draw(t, "both"), All: pick("", "", "x") == "x"}))
			case 18:
				check(t, nil, g.Inject(g.Context(), relay.InjectRequest{CallID: call(), ToTag: tag(), SourceTag: tag(), SourceCallID: call()}))
			case 19:
				check(t, nil, g.StopInject(g.Context(), relay.InjectRequest{CallID: call(), ToTag: tag(), SourceTag: tag()}))
				check(t, nil, g.Disconnect(g.Context(), relay.ConnectRequest{CallID: call(), ToTag: tag(), FromTag: tag(), Bidirectional: rapid.Bool().Draw(t, "both")}))
			case 15:
				q, err := g.Subscribe(g.Context(), relay.SubscribeRequest{CallID: call(), ToTag: tag()})
				check(t, q.SDP, err)
				check(t, nil, g.SubscribeAnswer(g.Context(), relay.SubscribeAnswerRequest{CallID: call(), ToTag: tag(), SDP: body()}))
			case 9:
				g.clock.advance(time.Duration(rapid.IntRange(0, 70).Draw(t, "seconds")) * time.Second)
				g.Sweep(g.clock.now())
			}
		}
		for id := range g.List() {
			if _, err := g.Delete(g.Context(), relay.DeleteRequest{CallID: id}); err != nil {
				t.Fatal(err)
			}
		}
		g.clock.advance(time.Minute)
		if len(k.flows) != 0 {
			t.Fatalf("%d flows in the kernel", len(k.flows))
		}
		if n := g.Totals(); g.Count() != 0 || n.PortsFree["127.0.0.1"] != initial {
			t.Fatalf("%d sessions, %d of %d ports", g.Count(), n.PortsFree["127.0.0.1"], initial)
		}
	}
	for rapid.Check(t, live); sweep.Full() && g.Totals().Created < calls && !t.Failed(); {
		rapid.Check(t, live)
	}
	empty(t, g)
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			all := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before the calls\n%s", runtime.NumGoroutine(), goroutines, all[:runtime.Stack(all, true)])
		}
	}
	t.Logf("%d calls", g.Totals().Created)
}

// settled is the number of goroutines once none has come or gone for a while.
func settled() int {
	n := runtime.NumGoroutine()
	for last := time.Now(); time.Since(last) < 100*time.Millisecond; time.Sleep(5 * time.Millisecond) {
		if now := runtime.NumGoroutine(); now != n {
			n, last = now, time.Now()
		}
	}
	return n
}

// spray sends something to every port of a call.
func spray(t *rapid.T, g *rig, phone *net.UDPConn, call string) {
	rep, err := g.Query(g.Context(), call)
	if err != nil {
		return
	}
	bodies := [][]byte{
		rtpwire.Header{PayloadType: 8, Sequence: 1, SSRC: 1}.Append(make([]byte, 0, 200)),
		append(rtpwire.Header{PayloadType: 101, Sequence: 2, SSRC: 1}.Append(nil), 1, 2, 3, 4),
		{0x80, 201, 0, 1, 1, 2, 3, 4}, {22, 254, 253, 0, 0}, {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {},
	}
	for _, l := range rep.Legs {
		for _, s := range l.Streams {
			b := rapid.SampledFrom(bodies).Draw(t, "packet")
			for _, to := range []netip.AddrPort{s.Local, next(s.Local)} {
				if s.Local.IsValid() {
					_, _ = phone.WriteToUDPAddrPort(b, to)
				}
			}
		}
	}
}

// BenchmarkCall is the signalling of one call: offer, answer, delete, with two
// pairs of sockets opened and closed.
func BenchmarkCall(b *testing.B) {
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}, PortMin: 20000, PortMax: 59999, Quarantine: time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	sdpA, sdpB := benchSDP(netip.MustParseAddrPort("192.0.2.1:4000")), benchSDP(netip.MustParseAddrPort("192.0.2.2:4000"))
	setUp := func(id string) {
		if _, err := r.Offer(ctx, relay.OfferRequest{CallID: id, FromTag: "a", SDP: sdpA}); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Answer(ctx, relay.AnswerRequest{CallID: id, FromTag: "a", ToTag: "b", SDP: sdpB}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprint(i)
		setUp(id)
		if _, err := r.Delete(ctx, relay.DeleteRequest{CallID: id}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const calls = 500
	for i := range calls {
		setUp(fmt.Sprint("held", i))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/calls, "heap-B/call")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
