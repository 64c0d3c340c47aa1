package transport_test

import (
	"sync/atomic"
	"testing"

	"github.com/class5-go/class5/sip/transport"
)

// What comes while a flooded worker leaves its sockets alone is read afterwards,
// and answered.
func TestFloodLosesNothing(t *testing.T) {
	var refused atomic.Int64
	echo := newEcho()
	e, _ := serve(t, listeners(on(transport.UDP)), transport.HandlerFunc(func(batch []transport.Packet, out *transport.Outbox) {
		good := batch[:0]
		for _, p := range batch {
			if string(p.Data) != "garbage" {
				good = append(good, p)
			}
		}
		refused.Add(int64(len(batch) - len(good)))
		out.Refused(len(batch) - len(good))
		if len(good) > 0 {
			echo.ServeSIP(good, out)
		}
	}))
	c := udpClient(t, "127.0.0.1:0")
	to := e.Listener(0).Addr
	const rounds, each = 20, 100
	for range rounds {
		for range each {
			write(t, c, to, "garbage")
		}
		write(t, c, to, "hello")
		b := make([]byte, 100)
		if n, err := c.Read(b); err != nil || string(b[:n]) != "hello" {
			t.Fatalf("%q, %v", b[:n], err)
		}
	}
	eventually(t, "all garbage is read", func() bool { return refused.Load() == rounds*each })
}
