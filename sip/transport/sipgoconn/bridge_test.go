package sipgoconn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/transport/sipgoconn"
)

var errBroken = errors.New("broken")

// broken is a server that serves nothing.
type broken struct{}

func (broken) ServeUDP(net.PacketConn) error { return errBroken }
func (broken) ServeTCP(net.Listener) error   { return errBroken }
func (broken) ServeTLS(net.Listener) error   { return errBroken }

const options = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"

// bridge serves an endpoint of UDP on all addresses and TCP.
func bridge(t *testing.T) (*transport.Endpoint, *sipgoconn.Bridge) {
	t.Helper()
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("0.0.0.0:0")},
		{Protocol: transport.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := sipgoconn.New(e)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, b) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, b.Close()); err != nil {
			t.Error(err)
		}
	})
	return e, b
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func accept(t *testing.T, b *sipgoconn.Bridge) net.Conn {
	t.Helper()
	l, err := b.Listener(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// Behind a wildcard, the answer leaves from the address asked.
func TestPacketConn(t *testing.T) {
	e, b := bridge(t)
	p, err := b.PacketConn(0)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), e.Listener(0).Addr.Port())
	c := dial(t, "udp", to.String()) // connected: takes no answer from elsewhere
	_, _ = io.WriteString(c, options)
	buf := make([]byte, 10)
	n, from, err := p.ReadFrom(buf)
	if err != nil || string(buf[:n]) != options[:10] || from.String() != c.LocalAddr().String() {
		t.Fatalf("%q from %v, %v", buf[:n], from, err)
	}
	if n, err := p.WriteTo([]byte("answer"), from); err != nil || n != 6 {
		t.Fatal(n, err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	if _, err := p.WriteTo([]byte("x"), &net.TCPAddr{}); err == nil {
		t.Error("sent to a TCP address")
	}
	if _, err := p.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv6loopback, Port: 9}); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("other family: %v", err)
	}
	_ = p.SetReadDeadline(time.Now().Add(-time.Second))
	if _, _, err := p.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	_ = p.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, _, err := p.ReadFrom(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	_ = p.Close()
	if _, _, err := p.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestConn(t *testing.T) {
	e, b := bridge(t)
	c := dial(t, "tcp", e.Listener(1).Addr.String())
	_, _ = io.WriteString(c, options+options)
	s := accept(t, b)
	buf := make([]byte, 2*len(options))
	if _, err := io.ReadFull(s, buf[:7]); err != nil || string(buf[:7]) != "OPTIONS" {
		t.Fatalf("%q, %v", buf[:7], err)
	}
	if _, err := io.ReadFull(s, buf[7:]); err != nil || string(buf) != options+options {
		t.Fatalf("%q, %v", buf, err)
	}
	if s.RemoteAddr().String() != c.LocalAddr().String() || s.LocalAddr().String() != c.RemoteAddr().String() {
		t.Errorf("%v and %v", s.LocalAddr(), s.RemoteAddr())
	}
	if _, err := io.WriteString(s, options); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf[:len(options)]); err != nil || string(buf[:len(options)]) != options {
		t.Errorf("%q, %v", buf, err)
	}
	_ = c.Close()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := io.WriteString(s, options); errors.Is(err, transport.ErrFlowGone) {
			break
		}
	}
	if _, err := s.Read(buf); !errors.Is(err, io.EOF) {
		t.Errorf("read of a connection that is gone: %v", err)
	}
}

// Connections that nobody writes to end too, once there are many.
func TestBuried(t *testing.T) {
	e, b := bridge(t)
	c := dial(t, "tcp", e.Listener(1).Addr.String())
	_, _ = io.WriteString(c, options)
	s := accept(t, b)
	_, _ = io.ReadFull(s, make([]byte, len(options)))
	_ = c.Close()
	for e.Stats()[1].Open > 0 {
		time.Sleep(time.Millisecond)
	}
	for range 70 {
		c := dial(t, "tcp", e.Listener(1).Addr.String())
		_, _ = io.WriteString(c, options)
		_ = accept(t, b)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read: %v", err)
	}
}

func TestDropped(t *testing.T) {
	e, b := bridge(t)
	c := dial(t, "tcp", e.Listener(1).Addr.String())
	for range 20_000 {
		if _, err := io.WriteString(c, options); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); b.Dropped() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if b.Dropped() == 0 {
		t.Error("nothing dropped")
	}
	s := accept(t, b)
	n := 0
	buf := make([]byte, 4096)
	_ = s.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	for {
		k, err := s.Read(buf)
		if n += k; err != nil {
			break
		}
	}
	if n == 0 || n%len(options) != 0 {
		t.Errorf("%d bytes, which are no whole messages", n)
	}
}

func TestNoSuchListener(t *testing.T) {
	_, b := bridge(t)
	if _, err := b.PacketConn(1); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("PacketConn of TCP: %v", err)
	}
	if _, err := b.Listener(0); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("Listener of UDP: %v", err)
	}
}
