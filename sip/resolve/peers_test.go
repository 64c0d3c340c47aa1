package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

const trunk = twoServers + `
$TTL 60
_sip._tcp.example.com. SRV 10 1 5060 a.example.com.
_sip._tcp.example.com. SRV 20 1 5060 b.example.com.
_sips._tcp.example.com. SRV 10 1 5061 a.example.com.
`

var sockets = []transport.ListenerInfo{
	{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5060"), Internal: true},
	{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")},
	{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("203.0.113.1:5060")},
	{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("203.0.113.2:5060")},
	{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("203.0.113.1:5060")},
	{Protocol: transport.TLS, Addr: netip.MustParseAddrPort("203.0.113.1:5061")},
}

var (
	_ relay.Resolver = (*Peers)(nil)
	_ Connector      = (*transport.Endpoint)(nil)
)

// network dials: it says how long each address takes, and which refuse.
type network struct {
	mu     sync.Mutex
	delay  time.Duration
	refuse map[netip.Addr]bool
	gone   map[transport.Flow]bool
	dialed []string
}

func (n *network) Dial(ctx context.Context, listener uint8, p transport.Protocol, remote netip.AddrPort, opts ...transport.DialOption) (transport.Flow, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dialed = append(n.dialed, fmt.Sprintf("%d %s %s %d", listener, p, remote, len(opts)))
	delay, refuse := n.delay, n.refuse[remote.Addr()]
	n.mu.Unlock()
	t := time.NewTimer(delay)
	defer t.Stop()
	var err error
	select {
	case <-t.C:
		if refuse {
			err = errors.New("refused")
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	n.mu.Lock()
	if err != nil {
		return transport.Flow{}, err
	}
	return transport.Flow{Protocol: p, Listener: listener, Remote: remote, Generation: uint64(len(n.dialed))}, nil
}

func (n *network) slow(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = d
}

func (n *network) Alive(f transport.Flow) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !f.IsZero() && !n.gone[f]
}

// yard is Peers over a network.
type yard struct {
	t       *testing.T
	peers   *Peers
	net     *network
	streams *Streams
}

func newYard(t *testing.T) *yard {
	y := &yard{t: t, net: &network{delay: 100 * time.Millisecond, refuse: make(map[netip.Addr]bool), gone: make(map[transport.Flow]bool)}}
	y.streams = NewStreams(StreamsConfig{Dial: y.net})
	t.Cleanup(func() { _ = y.streams.Close() })
	r := newResolver(t, parse(t, trunk), func(c *Config) { c.NoIPv6 = false })
	y.peers = NewPeers(PeersConfig{Cache: newCache(t, r), Listeners: sockets, Dial: y.streams})
	return y
}

func message(t *testing.T, method, branch string) *wire.Message {
	t.Helper()
	text := method + " sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5070;branch=" + branch +
		"\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.org>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n"
	m := new(wire.Message)
	if err := m.Parse([]byte(text), nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// response is one as it comes from a peer, to the proxy's branch.
func response(t *testing.T, status, branch, more string) *wire.Message {
	t.Helper()
	text := "SIP/2.0 " + status + "\r\nVia: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKedge, SIP/2.0/UDP 10.0.0.2:5070;branch=" + branch +
		"\r\nFrom: <sip:a@example.org>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" + more + "Content-Length: 0\r\n\r\n"
	m := new(wire.Message)
	if err := m.Parse([]byte(text), nil); err != nil {
		t.Fatal(err)
	}
	return m
}

func (y *yard) resolve(method, branch, uri string) (transport.Flow, int) {
	y.t.Helper()
	u, err := wire.ParseURI([]byte(uri))
	if err != nil {
		y.t.Fatal(err)
	}
	return y.peers.Resolve(message(y.t, method, branch), u, time.Now())
}

// settled asks until the answer is not "not yet known", after each wait for all
// that runs.
func (y *yard) settled(branch, uri string) (transport.Flow, int) {
	y.t.Helper()
	for range 20 {
		if f, status := y.resolve("INVITE", branch, uri); status != int(Pending) {
			return f, status
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
	}
	return transport.Flow{}, int(Pending)
}

// TestWhichListener: the flow leaves where the transport and the address fit.
func TestWhichListener(t *testing.T) {
	for _, c := range []struct {
		uri      string
		status   int
		listener uint8
		remote   string
	}{
		{"sip:example.com", 0, 2, "192.0.2.1:5060"},
		{"sip:example.com;sock=3", 0, 3, "192.0.2.1:5060"},
		{"sip:example.com;sock=0", 0, 2, "192.0.2.1:5060"}, // internal
		{"sip:example.com;sock=1", 0, 2, "192.0.2.1:5060"}, // IPv6
		{"sip:example.com;sock=99", 0, 2, "192.0.2.1:5060"},
		{"sip:example.com;sock=300", 0, 2, "192.0.2.1:5060"},
		{"sip:example.com;sock=x", 0, 2, "192.0.2.1:5060"},
		{"sip:[2001:db8::99]", 0, 1, "[2001:db8::99]:5060"},
		{"sip:example.com;transport=tcp", 0, 4, "192.0.2.1:5060"},
		{"sip:example.com;transport=tcp;sock=2", 0, 4, "192.0.2.1:5060"},
		{"sips:example.com", 0, 5, "192.0.2.1:5061"},
		{"sips:[2001:db8::99]", 480, 0, ""},
		{"sip:nowhere.example.net", 404, 0, ""},
		{"sip:example.com;transport=sctp", 480, 0, ""},
		{"tel:+431", 416, 0, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t)
			f, status := y.settled("z9hG4bK1", c.uri)
			switch {
			case status != c.status:
				t.Errorf("%s: status %d", c.uri, status)
			case status == 0 && (f.Listener != c.listener || f.Remote.String() != c.remote || f.Protocol != sockets[c.listener].Protocol):
				t.Errorf("%s: %+v", c.uri, f)
			}
			if c.uri == "sips:example.com" && y.net.dialed[0] != "5 TLS 192.0.2.1:5061 1" {
				t.Errorf("dialled %q: a certificate needs a name", y.net.dialed)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.peers.cfg.Dial = nil
		if _, status := y.settled("z9hG4bK1", "sips:example.com"); status != 480 {
			t.Errorf("without a Dialer: %d", status)
		}
	})
}

// TestLimit: what no listener can send is not an answer.
func TestLimit(t *testing.T) {
	for _, c := range []struct {
		sockets []transport.ListenerInfo
		want    string
	}{
		{sockets[:2], ""},
		{sockets[2:4], "UDP 192.0.2.1:5060, UDP 192.0.2.2:5060"},
		{sockets[4:5], "TCP 192.0.2.1:5060, TCP 192.0.2.2:5060"},
		{sockets[3:6], "UDP 192.0.2.1:5060, UDP 192.0.2.2:5060, TCP 192.0.2.1:5060, TCP 192.0.2.2:5060, TLS 192.0.2.1:5061"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newResolver(t, parse(t, trunk), func(cfg *Config) { cfg.Limit(c.sockets) })
			if got, err := r.Targets(t.Context(), question(t, "sip:example.com")); show(got) != c.want {
				t.Errorf("%s, %v; want %s", show(got), err, c.want)
			}
		})
	}
}

// TestConnections: one is opened and used by all; a server that refuses or does
// not answer is replaced by the next one within 4 s.
func TestConnections(t *testing.T) {
	const uri = "sip:example.com;transport=tcp"
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		first, _ := y.settled("z9hG4bK1", uri)
		again, status := y.resolve("INVITE", "z9hG4bK2", uri)
		if status != 0 || again != first || len(y.net.dialed) != 1 {
			t.Errorf("%v, then %v with %d, dialled %q", first, again, status, y.net.dialed)
		}
		y.net.gone[first] = true
		if f, _ := y.settled("z9hG4bK3", uri); f == first || f.Remote.Addr() != a {
			t.Errorf("after it was closed %v", f)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.net.refuse[a] = true
		if f, status := y.settled("z9hG4bK1", uri); status != 0 || f.Remote.Addr() != b {
			t.Errorf("the first refuses: %v, %d", f, status)
		}
		if f, status := y.resolve("INVITE", "z9hG4bK2", uri); status != 0 || f.Remote.Addr() != b {
			t.Errorf("the next transaction: %v, %d", f, status)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		y.net.refuse[a], y.net.refuse[b] = true, true
		if _, status := y.settled("z9hG4bK1", uri); status != 503 {
			t.Errorf("both refuse: %d", status)
		}
		if _, status := y.resolve("ACK", "z9hG4bK2", uri); status != 503 && status != int(Pending) {
			t.Errorf("an ACK: %d", status)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		begun := time.Now()
		y.net.slow(time.Hour)
		_, _ = y.resolve("INVITE", "z9hG4bK1", uri)
		synctest.Wait()
		_, _ = y.resolve("INVITE", "z9hG4bK1", uri)
		time.Sleep(time.Second)
		y.net.slow(10 * time.Millisecond)
		for {
			f, status := y.resolve("INVITE", "z9hG4bK1", uri)
			if status == 0 {
				if took := time.Since(begun); f.Remote.Addr() != b || took > 4*time.Second {
					t.Errorf("%v after %v", f, took)
				}
				return
			}
			if status != int(Pending) {
				t.Fatal(status)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// TestResponses: what passes back tells whether the target lives.
func TestResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		const uri = "sip:example.com"
		first, _ := y.settled("z9hG4bK1", uri)
		y.peers.Heard(response(t, "180 Ringing", "z9hG4bK1", ""), time.Now())
		time.Sleep(5 * time.Second)
		if f, _ := y.resolve("INVITE", "z9hG4bK1", uri); f != first {
			t.Errorf("answered, and yet moved to %v", f)
		}
		y.peers.Heard(response(t, "503 Service Unavailable", "unknown", "Retry-After: 60\r\n"), time.Now())
		y.peers.Heard(message(t, "INVITE", "z9hG4bK1"), time.Now()) // no second Via
		if n := len(y.peers.cfg.Cache.Dead().List(time.Now())); n != 0 {
			t.Errorf("%d dead", n)
		}
		y.peers.Heard(response(t, "503 Service Unavailable", "z9hG4bK1", "Retry-After: 60 (full);duration=9\r\n"), time.Now())
		if d := y.peers.cfg.Cache.Dead().List(time.Now()); len(d) != 1 || time.Until(d[0].Until) != time.Minute {
			t.Errorf("dead: %+v", d)
		}
		if f, _ := y.resolve("INVITE", "z9hG4bK2", uri); f.Remote == first.Remote {
			t.Error("a transaction after the 503 goes to the same server")
		}
		if f, _ := y.resolve("ACK", "z9hG4bK1", uri); f != first {
			t.Errorf("the ACK goes to %v", f)
		}
	})
}

// TestManyPeers: the table of connections is bounded.
func TestManyPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t)
		refused := 0
		for i := range 3000 {
			target := Target{Protocol: transport.TCP, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)}
			if _, s := y.streams.Stream(time.Now(), 4, target); s == 503 {
				refused++
			}
			if i%32 == 0 {
				time.Sleep(200 * time.Millisecond)
			}
		}
		if len(y.streams.m) > maxStreams || refused > 0 {
			t.Errorf("%d connections, %d refused", len(y.streams.m), refused)
		}
		for i := range 100 {
			target := Target{Protocol: transport.TCP, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), 5060)}
			if _, s := y.streams.Stream(time.Now(), 4, target); s == 503 {
				refused++
			}
		}
		if refused == 0 {
			t.Error("any number of attempts at once")
		}
	})
}
