package transport_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

func udpClient(t testing.TB, local string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(local)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadBuffer(4 << 20)
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

func addrOf(c net.PacketConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func write(t testing.TB, c *net.UDPConn, to netip.AddrPort, msg string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(msg), to); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, c *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	b := make([]byte, 65536)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

func TestUDPEcho(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			h := newEcho()
			l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort(addr)}
			e, _ := serve(t, listeners(on(transport.TCP), l), h)
			c := udpClient(t, addr)
			bound := e.Listener(1).Addr
			write(t, c, bound, "OPTIONS")
			got := h.next(t)
			want := transport.Flow{Protocol: transport.UDP, Listener: 1, Local: bound, Remote: addrOf(c)}
			if got.data != "OPTIONS" || got.flow != want {
				t.Errorf("got %q on %+v, want flow %+v", got.data, got.flow, want)
			}
			if got.at.IsZero() {
				t.Error("packet without time")
			}
			if msg, from := read(t, c); msg != "OPTIONS" || from != bound {
				t.Errorf("echo %q from %s", msg, from)
			}
		})
	}
}

// A burst longer than a batch, over several sockets, comes in order from each
// peer and is answered in full.
func TestUDPBurst(t *testing.T) {
	const peers, each = 4, 60
	h := newEcho()
	l := on(transport.UDP)
	l.Readers, l.Batch = 4, 16
	e, _ := serve(t, listeners(l), h)
	var clients []*net.UDPConn
	for range peers {
		clients = append(clients, udpClient(t, "127.0.0.1:0"))
	}
	for i := range each {
		for _, c := range clients {
			write(t, c, e.Listener(0).Addr, fmt.Sprint(i))
		}
	}
	for _, c := range clients {
		for i := range each {
			if msg, _ := read(t, c); msg != fmt.Sprint(i) {
				t.Fatalf("answer %q, want %d", msg, i)
			}
		}
	}
	eventually(t, "all counted", func() bool { // sent ones are, once the system call is over
		s := e.Stats()[0]
		return s.Received == peers*each && s.Sent == peers*each && s.ReceivedBytes == s.SentBytes
	})
}

// Behind a wildcard, the flow has the address that the datagram was sent to,
// and the answer leaves from it.
func TestUDPWildcard(t *testing.T) {
	for _, tc := range []struct{ bind, client, to string }{
		{"0.0.0.0:0", "127.0.0.1:0", "127.0.0.3"},
		{"[::]:0", "[::1]:0", "::1"},
	} {
		t.Run(tc.bind, func(t *testing.T) {
			h := newEcho()
			l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort(tc.bind), Readers: 2}
			e, _ := serve(t, listeners(l), h)
			c := udpClient(t, tc.client)
			to := netip.AddrPortFrom(netip.MustParseAddr(tc.to), e.Listener(0).Addr.Port())
			write(t, c, to, "hello")
			if got := h.next(t); got.flow.Local != to {
				t.Errorf("local address %s, want %s", got.flow.Local, to)
			}
			if _, from := read(t, c); from != to {
				t.Errorf("answer from %s, want %s", from, to)
			}
			// Without an address of ours the system chooses one.
			flow := transport.Flow{Protocol: transport.UDP, Remote: addrOf(c)}
			if err := e.Send(flow, []byte("new")); err != nil {
				t.Fatal(err)
			}
			if msg, from := read(t, c); msg != "new" || from.Port() != to.Port() {
				t.Errorf("%q from %s", msg, from)
			}
		})
	}
}

// The two families can be bound side by side.
func TestUDPBothWildcards(t *testing.T) {
	e, err := transport.Listen(t.Context(), listeners(
		transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("0.0.0.0:0")}))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	six := netip.AddrPortFrom(netip.IPv6Unspecified(), e.Listener(0).Addr.Port())
	e6, err := transport.Listen(t.Context(), listeners(transport.ListenerConfig{Protocol: transport.UDP, Addr: six}))
	if err != nil {
		t.Fatal(err)
	}
	_ = e6.Close()
}

func TestUDPSizes(t *testing.T) {
	h := newEcho()
	small := on(transport.UDP)
	small.MaxMessage = 1000
	e, _ := serve(t, listeners(on(transport.UDP), small), h)
	c := udpClient(t, "127.0.0.1:0")

	largest := strings.Repeat("x", 65507)
	write(t, c, e.Listener(0).Addr, largest)
	if got := h.next(t); got.data != largest {
		t.Errorf("largest datagram: %d bytes", len(got.data))
	}
	if msg, _ := read(t, c); msg != largest {
		t.Errorf("largest answer: %d bytes", len(msg))
	}
	write(t, c, e.Listener(1).Addr, strings.Repeat("x", 1001))
	write(t, c, e.Listener(1).Addr, strings.Repeat("x", 1000))
	if got := h.next(t); len(got.data) != 1000 {
		t.Errorf("got %d bytes, want the message within the limit", len(got.data))
	}
	if n := e.Stats()[1].Dropped[transport.DropOversize]; n != 1 {
		t.Errorf("%d dropped as oversize", n)
	}
	flow := transport.Flow{Protocol: transport.UDP, Remote: addrOf(c)}
	if err := e.Send(flow, make([]byte, 65508)); !errors.Is(err, transport.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestUDPKeepAlives(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP)), h)
	c := udpClient(t, "127.0.0.1:0")
	for _, k := range []string{"", "\r\n", "\r\n\r\n", "\x00\x00\x00\x00", " "} {
		write(t, c, e.Listener(0).Addr, k)
	}
	write(t, c, e.Listener(0).Addr, "x")
	if got := h.next(t); got.data != "x" {
		t.Errorf("handler saw %q", got.data)
	}
	if s := e.Stats()[0]; s.KeepAlives != 5 || s.Received != 1 {
		t.Errorf("%d keep-alives, %d messages", s.KeepAlives, s.Received)
	}
}

func TestUDPBadFlows(t *testing.T) {
	e, _ := serve(t, listeners(on(transport.UDP), on(transport.TCP)), newEcho())
	there := netip.MustParseAddrPort("127.0.0.1:9")
	for name, flow := range map[string]transport.Flow{
		"zero":         {},
		"no listener":  {Protocol: transport.UDP, Listener: 7, Remote: there},
		"not UDP":      {Protocol: transport.UDP, Listener: 1, Remote: there},
		"other family": {Protocol: transport.UDP, Remote: netip.MustParseAddrPort("[::1]:9")},
		"no port":      {Protocol: transport.UDP, Remote: netip.AddrPortFrom(loopback, 0)},
		"no remote":    {Protocol: transport.UDP},
	} {
		if err := e.Send(flow, []byte("x")); !errors.Is(err, transport.ErrNoListener) {
			t.Errorf("%s: %v", name, err)
		}
		if e.Alive(flow) {
			t.Errorf("%s: alive", name)
		}
	}
	if n := e.Stats()[0].Dropped[transport.DropAddress]; n != 3 {
		t.Errorf("%d dropped for their address", n)
	}
}

// One datagram that the system refuses does not keep back those behind it.
func TestUDPRefusedInBatch(t *testing.T) {
	l := transport.ListenerConfig{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}
	e, _ := serve(t, listeners(l), newEcho())
	c := udpClient(t, "127.0.0.1:0")
	good := transport.Flow{Protocol: transport.UDP, Remote: addrOf(c)}
	bad := transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("192.0.2.1:5060")}
	out := e.Outbox()
	for i, f := range []transport.Flow{good, bad, bad, good} {
		if err := out.Send(f, append(out.Buffer(), byte('0'+i))); err != nil {
			t.Fatal(err)
		}
	}
	out.Flush()
	for _, want := range []string{"0", "3"} {
		if msg, _ := read(t, c); msg != want {
			t.Errorf("got %q, want %q", msg, want)
		}
	}
	if s := e.Stats()[0]; s.Dropped[transport.DropSend] != 2 || s.Sent != 2 {
		t.Errorf("dropped %d, sent %d", s.Dropped[transport.DropSend], s.Sent)
	}
	if err := e.Send(bad, []byte("x")); err == nil {
		t.Error("Send to an address that can't be reached from here: no error")
	}
}

// Messages written into the Outbox's room stay apart, whatever their size.
func TestOutboxBuffer(t *testing.T) {
	e, _ := serve(t, listeners(on(transport.UDP)), newEcho())
	c := udpClient(t, "127.0.0.1:0")
	flow := transport.Flow{Protocol: transport.UDP, Remote: addrOf(c)}
	out := e.Outbox()
	for range 3 {
		var want []string
		for i := range 20 {
			msg := bytes.Repeat([]byte{byte('a' + i)}, 1+i*600)
			want = append(want, string(msg))
			out.Buffer() // not used: must not cost the room
			if err := out.Send(flow, append(out.Buffer(), msg...)); err != nil {
				t.Fatal(err)
			}
		}
		out.Flush()
		for _, w := range want {
			if msg, _ := read(t, c); msg != w {
				t.Fatalf("got %d of %.1q, want %d of %.1q", len(msg), msg, len(w), w)
			}
		}
	}
}
