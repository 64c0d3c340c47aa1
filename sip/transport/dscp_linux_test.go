//go:build linux

package transport

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An accepted connection is marked like its listener.
func TestAcceptedDSCP(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := ListenerConfig{Protocol: TCP, Addr: netip.MustParseAddrPort(addr), DSCP: 46}
		e, err := Listen(t.Context(), Config{Listeners: []ListenerConfig{l}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done, got := make(chan error, 1), make(chan Flow, 1)
		go func() {
			done <- e.Serve(ctx, HandlerFunc(func(b []Packet, _ *Outbox) { got <- b[0].Flow }))
		}()
		c, err := net.Dial("tcp", e.Listener(0).Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n")
		select {
		case flow := <-got:
			level, option := unix.IPPROTO_IP, unix.IP_TOS
			if flow.Remote.Addr().Is6() {
				level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
			}
			s := &e.conns.find(&flow).sock
			s.mu.Lock()
			class, err := unix.GetsockoptInt(s.fd, level, option)
			s.mu.Unlock()
			if err != nil || class != 46<<2 {
				t.Errorf("%s: traffic class %d, %v", addr, class, err)
			}
		case <-time.After(10 * time.Second):
			t.Error("no message")
		}
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
