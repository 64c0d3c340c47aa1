package relay_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// TestHandOverWaiting: what is in a jitter buffer when a session is handed over
// is played by the relay that goes on, and by this one when none does.
func TestHandOverWaiting(t *testing.T) {
	for name, stays := range map[string]bool{"moves": false, "stays": true} {
		t.Run(name, func(t *testing.T) {
			var cfg relay.Config
			g := newRig(t, func(c *relay.Config) {
				c.JitterBuffer = 100 * time.Millisecond
				cfg = *c
			})
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: a.sdp(),
				Options: bridge.Options{Codec: bridge.CodecOptions{Mask: []string{"all"}, Transcode: []string{"L16/8000"}}}})
			if err != nil {
				t.Fatal(err)
			}
			pt := b.heard(out).Media(0).Formats()[0]
			answer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP %[3]s\r\na=rtpmap:%[3]s L16/8000\r\n", b.addr.Addr(), b.addr.Port(), pt)
			if out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: []byte(answer)}); err != nil {
				t.Fatal(err)
			}
			a.heard(out)
			g.clock.stop()
			for n := range 5 { // at once: four wait
				a.raw(a.rtp, a.to, a.audio(8, byte(0x20+n)))
			}
			g.eventually("all have come", func() bool { return g.Totals().Packets == 5 })
			next, err := relay.New(cfg, relay.WithClock(g.clock.now))
			if err != nil {
				t.Fatal(err)
			}
			arrivals, waiting := next.Arrivals(), 0
			held, err := g.Suspend(t.Context(), func(h relay.Handed) error {
				for _, w := range h.Waiting {
					waiting += len(w.Packets)
				}
				if stays {
					return nil
				}
				return arrivals.Take(t.Context(), moved(t, h))
			})
			if err != nil {
				t.Fatal(err)
			}
			if waiting != 4 {
				t.Errorf("%d packets wait", waiting)
			}
			if stays {
				if err := held.Resume(); err != nil {
					t.Fatal(err)
				}
			} else {
				held.Leave()
			}
			g.clock.resume()
			running, end := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- next.Run(running) }()
			t.Cleanup(func() { end(); <-done })
			var first rtpwire.Header
			for n := range 5 {
				h, payload, ok := rtpwire.Parse(b.receive())
				want, _ := codec.ALaw{}.Decode(nil, []byte{byte(0x20 + n)})
				if !ok || len(payload) != 320 || int16(binary.BigEndian.Uint16(payload[160:])) != want[0] {
					t.Fatalf("packet %d: %+v %x", n, h, payload)
				}
				if n == 0 {
					first = h
				}
				if h.SSRC != first.SSRC || h.Sequence != first.Sequence+uint16(n) || h.Timestamp != first.Timestamp+uint32(160*n) {
					t.Errorf("packet %d: %+v behind %+v", n, h, first)
				}
			}
		})
	}
}
