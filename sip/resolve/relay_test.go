package resolve_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/resolve"
	"github.com/class5-go/class5/sip/resolve/dnstest"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

var (
	proxy     = transport.Flow{Protocol: transport.UDP, Listener: 1, Remote: netip.MustParseAddrPort("10.0.0.11:5060")}
	listeners = []transport.ListenerInfo{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("203.0.113.1:5060"), Advertised: netip.MustParseAddrPort("203.0.113.1:5060")},
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5070"), Advertised: netip.MustParseAddrPort("10.0.0.1:5070"), Internal: true},
	}
)

// edge is a stateless edge whose proxies name peers.
type edge struct {
	t     *testing.T
	relay *relay.Relay
	peers *resolve.Peers
	s     relay.Scratch
}

func newEdge(t *testing.T, text string) *edge {
	t.Helper()
	zones, err := dnstest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := resolve.New(resolve.Config{Exchange: zones})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	secret := []byte("32 octets that only our pair has")
	cache, err := resolve.NewCache(resolve.CacheConfig{Resolver: r, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.New(token.Key{ID: 1, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	proxies, err := relay.NewTargets(nil, relay.Target{Addr: proxy.Remote})
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{t: t, peers: resolve.NewPeers(resolve.PeersConfig{Cache: cache, Listeners: listeners})}
	if e.relay, err = relay.New(relay.Config{Listeners: relay.Listeners(listeners), Ring: ring, Dispatch: proxies, Resolve: e.peers}); err != nil {
		t.Fatal(err)
	}
	return e
}

// send is what the edge does with a request from the proxy.
func (e *edge) send(method, branch string) relay.Outcome {
	msg := fmt.Sprintf("%s sip:+431@carrier.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:+431@carrier.example>\r\nCall-ID: c-%s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, branch, branch, method)
	return e.relay.Handle(&e.s, transport.Packet{Data: []byte(msg), Flow: proxy, At: time.Now()}, nil)
}

// TestRelayFailsOver: a proxy that does nothing but repeat its INVITE by RFC 3261
// reaches the second server within 4 s, though the edge keeps no transaction.
func TestRelayFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, `
_sip._udp.carrier.example. SRV 10 1 5060 dead.carrier.example.
_sip._udp.carrier.example. SRV 20 1 5060 alive.carrier.example.
dead.carrier.example.      A   192.0.2.1
alive.carrier.example.     A   192.0.2.2
`)
		begun := time.Now()
		if o := e.send("INVITE", "z9hG4bK1"); o.Cause != relay.Resolving {
			t.Fatalf("the first: %v with %d", o.Cause, o.Status)
		}
		synctest.Wait()
		for i, want := range []string{"0s to 192.0.2.1", "500ms to 192.0.2.1", "1.5s to 192.0.2.1", "3.5s to 192.0.2.2"} {
			o := e.send("INVITE", "z9hG4bK1")
			if got := fmt.Sprintf("%v to %v", time.Since(begun), o.Flow.Remote.Addr()); got != want || o.Cause != relay.RequestOut {
				t.Errorf("INVITE number %d: %v, %s, want %s", i+1, o.Cause, got, want)
			}
			time.Sleep(500 * time.Millisecond << i)
		}
		for branch, addr := range map[string]string{"z9hG4bK1": "192.0.2.2", "z9hG4bKlost": "192.0.2.2"} {
			if o := e.send("CANCEL", branch); o.Flow.Remote.Addr().String() != addr {
				t.Errorf("CANCEL of %s: %v to %v", branch, o.Cause, o.Flow.Remote)
			}
		}
	})
}

// TestRelayWeights: 10,000 calls through the edge share by the weights.
func TestRelayWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEdge(t, `
_sip._udp.carrier.example. SRV 10 70 5060 a.carrier.example.
_sip._udp.carrier.example. SRV 10 20 5060 b.carrier.example.
_sip._udp.carrier.example. SRV 10 10 5060 c.carrier.example.
a.carrier.example. A 192.0.2.1
b.carrier.example. A 192.0.2.2
c.carrier.example. A 192.0.2.3
`)
		e.send("INVITE", "z9hG4bK")
		synctest.Wait()
		const n = 10000
		count := make(map[string]int)
		for i := range n {
			branch := fmt.Sprintf("z9hG4bK-%d", i)
			o := e.send("INVITE", branch)
			count[o.Flow.Remote.Addr().String()]++
			if again := e.send("CANCEL", branch); again.Flow != o.Flow {
				t.Fatalf("INVITE to %v, CANCEL to %v", o.Flow, again.Flow)
			}
		}
		for addr, share := range map[string]float64{"192.0.2.1": 0.7, "192.0.2.2": 0.2, "192.0.2.3": 0.1} {
			if got := float64(count[addr]) / n; math.Abs(got-share) > 0.02 {
				t.Errorf("%s gets %.3f, want %.2f", addr, got, share)
			} else {
				t.Logf("%s gets %.3f of %.2f", addr, got, share)
			}
		}
	})
}
