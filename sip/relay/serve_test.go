package relay

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a relay on real sockets of the loopback interface, with a test as
// its only proxy.
type node struct {
	t     *testing.T
	relay *Relay
	end   *transport.Endpoint
	ring  *token.Ring
	proxy *net.UDPConn
}

// The listeners of a node.
const (
	nodeUDP = iota
	nodeTCP
	nodeInternal
	nodeInternalTCP
)

func startNode(t *testing.T, change ...func(*Config)) *node {
	t.Helper()
	any4 := netip.MustParseAddrPort("127.0.0.1:0")
	end, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: any4},
		{Protocol: transport.TCP, Addr: any4},
		{Protocol: transport.UDP, Addr: any4, Internal: true},
		{Protocol: transport.TCP, Addr: any4, Internal: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.New(testKey)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, end: end, ring: ring, proxy: listenUDP(t)}
	targets, err := NewTargets(nil, Target{Addr: n.proxy.LocalAddr().(*net.UDPAddr).AddrPort()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Listeners: Listeners(end.Listeners()), Ring: ring, Dispatch: targets, Alive: end.Alive, Epoch: testEpoch}
	for _, f := range change {
		f(&cfg)
	}
	if n.relay, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- end.Serve(ctx, n.relay) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (n *node) addr(i uint8) netip.AddrPort { return n.end.Listener(i).Addr }

func (n *node) write(c *net.UDPConn, i uint8, msg []byte) {
	n.t.Helper()
	if _, err := c.WriteToUDPAddrPort(msg, n.addr(i)); err != nil {
		n.t.Fatal(err)
	}
}

// read takes one message from a datagram socket or connection.
func read(t *testing.T, c net.Conn) *wire.Message {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, buf[:n])
}

// echo makes a response to m of its own Vias.
func echo(t *testing.T, m *wire.Message, code int) []byte {
	t.Helper()
	msg, err := wire.AppendResponse(nil, m, code, "", "echo")
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func request(method, via, callID string, extra ...string) []byte {
	l := append([]string{method + " sip:bob@example.com SIP/2.0", "Via: " + via, "Max-Forwards: 70"}, extra...)
	return lines(append(l, "From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>",
		"Call-ID: "+callID, "CSeq: 1 "+method, "Content-Length: 0")...)
}

func TestServeUDP(t *testing.T) {
	n := startNode(t)
	phone := listenUDP(t)
	n.write(phone, nodeUDP, request("INVITE", "SIP/2.0/UDP 192.168.1.7;rport;branch=z9hG4bK1", "call"))
	invite := read(t, n.proxy)
	e, err := ParseEdge(n.ring, invite)
	if err != nil || e.Source != phone.LocalAddr().(*net.UDPAddr).AddrPort() {
		t.Fatalf("%+v, %v in\n%s", e, err, invite.Bytes())
	}
	n.write(n.proxy, nodeInternal, echo(t, invite, 200))
	if ok := read(t, phone); ok.Status() != 200 || values(ok, wire.HdrVia) != 1 {
		t.Fatalf("got\n%s", ok.Bytes())
	}
	// Garbage changes nothing but a counter; the answer to what follows shows
	// that it has been read.
	n.write(phone, nodeUDP, []byte("garbage that is not SIP\r\n\r\n"))
	n.write(phone, nodeUDP, request("MESSAGE", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK2", "m", "Route: <sip:192.0.2.99;lr>"))
	if no := read(t, phone); no.Status() != 403 {
		t.Fatalf("got\n%s", no.Bytes())
	}
	waitFor(t, n.relay, func(st Stats) bool {
		return st.Count(RequestIn) == 1 && st.Count(ResponseOut) == 1 && st.Count(ForeignRoute) == 1 &&
			st.Count(Malformed) == 1 && st.Refused[wire.ReasonStartLine] == 1
	})
}

// waitFor waits until the counters say so: they are added after sending.
func waitFor(t *testing.T, r *Relay, ok func(Stats) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(r.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%+v", r.Stats())
		}
	}
}

func dial(t *testing.T, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	c, err := net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestServeTCP calls a client on its connection by its Path, and again when the
// connection is closed.
func TestServeTCP(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"relay asks":      func(*Config) {},
		"transport tells": func(c *Config) { c.Alive = nil },
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, change)
			phone := dial(t, n.addr(nodeTCP))
			if _, err := phone.Write(request("REGISTER", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1", "reg")); err != nil {
				t.Fatal(err)
			}
			path, ok := read(t, n.proxy).First(wire.HdrPath)
			if !ok {
				t.Fatal("no Path")
			}
			route := "Route: " + string(path.Value)
			via := "SIP/2.0/UDP " + n.proxy.LocalAddr().String() + ";branch=z9hG4bKp"
			n.write(n.proxy, nodeInternal, request("MESSAGE", via+"1", "m1", route))
			message := read(t, phone)
			if _, err := phone.Write(echo(t, message, 202)); err != nil {
				t.Fatal(err)
			}
			if accepted := read(t, n.proxy); accepted.Status() != 202 {
				t.Fatalf("got\n%s", accepted.Bytes())
			}

			_ = phone.Close()
			for i := 0; ; i++ {
				n.write(n.proxy, nodeInternal, request("MESSAGE", via+"2", "m2", route))
				if err := n.proxy.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 65536)
				got, err := n.proxy.Read(buf)
				if err == nil {
					if m := parsed(t, buf[:got]); m.Status() != 430 || !bytes.Equal(m.CallID(), []byte("m2")) {
						t.Fatalf("got\n%s", m.Bytes())
					}
					break
				}
				if i == 200 { // the endpoint had not yet seen the end of the connection
					t.Fatal("no 430")
				}
			}
			waitFor(t, n.relay, func(st Stats) bool { return st.Count(FlowGone) >= 1 })
		})
	}
}

// TestServeTooLarge sends through a stream what fits into no datagram.
func TestServeTooLarge(t *testing.T) {
	n := startNode(t)
	phone := dial(t, n.addr(nodeTCP))
	head := bytes.TrimSuffix(request("MESSAGE", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1", "big"), []byte("Content-Length: 0\r\n\r\n"))
	const size = 65100
	msg := append(append(head, "Content-Length: 65100\r\n\r\n"...), bytes.Repeat([]byte("x"), size)...)
	if _, err := phone.Write(msg); err != nil {
		t.Fatal(err)
	}
	if no := read(t, phone); no.Status() != 513 {
		t.Fatalf("got\n%s", no.Bytes())
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(TooLarge) == 1 })
}

func localAddr(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// late is an Inside that is made after the relay.
type late struct{ atomic.Pointer[Streams] }

func (l *late) Stream(target netip.AddrPort, size int) (transport.Flow, Way) {
	return l.Load().Stream(target, size)
}

// TestServeInside sends what is too long for one packet over a connection, and
// the response back.
func TestServeInside(t *testing.T) {
	inside := &late{}
	n := startNode(t, func(c *Config) { c.Inside = inside })
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(localAddr(n.proxy).Addr(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	streams, err := NewStreams(StreamsConfig{
		Dialer: n.end, Listeners: Listeners(n.end.Listeners()), Mode: InsideAuto, Limit: 2000,
		Port: uint16(tcp.Addr().(*net.TCPAddr).Port),
	})
	if err != nil {
		t.Fatal(err)
	}
	inside.Store(streams)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { streams.Run(ctx) })
	t.Cleanup(wg.Wait)
	t.Cleanup(stop)

	phone := listenUDP(t)
	send := func(i, size int) {
		t.Helper()
		msg := request("MESSAGE", fmt.Sprintf("SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%d", i), "m")
		msg = append(replaceAll(msg, "Content-Length: 0", "Content-Length: "+strconv.Itoa(size)), bytes.Repeat([]byte("x"), size)...)
		n.write(phone, nodeUDP, msg)
	}
	send(0, 10)
	if m := read(t, n.proxy); len(m.Body()) != 10 {
		t.Fatalf("got\n%s", m.Bytes())
	}
	conn, err := tcp.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	target := localAddr(n.proxy)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, way := streams.Stream(target, 3000); way == OverStream {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not connected")
		}
	}
	send(1, 10)
	read(t, n.proxy)
	send(2, 3000)
	m := read(t, conn)
	if top, _ := m.TopVia(); string(top.Transport) != "TCP" || len(m.Body()) != 3000 {
		t.Fatalf("got\n%s", m.Bytes())
	}
	if _, err := conn.Write(echo(t, m, 202)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, phone); got.Status() != 202 {
		t.Fatalf("got\n%s", got.Bytes())
	}
}

// TestKinds: every message that was read is counted by the side and listener it
// came by, its method or class.
func TestKinds(t *testing.T) {
	n := startNode(t)
	phone := listenUDP(t)
	n.write(phone, nodeUDP, []byte("nothing that can be read\r\n\r\n"))
	for i, method := range []string{"REGISTER", "MESSAGE", "HELLO", "REGISTER"} {
		n.write(phone, nodeUDP, request(method, fmt.Sprintf("SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%d", i), strconv.Itoa(i)))
		n.write(n.proxy, nodeInternal, echo(t, read(t, n.proxy), 200+i%2*204))
		read(t, phone)
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseOut) == 4 && st.Count(Malformed) == 1 })
	got := map[KindStats]bool{}
	for _, k := range n.relay.Kinds() {
		got[k] = true
	}
	for _, want := range []KindStats{
		{nodeUDP, "REGISTER", "", 2}, {nodeUDP, "MESSAGE", "", 1}, {nodeUDP, "other", "", 1}, {nodeInternal, "", "2xx", 2}, {nodeInternal, "", "4xx", 2},
	} {
		if !got[want] {
			t.Errorf("no %+v in %v", want, got)
		}
	}
	if len(got) != 5 {
		t.Errorf("kinds %v", got)
	}
}
