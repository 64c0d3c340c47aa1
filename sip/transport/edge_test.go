package transport_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/coder/websocket"
)

const announced = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xcb\x00\x71\x07\x13\xc4\x13\xc5"

// A balancer that is listed announces its clients, before TLS if there is any;
// nobody else does.
func TestProxyProtocol(t *testing.T) {
	client := netip.MustParseAddrPort("192.0.2.1:5060")
	for _, p := range []transport.Protocol{transport.TCP, transport.TLS} {
		l, cfg := secure(t)
		l.Protocol, l.ProxyFrom = p, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		h := newEcho()
		e, _ := serve(t, listeners(l), h)
		c := dialTCP(t, e, 0)
		_, _ = io.WriteString(c, announced)
		var rw io.ReadWriter = c
		if p == transport.TLS {
			cfg.ServerName = "127.0.0.1"
			rw = tls.Client(c, cfg)
		}
		_, _ = io.WriteString(rw, message("1", 0))
		flow := h.next(t).flow
		readN(t, rw, message("1", 0))
		info, alive := e.Peer(flow)
		if flow.Remote != client || !alive || info.Proxy.String() != c.LocalAddr().String() || info.Destination.String() != "203.0.113.7:5061" {
			t.Errorf("%s: flow %+v, peer %+v", p, flow, info)
		}
		bare := dialTCP(t, e, 0)
		_, _ = io.WriteString(bare, message("2", 0))
		closedByPeer(t, bare)
		eventually(t, "counted", func() bool { return e.Stats()[0].Closed[transport.CloseProxy] == 1 })
	}
	l := on(transport.TCP)
	l.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	e, _ := serve(t, listeners(l), newEcho())
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, announced+message("1", 0))
	closedByPeer(t, c)
	eventually(t, "taken for nonsense", func() bool { return e.Stats()[0].Closed[transport.CloseFraming] == 1 })
}

// The announced client is held to the limits of its own address.
func TestProxyProtocolLimits(t *testing.T) {
	l := on(transport.TCP)
	l.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg := listeners(l)
	cfg.Limits.ConnectionsPerSource = 1
	h := newEcho()
	e, _ := serve(t, cfg, h)
	first := dialTCP(t, e, 0)
	_, _ = io.WriteString(first, announced+message("1", 0))
	h.next(t)
	second := dialTCP(t, e, 0)
	_, _ = io.WriteString(second, announced+message("2", 0))
	closedByPeer(t, second)
	third := dialTCP(t, e, 0)
	_, _ = io.WriteString(third, strings.Replace(announced, "\xc0\x00\x02\x01", "\xc0\x00\x02\x02", 1)+message("3", 0))
	h.next(t)
	if n := e.Stats()[0].Closed[transport.CloseSourceLimit]; n != 1 {
		t.Errorf("%d refused for their source", n)
	}
}

// Handshakes of one source are limited by rate, connections without are not.
func TestHandshakeRate(t *testing.T) {
	l, client := secure(t)
	cfg := listeners(l, on(transport.TCP))
	cfg.Limits.HandshakeRatePerSource = 1
	e, _ := serve(t, cfg, newEcho())
	for range 4 {
		dialTLS(t, e, client)
	}
	if c, err := net.Dial("tcp", e.Listener(0).Addr.String()); err == nil { // or reset at once
		closedByPeer(t, c)
		_ = c.Close()
	}
	eventually(t, "fifth refused", func() bool { return e.Stats()[0].Closed[transport.CloseHandshakeRate] == 1 })
	c := dialTCP(t, e, 1)
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
}

// The pace of accepting and of handshakes holds clients up and turns none away.
func TestPace(t *testing.T) {
	l, client := secure(t)
	cfg := listeners(l)
	cfg.Limits.AcceptRate, cfg.Limits.HandshakeRate = 50, 25
	e, _ := serve(t, cfg, newEcho())
	start := time.Now()
	for range 30 {
		dialTLS(t, e, client)
	}
	if d := time.Since(start); d < 150*time.Millisecond { // 5 more than a second's worth
		t.Errorf("30 handshakes in %v", d)
	}
	if s := e.Stats()[0]; s.Accepted != 30 || s.Open != 30 {
		t.Errorf("stats %+v", s)
	}
}

// The server pings a silent WebSocket client; one that answers stays, one that
// does not goes.
func TestWebSocketServerPings(t *testing.T) {
	l := on(transport.WS)
	l.Ping = 20 * time.Millisecond
	cfg := listeners(l)
	cfg.Timeouts.First = 20 * time.Millisecond * 10
	e, _ := serve(t, cfg, newEcho())
	alive := dialWS(t, e, http.DefaultClient)
	deaf := dialWS(t, e, http.DefaultClient)
	for _, c := range []*websocket.Conn{alive, deaf} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message("1", 0))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan string, 1)
	go func() { // the library answers pings while it reads
		_, b, _ := alive.Read(t.Context())
		got <- string(b)
	}()
	eventually(t, "the deaf one closed", func() bool { return e.Stats()[0].Closed[transport.CloseIdle] == 1 })
	if err := alive.Write(t.Context(), websocket.MessageText, []byte(message("2", 0))); err != nil {
		t.Fatal(err)
	}
	if b := <-got; b != message("2", 0) {
		t.Errorf("got %q", b)
	}
}

// Peers that begin and never end: bytes that trickle in don't prolong a message
// nor a TLS record, and what is held is never more than configured.
func TestSlowLoris(t *testing.T) {
	const clients, memory = 500, 4 << 20
	frame := append([]byte{0x81, 0x80 | 126, 0xff, 0x00, 0, 0, 0, 0}, bytes.Repeat([]byte("x"), 40<<10)...)
	for _, tc := range []struct {
		name  string
		proto transport.Protocol
		start []byte // of something that takes as much memory as it may
		cause transport.Close
	}{
		{"message", transport.TCP, []byte(message("loris", 60<<10)[:50<<10]), transport.CloseMemory},
		{"head", transport.TCP, []byte("OPTIONS sip:a SIP/2.0\r\nA: "), transport.ClosePartial},
		{"frame", transport.WS, frame, transport.CloseMemory},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := listeners(on(tc.proto))
			cfg.Limits = transport.Limits{StreamMemory: memory, HandshakeRatePerSource: -1}
			cfg.Timeouts.Partial = 300 * time.Millisecond
			e, _ := serve(t, cfg, newEcho())
			conns := make([]net.Conn, clients)
			for i := range conns {
				conns[i] = dialTCP(t, e, 0)
				if tc.proto == transport.WS {
					upgradeWS(t, conns[i])
				}
				_, _ = conns[i].Write(tc.start)
			}
			eventually(t, "all closed", func() bool {
				for _, c := range conns {
					_, _ = c.Write([]byte("x"))
				}
				return e.Stats()[0].Open == 0
			})
			s := e.Stats()[0]
			if s.Closed[tc.cause] == 0 || s.Closed[transport.CloseMemory]+s.Closed[transport.ClosePartial]+s.Closed[transport.ClosePeer] != clients {
				t.Errorf("closed %v", s.Closed)
			}
			if e.StreamMemory() != 0 {
				t.Errorf("%d bytes still charged", e.StreamMemory())
			}
		})
	}
}

// upgradeWS makes a WebSocket by hand.
func upgradeWS(t testing.TB, c net.Conn) {
	t.Helper()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n")
	b := make([]byte, 0, 512)
	for !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		n, err := c.Read(b[len(b):cap(b)])
		if err != nil {
			t.Fatal(err)
		}
		b = b[:len(b)+n]
	}
}

// A TLS record that does not end is a message that does not end.
func TestSlowRecord(t *testing.T) {
	l, client := secure(t)
	cfg := listeners(l)
	cfg.Timeouts = transport.Timeouts{Partial: 50 * time.Millisecond}
	e, _ := serve(t, cfg, newEcho())
	raw := dialTCP(t, e, 0)
	client.ServerName = "127.0.0.1"
	c := tls.Client(raw, client)
	_, _ = io.WriteString(c, message("1", 0))
	readN(t, c, message("1", 0))
	_, _ = raw.Write([]byte{23, 3, 3, 0x40, 0x00, 'x'})
	eventually(t, "closed in time", func() bool {
		_, _ = raw.Write([]byte("x"))
		return e.Stats()[0].Closed[transport.ClosePartial] == 1
	})
}

// Fragments without end, each of nothing, end all the same.
func TestWebSocketFragmentBomb(t *testing.T) {
	e, _ := serve(t, listeners(on(transport.WS)), newEcho())
	c := dialTCP(t, e, 0)
	upgradeWS(t, c)
	_, _ = c.Write([]byte{0x01, 0x80, 0, 0, 0, 0})
	_, _ = c.Write(bytes.Repeat([]byte{0x00, 0x80, 0, 0, 0, 0}, 2000))
	closedByPeer(t, c)
	eventually(t, "counted", func() bool { return e.Stats()[0].Closed[transport.CloseFraming] == 1 })
}

// Half handshakes are as many as may be, and end in time.
func TestHalfHandshakes(t *testing.T) {
	l, _ := secure(t)
	cfg := listeners(l)
	cfg.Limits = transport.Limits{Handshakes: 50, HandshakeRatePerSource: -1}
	cfg.Timeouts.Handshake = 300 * time.Millisecond
	e, _ := serve(t, cfg, newEcho())
	for range 100 {
		if c, err := net.Dial("tcp", e.Listener(0).Addr.String()); err == nil { // or reset at once
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1})
			defer c.Close()
		}
	}
	eventually(t, "all closed", func() bool {
		s := e.Stats()[0]
		return s.Closed[transport.CloseHandshake]+s.Closed[transport.CloseHandshakeLimit] == 100 && s.Open == 0
	})
}
