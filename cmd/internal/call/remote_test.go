package call

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/wire"
)

// relayServed is a relay of ours that is driven over UDP.
func relayServed(t *testing.T) (*relay.Relay, string) {
	t.Helper()
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: netip.MustParseAddr("127.0.0.1")}}, Deny: []netip.Prefix{}, Quarantine: -1})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := ng.NewServer(ngrelay.NewHandler(r, ngrelay.Config{}), ng.Config{})
	var wg sync.WaitGroup
	for _, run := range []func() error{func() error { return r.Run(ctx) }, func() error { return server.ServeUDP(ctx, conn) }} {
		wg.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r, "udp://" + conn.LocalAddr().String()
}

// stage is a world on a shard of its own, in real time, with relays that are
// really elsewhere.
type stage struct {
	*world
	pool  *shard.Pool
	stop  func() // ends the pool and waits
	begin time.Time
}

func newStage(t *testing.T, nodes *ng.Nodes) *stage {
	t.Helper()
	s := &stage{world: newWorld(t), begin: time.Now()}
	s.slow = true // nothing is answered in passing
	s.core.Media = ngrelay.NewRemote(nodes)
	s.pool = shard.New(shard.Config{Shards: 1, Now: func() time.Time { return t0.Add(time.Since(s.begin)) }},
		func(int, *shard.Sender) shard.Core { return s.core })
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	s.core.Beside = func(callID string, work func(context.Context), done func(time.Time)) {
		running.Go(func() {
			work(context.Background())
			_ = s.pool.Do(context.Background(), callID, func(now time.Time, _ shard.Core) { s.now = now; done(now) })
		})
	}
	running.Go(func() { _ = s.pool.Run(ctx) })
	s.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(s.stop)
	return s
}

// do runs f on the shard.
func (s *stage) do(f func()) {
	done := make(chan struct{})
	_ = s.pool.Do(context.Background(), "", func(now time.Time, _ shard.Core) { s.now = now; f(); close(done) })
	<-done
}

func described(port int) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n", port)
}

// TestSilentRelay: of two relays one swallows all that it is asked. Calls of the
// other are over before those of the silent one have given it up, on the same
// shard; these move on to the other, and nothing is left there in the end.
func TestSilentRelay(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r, url := relayServed(t)
	const patience = 2 * time.Second
	nodes, err := ng.NewNodes(ng.NodesConfig{Nodes: []ng.Node{
		{ClientConfig: ng.ClientConfig{URL: "udp://" + silent.LocalAddr().String(), Timeout: patience, Tries: 1}},
		{ClientConfig: ng.ClientConfig{URL: url, Timeout: 10 * time.Second}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Close()
	s := newStage(t, nodes)
	s.core.Patience = time.Minute
	const calls = 20
	asked := time.Now() // before any silence begins
	s.do(func() {
		s.register("bob", "sip:bob@192.0.2.20:5070")
		s.authorised("alice", request{
			method: "OPTIONS", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: "hello", cseq: 1,
		})
		for i := range calls {
			s.receive(s.invitation(fmt.Sprint("c", i), described(20000+2*i)))
		}
	})
	forwarded, ended := map[string]time.Duration{}, map[string]time.Duration{}
	for len(ended) < calls && time.Since(asked) < time.Minute {
		s.do(func() {
			for _, m := range s.take() {
				s.play(m, forwarded, time.Since(asked))
			}
			for _, e := range s.events {
				if _, known := ended[e.CallID]; !known && e.Media != nil {
					ended[e.CallID] = time.Since(asked)
				}
			}
		})
		time.Sleep(5 * time.Millisecond)
	}
	quick, first := 0, time.Hour
	for _, d := range forwarded {
		if d >= patience {
			first = min(first, d)
		}
	}
	for id, d := range forwarded {
		if d < patience {
			if quick++; ended[id] == 0 || ended[id] > first {
				t.Errorf("%s of the relay that answers ended after %v, the silent one was given up after %v", id, ended[id], first)
			}
		}
	}
	if len(ended) != calls || quick == 0 || quick == calls {
		t.Errorf("%d of %d calls ended, %d did not wait", len(ended), calls, quick)
	}
	s.stop()
	if n := r.Count(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	s.ended()
}

// play is what the parties do with a message: bob answers, alice acknowledges
// and hangs up.
func (s *stage) play(m *sent, forwarded map[string]time.Duration, at time.Duration) {
	id := string(m.CallID())
	switch {
	case m.IsRequest() && m.Method() == wire.INVITE:
		forwarded[id] = at
		s.answer(m, 200, "b", described(30000))
	case !m.IsRequest() && m.Status() == 200 && len(m.Body()) > 0:
		x := &talk{w: s.world, callID: id, cseq: 10, route: route(s.t, m)}
		x.ack("b", 2, "")
		x.caller("BYE", "")
	case m.IsRequest() && m.Method() == wire.BYE:
		s.answer(m, 200, "b", "")
	}
}
