//go:build !race

package transport_test

import (
	"io"
	"testing"

	"github.com/class5-go/class5/sip/transport"
)

// tally passes on how many messages came.
type tally chan int

func (c tally) ServeSIP(batch []transport.Packet, _ *transport.Outbox) { c <- len(batch) }

// Carrying messages allocates nothing, in either direction, as long as they are
// not cut across reads of a stream.
func TestAllocations(t *testing.T) {
	const batch = 32
	server, _ := serve(t, listeners(on(transport.UDP), on(transport.TCP)), mirror{})
	count := make(tally, 1024)
	client, _ := serve(t, listeners(on(transport.UDP)), count)
	out := client.Outbox()
	msg := []byte(message("alloc", 400))

	flow := transport.Flow{Protocol: transport.UDP, Remote: server.Listener(0).Addr}
	udp := testing.AllocsPerRun(200, func() {
		for range batch {
			_ = out.Send(flow, append(out.Buffer(), msg...))
		}
		out.Flush()
		for n := 0; n < batch; n += <-count {
		}
	})
	c := dialTCP(t, server, 1)
	buf := make([]byte, len(msg))
	tcp := testing.AllocsPerRun(200, func() {
		_, _ = c.Write(msg)
		_, _ = io.ReadFull(c, buf)
	})
	single := testing.AllocsPerRun(200, func() { _ = client.Send(flow, msg) })
	for name, allocs := range map[string]float64{"UDP echo": udp / batch, "TCP echo": tcp, "Send": single} {
		if allocs > 0.1 {
			t.Errorf("%s: %.2f allocations a message", name, allocs)
		}
	}
}
