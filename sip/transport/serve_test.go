package transport_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

func wantAddressInUse(t *testing.T, err error, name string) {
	t.Helper()
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), name) {
		t.Fatalf("error %v, want address in use and %s", err, name)
	}
}

func TestServeOnce(t *testing.T) {
	e, stop := serve(t, listeners(on(transport.UDP)), newEcho())
	eventually(t, "serving", func() bool {
		_, err := e.Dial(t.Context(), 0, transport.TCP, e.Listener(0).Addr)
		return !errors.Is(err, transport.ErrNotServing)
	})
	if err := e.Serve(t.Context(), newEcho()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("second Serve: %v", err)
	}
	_ = e.Close() // changes nothing
	stop()
	if err := e.Send(transport.Flow{Protocol: transport.UDP, Remote: e.Listener(0).Addr}, []byte("x")); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Send after Serve: %v", err)
	}
	if _, err := e.Dial(t.Context(), 0, transport.TCP, e.Listener(0).Addr); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Dial after Serve: %v", err)
	}
}

func TestCloseUnserved(t *testing.T) {
	e, err := transport.Listen(t.Context(), listeners(on(transport.UDP), on(transport.TCP)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Dial(t.Context(), 1, transport.TCP, e.Listener(1).Addr); !errors.Is(err, transport.ErrNotServing) {
		t.Errorf("Dial before Serve: %v", err)
	}
	_ = e.Close()
	_ = e.Close()
	if err := e.Serve(t.Context(), newEcho()); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("Serve after Close: %v", err)
	}
	again := transport.ListenerConfig{Protocol: transport.UDP, Addr: e.Listener(0).Addr}
	e, err = transport.Listen(t.Context(), listeners(again))
	if err != nil {
		t.Fatal(err)
	}
	_ = e.Close()
}

// When Serve ends, what was sent before reaches its peers, and connections in
// every state are closed.
func TestShutdownFlushes(t *testing.T) {
	h := newEcho()
	cfg := listeners(on(transport.TCP), on(transport.WS))
	cfg.Limits.WriteQueue = 64 << 20
	cfg.Timeouts.Drain = patience
	e, stop := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	dialTCP(t, e, 1) // stays in its handshake
	partial := dialTCP(t, e, 0)
	_, _ = io.WriteString(partial, "OPTIONS")
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	readN(t, c, message("1", 0))
	const n = 300
	for i := range n {
		if err := e.Send(flow, []byte(message("q", 60_000+i))); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	for i := range n {
		readN(t, c, message("q", 60_000+i))
	}
	<-stopped
	closedByPeer(t, partial)
	for _, s := range e.Stats() {
		if s.Open != 0 {
			t.Errorf("%s: %d open", s.Name, s.Open)
		}
	}
}

// A peer that reads nothing holds up the end of Serve only for Timeouts.Drain.
func TestShutdownDrainBound(t *testing.T) {
	h := newEcho()
	cfg := listeners(on(transport.TCP))
	cfg.Limits.WriteQueue = 64 << 20
	cfg.Timeouts.Drain = 20 * time.Millisecond
	e, stop := serve(t, cfg, h)
	c := dialTCP(t, e, 0)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	for range 400 {
		_ = e.Send(flow, []byte(message("q", 60_000)))
	}
	stop()
	if s := e.Stats()[0]; s.Closed[transport.CloseShutdown] != 1 {
		t.Errorf("stats %+v", s)
	}
}

// Serve does not return while the handler runs.
func TestServeWaitsForHandler(t *testing.T) {
	entered, leave := make(chan bool, 1), make(chan bool)
	left := false
	h := transport.HandlerFunc(func([]transport.Packet, *transport.Outbox) {
		entered <- true
		<-leave
		left = true
	})
	e, err := transport.Listen(t.Context(), listeners(on(transport.UDP)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, h) }()
	write(t, udpClient(t, "127.0.0.1:0"), e.Listener(0).Addr, "x")
	<-entered
	cancel()
	close(leave)
	if err := <-done; err != nil || !left {
		t.Errorf("Serve returned %v, handler left: %v", err, left)
	}
}

func TestTap(t *testing.T) {
	type tapped struct {
		dir  transport.Direction
		flow transport.Flow
		msg  string
	}
	taps := make(chan tapped, 16)
	cfg := listeners(on(transport.UDP), on(transport.WS), transport.ListenerConfig{
		Protocol: transport.UDP, Addr: netip.MustParseAddrPort("0.0.0.0:0"), Advertised: netip.MustParseAddrPort("192.0.2.1:0"),
	})
	cfg.Tap = func(dir transport.Direction, flow transport.Flow, msg []byte, at time.Time) {
		if at.IsZero() {
			t.Error("tap without time")
		}
		taps <- tapped{dir, flow, string(msg)}
	}
	h := newEcho()
	e, _ := serve(t, cfg, h)
	c := udpClient(t, "127.0.0.1:0")
	write(t, c, e.Listener(0).Addr, "hello")
	read(t, c)
	flow := h.next(t).flow
	for _, want := range []tapped{{transport.Received, flow, "hello"}, {transport.Sent, flow, "hello"}} {
		if got := <-taps; got != want {
			t.Errorf("tap %+v, want %+v", got, want)
		}
	}
	for i, want := range map[uint8]netip.AddrPort{0: e.Listener(0).Addr, 2: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), e.Listener(2).Addr.Port())} {
		if err := e.Send(transport.Flow{Protocol: transport.UDP, Listener: i, Remote: addrOf(c)}, []byte("unasked")); err != nil {
			t.Fatal(err)
		}
		if got := <-taps; got.dir != transport.Sent || got.flow.Local != want {
			t.Errorf("listener %d: tap of a flow without Local %+v, want it to come from %v", i, got, want)
		}
	}
}
