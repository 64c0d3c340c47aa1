package relay

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// inside is a node whose proxy takes connections too, at a port of their own.
type inside struct {
	*node
	repair  *Repair
	streams *Streams
	tcp     *net.TCPListener
	conn    *net.TCPConn // to the edge
	hangUp  func()       // the edge connects no more
}

func startInside(t *testing.T) *inside {
	t.Helper()
	in, repair := &late{}, NewRepair(RepairConfig{})
	n := &inside{node: startNode(t, func(c *Config) { c.Inside, c.Repair = in, repair }), repair: repair}
	var err error
	if n.tcp, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(localAddr(n.proxy).Addr(), 0))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.tcp.Close() })
	if n.streams, err = NewStreams(StreamsConfig{
		Dialer: n.end, Listeners: Listeners(n.end.Listeners()), Mode: InsideTCP, Port: uint16(n.tcp.Addr().(*net.TCPAddr).Port),
	}); err != nil {
		t.Fatal(err)
	}
	in.Store(n.streams)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { n.streams.Run(ctx) })
	n.hangUp = func() { stop(); wg.Wait() }
	t.Cleanup(n.hangUp)
	n.streams.Stream(localAddr(n.proxy), 100) // it is told of the proxy by the first message
	n.accept()
	return n
}

// accept takes the next connection of the edge and waits until that uses it.
func (n *inside) accept() {
	n.t.Helper()
	var err error
	if n.conn, err = n.tcp.AcceptTCP(); err != nil {
		n.t.Fatal(err)
	}
	conn := n.conn
	n.t.Cleanup(func() { _ = conn.Close() })
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	n.until("the connection", func() bool {
		f, way := n.streams.Stream(localAddr(n.proxy), 100)
		return way == OverStream && f.Local == from
	})
}

func (n *inside) until(what string, ok func() bool) {
	n.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// reset ends the connection as a proxy does that dies, with what it has not read,
// and waits until the edge knows.
func (n *inside) reset() {
	n.t.Helper()
	flow, _ := n.streams.Stream(localAddr(n.proxy), 100)
	if err := n.conn.SetLinger(0); err != nil {
		n.t.Fatal(err)
	}
	_ = n.conn.Close()
	n.until("the end of the connection", func() bool { return !n.end.Alive(flow) })
}

// tick lets so much time pass.
func (n *inside) tick(age time.Duration) {
	out := n.end.Outbox()
	n.relay.Tick(time.Now().Add(age), out)
	out.Flush()
}

// resent lets time pass until something is sent again.
func (n *inside) resent() {
	n.t.Helper()
	before := n.repair.Stats().Resent
	for age := ages[0]; n.repair.Stats().Resent == before; age *= 2 {
		if age > 2*ages[len(ages)-1] {
			n.t.Fatal("nothing is sent again")
		}
		n.tick(age)
	}
}

// TestHandOver: a request that a proxy has not answered before its connection
// ended goes to it again, on a new connection or over UDP.
func TestHandOver(t *testing.T) {
	register := request("REGISTER", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1", "reg")
	t.Run("connection", func(t *testing.T) {
		n := startInside(t)
		phone := dial(t, n.addr(nodeTCP))
		if _, err := phone.Write(register); err != nil {
			t.Fatal(err)
		}
		first := read(t, n.conn)
		n.tick(ages[0]) // it has arrived: nothing is sent
		n.reset()
		n.accept()
		n.resent()
		second := read(t, n.conn)
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("first\n%s\nthen\n%s", first.Bytes(), second.Bytes())
		}
		if _, err := n.conn.Write(echo(t, second, 200)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, phone); got.Status() != 200 {
			t.Fatalf("got\n%s", got.Bytes())
		}
		if st := n.repair.Stats(); st.Entries != 0 || st.Resent != 1 {
			t.Errorf("%+v", st)
		}
	})
	t.Run("UDP", func(t *testing.T) {
		n := startInside(t)
		phone := dial(t, n.addr(nodeTCP))
		if _, err := phone.Write(register); err != nil {
			t.Fatal(err)
		}
		waitFor(t, n.relay, func(st Stats) bool { return st.Count(RequestIn) == 1 })
		n.hangUp()
		n.reset() // with the request unread
		n.resent()
		first := read(t, n.proxy)
		top, _ := first.TopVia()
		if string(top.Transport) != "UDP" || top.Port != n.addr(nodeInternal).Port() || first.CountValues(wire.HdrVia) != 2 {
			t.Fatalf("got\n%s", first.Bytes())
		}
		n.resent() // UDP may lose it
		second := read(t, n.proxy)
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("first\n%s\nthen\n%s", first.Bytes(), second.Bytes())
		}
		n.write(n.proxy, nodeInternal, echo(t, second, 200))
		if got := read(t, phone); got.Status() != 200 {
			t.Fatalf("got\n%s", got.Bytes())
		}
		waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseOut) == 1 })
		if st := n.repair.Stats(); st.Entries != 0 || st.Resent != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// TestHandOverRefusal: the same for a client's final response to an INVITE, until
// its ACK.
func TestHandOverRefusal(t *testing.T) {
	n := startInside(t)
	phone := dial(t, n.addr(nodeTCP))
	if _, err := phone.Write(request("REGISTER", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1", "reg")); err != nil {
		t.Fatal(err)
	}
	path, ok := read(t, n.conn).First(wire.HdrPath)
	if !ok {
		t.Fatal("no Path")
	}
	invite := request("INVITE", "SIP/2.0/TCP "+n.proxy.LocalAddr().String()+";branch=z9hG4bKp", "call", "Route: "+string(path.Value))
	if _, err := n.conn.Write(invite); err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Write(echo(t, read(t, phone), 486)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseIn) == 1 })
	n.hangUp()
	n.reset()
	n.resent()
	for { // the REGISTER, unanswered as well, comes too
		if m := read(t, n.proxy); !m.IsRequest() {
			if m.Status() != 486 || m.CountValues(wire.HdrVia) != 1 {
				t.Fatalf("got\n%s", m.Bytes())
			}
			break
		}
	}
}

// TestHandOverResponse: a client's final response to a request that nobody sends
// again, which may have been on the connection when that ended, comes once more.
func TestHandOverResponse(t *testing.T) {
	for via, listener := range map[string]uint8{"TCP": nodeTCP, "UDP": nodeUDP} {
		t.Run(via, func(t *testing.T) {
			n := startInside(t)
			phone, err := net.Dial(strings.ToLower(via), n.addr(listener).String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = phone.Close() })
			if _, err := phone.Write(request("REGISTER", "SIP/2.0/"+via+" 127.0.0.1;rport;branch=z9hG4bK1", "reg")); err != nil {
				t.Fatal(err)
			}
			first := read(t, n.conn)
			path, ok := first.First(wire.HdrPath)
			if !ok {
				t.Fatal("no Path")
			}
			if _, err := n.conn.Write(echo(t, first, 200)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, phone); got.Status() != 200 {
				t.Fatalf("got\n%s", got.Bytes())
			}
			message := request("MESSAGE", "SIP/2.0/TCP "+n.proxy.LocalAddr().String()+";branch=z9hG4bKp", "m", "Route: "+string(path.Value))
			if _, err := n.conn.Write(message); err != nil {
				t.Fatal(err)
			}
			if _, err := phone.Write(echo(t, read(t, phone), 202)); err != nil {
				t.Fatal(err)
			}
			waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseIn) == 1 })
			n.tick(ages[0]) // the connection is open: nothing is sent
			n.hangUp()
			n.reset() // with the response unread
			n.resent()
			if m := read(t, n.proxy); m.Status() != 202 || m.CountValues(wire.HdrVia) != 1 {
				t.Fatalf("got\n%s", m.Bytes())
			}
			if st := n.repair.Stats(); st.Entries != 0 || st.Resent != 1 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// broken is an Inside that offers a connection which is none any more, and then
// another way.
type broken struct {
	flow  transport.Flow
	asked atomic.Int32
	then  Way
}

func (b *broken) Stream(netip.AddrPort, int) (transport.Flow, Way) {
	if b.asked.Add(1) == 1 {
		return b.flow, OverStream
	}
	return transport.Flow{}, b.then
}

// TestSidestep: a connection that ends between the look at it and the write is no
// reason to tell a client that its own is dead.
func TestSidestep(t *testing.T) {
	for name, then := range map[string]Way{"UDP": OverUDP, "nothing": Unconnected} {
		t.Run(name, func(t *testing.T) {
			in := &broken{then: then, flow: transport.Flow{
				Protocol: transport.TCP, Listener: nodeInternalTCP, Remote: proxyA, Generation: testEpoch<<32 | 5,
			}}
			n := startNode(t, func(c *Config) { c.Inside = in })
			phone := listenUDP(t)
			n.write(phone, nodeUDP, request("MESSAGE", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", "m"))
			if then == Unconnected {
				if no := read(t, phone); no.Status() != 503 || no.Count(wire.HdrRetryAfter) != 1 {
					t.Fatalf("got\n%s", no.Bytes())
				}
				waitFor(t, n.relay, func(st Stats) bool { return st.Count(Disconnected) == 1 })
				return
			}
			m := read(t, n.proxy)
			if top, _ := m.TopVia(); string(top.Transport) != "UDP" || top.Port != n.addr(nodeInternal).Port() {
				t.Fatalf("got\n%s", m.Bytes())
			}
			n.write(n.proxy, nodeInternal, echo(t, m, 202))
			if got := read(t, phone); got.Status() != 202 {
				t.Fatalf("got\n%s", got.Bytes())
			}
		})
	}
}
