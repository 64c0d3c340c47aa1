package transport_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// serving waits until Dial can be used.
func serving(t testing.TB, e *transport.Endpoint) {
	t.Helper()
	eventually(t, "serving", func() bool {
		_, err := e.Dial(t.Context(), 0, transport.TCP, netip.AddrPortFrom(loopback, 1))
		return !errors.Is(err, transport.ErrNotServing)
	})
}

// peer accepts connections and hands them out.
func peer(t testing.TB) (netip.AddrPort, chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			conns <- c
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for len(conns) > 0 {
			_ = (<-conns).Close()
		}
	})
	return l.Addr().(*net.TCPAddr).AddrPort(), conns
}

// Callers that dial at the same time, and later, share one connection.
func TestDialShares(t *testing.T) {
	addr, conns := peer(t)
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP)), h)
	serving(t, e)
	var wg sync.WaitGroup
	flows := make([]transport.Flow, 20)
	for i := range flows {
		wg.Go(func() {
			var err error
			if flows[i], err = e.Dial(t.Context(), 0, transport.TCP, addr); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c := <-conns
	for _, f := range flows {
		if f != flows[0] || f.Remote != addr || f.Local.Addr() != loopback || f.Generation == 0 {
			t.Fatalf("flows differ or are wrong: %+v, %+v", f, flows[0])
		}
	}
	if err := e.Send(flows[0], []byte(message("1", 0))); err != nil {
		t.Fatal(err)
	}
	readN(t, c, message("1", 0))
	if _, err := c.Write([]byte(message("2", 0))); err != nil {
		t.Fatal(err)
	}
	if got := h.next(t); got.flow != flows[0] {
		t.Errorf("answer on %+v", got.flow)
	}
	// A connection that ended is replaced by a new one, which has another flow.
	_ = c.Close()
	eventually(t, "flow gone", func() bool { return !e.Alive(flows[0]) })
	again, err := e.Dial(t.Context(), 0, transport.TCP, addr)
	if err != nil || again.Generation == flows[0].Generation {
		t.Errorf("new flow %+v, %v", again, err)
	}
	eventually(t, "counted", func() bool { return e.Stats()[0].Dialed == 2 && e.Stats()[0].Open == 1 })
}

func TestDialTLS(t *testing.T) {
	cert, pool := certificate(t, "example.com")
	server := on(transport.TLS)
	server.TLS = secureConfig(cert)
	h := newEcho()
	s, _ := serve(t, listeners(server), h)

	l := on(transport.UDP)
	l.DialTLS = trusting(pool)
	answers := newEcho()
	e, _ := serve(t, listeners(l), answers)
	serving(t, e)
	addr := s.Listener(0).Addr
	byAddress, err := e.Dial(t.Context(), 0, transport.TLS, addr)
	if err != nil {
		t.Fatal(err)
	}
	byName, err := e.Dial(t.Context(), 0, transport.TLS, addr, transport.ServerName("example.com"))
	if err != nil || byName == byAddress {
		t.Fatalf("by name: %+v, %v", byName, err)
	}
	if err := e.Send(byName, []byte(message("1", 0))); err != nil {
		t.Fatal(err)
	}
	h.next(t)
	if got := answers.next(t); got.flow != byName {
		t.Errorf("answer on %+v", got.flow)
	}
	if _, err := e.Dial(t.Context(), 0, transport.TLS, addr, transport.ServerName("example.net")); err == nil {
		t.Error("certificate of another domain accepted")
	}
}

func TestDialFails(t *testing.T) {
	addr, _ := peer(t)
	second, _ := peer(t)
	cfg := listeners(on(transport.UDP))
	cfg.Limits.DialedConnections = 1
	e, _ := serve(t, cfg, newEcho())
	serving(t, e)
	dial := func(p transport.Protocol, to netip.AddrPort) error {
		_, err := e.Dial(t.Context(), 0, p, to)
		return err
	}
	if err := dial(transport.TCP, netip.AddrPortFrom(loopback, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody there: %v", err)
	}
	if err := dial(transport.WS, addr); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("WebSocket: %v", err)
	}
	if err := dial(transport.TCP, netip.MustParseAddrPort("[::1]:5060")); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("other family: %v", err)
	}
	if err := dial(transport.UDP, addr); err != nil {
		t.Errorf("UDP: %v", err)
	}
	if err := dial(transport.TCP, addr); err != nil {
		t.Errorf("TCP: %v", err)
	}
	if err := dial(transport.TCP, second); !errors.Is(err, transport.ErrTooManyConnections) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestDialSilentPeer(t *testing.T) {
	addr, conns := peer(t)
	cfg := listeners(on(transport.UDP))
	cfg.Timeouts.Dial = 30 * time.Millisecond
	e, _ := serve(t, cfg, newEcho())
	serving(t, e)
	if _, err := e.Dial(t.Context(), 0, transport.TLS, addr); err == nil {
		t.Error("TLS with a silent peer succeeded")
	}
	closedByPeer(t, <-conns)
	if s := e.Stats()[0]; s.Open != 0 {
		t.Errorf("%d open", s.Open)
	}
}

// A caller that gives up does not end the attempt of the others.
func TestDialCallerGivesUp(t *testing.T) {
	addr, _ := peer(t)
	e, _ := serve(t, listeners(on(transport.UDP)), newEcho())
	serving(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Dial(ctx, 0, transport.TLS, addr); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
