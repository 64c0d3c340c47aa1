package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/class5-go/class5/media/internal/udploop"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// packetBench is a call whose caller's packets can be handed over without a
// network.
func packetBench(tb testing.TB) (h udploop.Handler, batch []udploop.Packet) {
	tb.Helper()
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}, PortMin: 20000, PortMax: 59999})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = r.Run(ctx) // closes the sockets
	})
	source := addrPort("192.0.2.1:4000")
	if _, err := r.Offer(tb.Context(), relay.OfferRequest{CallID: "c", FromTag: "a", SDP: benchSDP(source)}); err != nil {
		tb.Fatal(err)
	}
	if _, err := r.Answer(tb.Context(), relay.AnswerRequest{CallID: "c", FromTag: "a", ToTag: "b", SDP: benchSDP(source)}); err != nil {
		tb.Fatal(err)
	}
	data := append(rtpwire.Header{PayloadType: 8}.Append(nil), make([]byte, 160)...)
	return relay.FirstPort(r, "c"), []udploop.Packet{{Data: data, From: source}}
}

func TestAllocPacket(t *testing.T) {
	h, batch := packetBench(t)
	var out udploop.Outbox
	now := time.Now()
	good := batch[0]
	for name, p := range map[string]udploop.Packet{
		"forwarded": good,
		"foreign":   {Data: good.Data, From: addrPort("198.51.100.66:9")},
		"malformed": {Data: []byte{0x80, 1, 2}, From: good.From},
		"RTCP":      {Data: []byte{0x80, 201, 0, 1, 1, 2, 3, 4}, From: good.From},
	} {
		batch[0] = p
		if n := testing.AllocsPerRun(200, func() {
			h.HandlePackets(batch, now, &out)
			out.Reset()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkPacket is the relay's own work for a packet, without the network.
func BenchmarkPacket(b *testing.B) {
	h, batch := packetBench(b)
	var out udploop.Outbox
	now := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch[0].Data[2], batch[0].Data[3] = byte(i>>8), byte(i)
		h.HandlePackets(batch, now, &out)
		if out.Len() == 0 {
			b.Fatal("not forwarded")
		}
		out.Reset()
	}
}
