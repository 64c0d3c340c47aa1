//go:build linux

package transport

import (
	"context"
	"net"
	"net/netip"
	"testing"
)

// The sockets of a listener share the work, although the first was bound
// without sharing.
func TestReadersShare(t *testing.T) {
	e, err := Listen(t.Context(), Config{Listeners: []ListenerConfig{
		{Protocol: UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0"), Readers: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen, done := make(chan int, 256), make(chan error, 1)
	go func() {
		done <- e.Serve(ctx, HandlerFunc(func(batch []Packet, _ *Outbox) { seen <- len(batch) }))
	}()
	const sources = 64
	for range sources {
		c, err := net.Dial("udp", e.Listener(0).Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write([]byte("x"))
		_ = c.Close()
	}
	for n := 0; n < sources; n += <-seen {
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	busy := 0
	for _, s := range e.listeners[0].udp {
		if s.counters.received.Load() > 0 {
			busy++
		}
	}
	if busy < 2 {
		t.Errorf("%d of 4 sockets received", busy)
	}
}
