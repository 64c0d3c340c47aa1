//go:build linux

package transport_test

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/class5-go/class5/sip/transport"
)

// The kernel tells of what has come once only. What came while a batch was handled,
// more than one read takes, is handled though nothing comes afterwards.
func TestManyToldOnce(t *testing.T) {
	const many = 150
	l := on(transport.UDP)
	l.Batch = 32
	h := newEcho()
	inbox, receive := gate(h)
	e, _ := serve(t, listeners(l), inbox)
	c := udpClient(t, "127.0.0.1:0")
	write(t, c, e.Listener(0).Addr, "first")
	receive(func() {
		for i := range many {
			write(t, c, e.Listener(0).Addr, fmt.Sprintf("message %d", i))
		}
	})
	h.next(t)
	for i := range many {
		if got := h.next(t).data; got != fmt.Sprintf("message %d", i) {
			t.Fatalf("message %d: %q", i, got)
		}
	}
}

// More errors than are read at once, with messages among them: each is told, and
// no message waits for the next one.
func TestErrorsToldOnce(t *testing.T) {
	const many = 200
	nobody := udpClient(t, "127.0.0.1:0")
	dead := addrOf(nobody)
	_ = nobody.Close()
	l := on(transport.UDP)
	l.Internal = true
	cfg := listeners(l)
	var told atomic.Int32
	cfg.Unreachable = func(_ uint8, to netip.AddrPort) {
		if to == dead {
			told.Add(1)
		}
	}
	h := newEcho()
	inbox, receive := gate(h)
	e, _ := serve(t, cfg, inbox)
	c := udpClient(t, "127.0.0.1:0")
	write(t, c, e.Listener(0).Addr, "first")
	lost := 0
	receive(func() {
		for i := range many {
			// An error that waits may be told to the next send, and that is tried again.
			if err := e.Send(transport.Flow{Protocol: transport.UDP, Remote: dead}, []byte("anybody?")); err != nil {
				lost++
			}
			write(t, c, e.Listener(0).Addr, fmt.Sprintf("message %d", i))
		}
	})
	h.next(t)
	for i := range many {
		if got := h.next(t).data; got != fmt.Sprintf("message %d", i) {
			t.Fatalf("message %d: %q", i, got)
		}
	}
	eventually(t, fmt.Sprintf("errors told, all but %d", lost), func() bool { return int(told.Load()) >= many-lost })
}

// gate holds up the handling of the first batch. receive waits for that batch,
// calls what is to happen meanwhile, and lets it go.
func gate(h transport.Handler) (gated transport.Handler, receive func(meanwhile func())) {
	entered, leave := make(chan bool), make(chan bool)
	first := true
	gated = transport.HandlerFunc(func(batch []transport.Packet, out *transport.Outbox) {
		if first {
			first = false
			entered <- true
			<-leave
		}
		h.ServeSIP(batch, out)
	})
	return gated, func(meanwhile func()) {
		<-entered
		meanwhile()
		leave <- true
	}
}
