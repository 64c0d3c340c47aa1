package udploop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	v4 = netip.MustParseAddrPort("127.0.0.1:0")
	v6 = netip.MustParseAddrPort("[::1]:0")
)

// echo sends everything back and counts.
type echo struct {
	socket    atomic.Pointer[udploop.Socket]
	count     atomic.Int64
	truncated atomic.Int64
}

func (e *echo) HandlePackets(packets []udploop.Packet, now time.Time, out *udploop.Outbox) {
	for _, p := range packets {
		e.count.Add(1)
		if p.Truncated {
			e.truncated.Add(1)
		}
		out.Add(e.socket.Load(), p.Data, p.From)
	}
	if out.Len() != len(packets) || now.IsZero() {
		panic("outbox or time")
	}
}

// both runs a test with each implementation.
func both(t *testing.T, test func(t *testing.T, g *udploop.Group)) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprintf("portable=%v", portable), func(t *testing.T) {
			g := udploop.New(udploop.Config{Portable: portable, Loops: 2, Linger: 100 * time.Microsecond})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- g.Run(ctx) }()
			test(t, g)
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}

func listenEcho(t *testing.T, l *udploop.Loop, at netip.AddrPort) (*echo, *udploop.Socket) {
	t.Helper()
	e := &echo{}
	s, err := l.Listen(at, 184, e)
	if err != nil {
		t.Fatal(err)
	}
	e.socket.Store(s)
	return e, s
}

func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func TestEcho(t *testing.T) {
	both(t, func(t *testing.T, g *udploop.Group) {
		for _, at := range []netip.AddrPort{v4, v6} {
			_, s := listenEcho(t, g.Loop(), at)
			if s.LocalAddr().Port() == 0 || s.LocalAddr().Addr() != at.Addr() {
				t.Fatalf("local address %v", s.LocalAddr())
			}
			c := dial(t, s.LocalAddr())
			buf := make([]byte, 4096)
			for i := range 50 { // bursts larger than a batch
				for k := range 20 {
					_, _ = c.Write([]byte{byte(i), byte(k)})
				}
				for k := range 20 {
					n, err := c.Read(buf)
					if err != nil || !bytes.Equal(buf[:n], []byte{byte(i), byte(k)}) {
						t.Fatalf("burst %d packet %d: %x, %v", i, k, buf[:n], err)
					}
				}
			}
			s.Close()
			s.Close()
			if err := s.Send([]byte{1}, v4); !errors.Is(err, udploop.ErrClosed) {
				t.Errorf("send after close: %v", err)
			}
		}
		// Packets are counted when they are gone; the last may have come first.
		for range 1000 {
			if g.Counters().Sent == 2000 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if n := g.Counters(); n.Received != 2000 || n.Sent != 2000 || n.SendErrors != 0 || n.Rounds == 0 {
			t.Errorf("%+v", n)
		}
	})
}

// TestFlood: more packets than are read at once, and nothing behind them that
// could bring the rest along.
func TestFlood(t *testing.T) {
	both(t, func(t *testing.T, g *udploop.Group) {
		_, s := listenEcho(t, g.Loop(), v4)
		c := dial(t, s.LocalAddr())
		_ = c.SetReadBuffer(1 << 20)
		buf := make([]byte, 64)
		for range 20 {
			for k := range 100 {
				_, _ = c.Write([]byte{byte(k)})
			}
			for k := range 100 {
				n, err := c.Read(buf)
				if err != nil || !bytes.Equal(buf[:n], []byte{byte(k)}) {
					t.Fatalf("packet %d: %x, %v", k, buf[:n], err)
				}
			}
		}
	})
}

func TestSizes(t *testing.T) {
	both(t, func(t *testing.T, g *udploop.Group) {
		e, s := listenEcho(t, g.Loop(), v4)
		c := dial(t, s.LocalAddr())
		buf := make([]byte, 8192)
		for _, size := range []int{0, 1, udploop.MaxPacket, udploop.MaxPacket + 1, 5000} {
			_, _ = c.Write(make([]byte, size))
			if n, err := c.Read(buf); err != nil || n != min(size, udploop.MaxPacket) {
				t.Fatalf("size %d: %d, %v", size, n, err)
			}
		}
		if e.truncated.Load() != 2 {
			t.Errorf("truncated %d", e.truncated.Load())
		}
	})
}

func TestSendErrors(t *testing.T) {
	both(t, func(t *testing.T, g *udploop.Group) {
		_, s := listenEcho(t, g.Loop(), v4)
		for _, to := range []netip.AddrPort{netip.MustParseAddrPort("[::1]:9"), {}} {
			if err := s.Send([]byte("x"), to); err == nil {
				t.Errorf("sent to %v", to)
			}
		}
		if g.Counters().SendErrors != 2 {
			t.Errorf("%+v", g.Counters())
		}
		if _, err := g.Loop().Listen(s.LocalAddr(), 0, &echo{}); err == nil {
			t.Error("bound twice")
		}
	})
}

// TestChurn opens and closes sockets while packets flow; slots and descriptors
// are reused, and no packet reaches another socket's handler.
func TestChurn(t *testing.T) {
	both(t, func(t *testing.T, g *udploop.Group) {
		buf := make([]byte, 64)
		for i := range 200 {
			_, s := listenEcho(t, g.Loop(), v4)
			c := dial(t, s.LocalAddr())
			msg := fmt.Appendf(nil, "packet %d", i)
			_, _ = c.Write(msg)
			if n, err := c.Read(buf); err != nil || !bytes.Equal(buf[:n], msg) {
				t.Fatalf("%d: %q %v", i, buf[:n], err)
			}
			_, _ = c.Write(msg) // one more on its way while it closes
			s.Close()
			_ = c.Close()
		}
	})
}

func TestLoopsFillOneByOne(t *testing.T) {
	g := udploop.New(udploop.Config{Loops: 2})
	a := g.Loop()
	_, s := listenEcho(t, a, v4)
	if g.Loop() != a {
		t.Error("second loop used too early")
	}
	s.Close() // before Run: at once
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, err := a.Listen(v4, 0, &echo{}); !errors.Is(err, udploop.ErrClosed) {
		t.Errorf("listen after the end: %v", err)
	}
}
