package relay_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
)

// TestHandOverInPause: a pause that is filled is filled on by the relay that takes
// the call, although the source says nothing to it: a packet each 20 ms, none
// twice, numbers and timestamps of one stream.
func TestHandOverInPause(t *testing.T) {
	for _, buffer := range []time.Duration{0, 60 * time.Millisecond} {
		t.Run(fmt.Sprint("buffer of ", buffer), func(t *testing.T) {
			var cfg relay.Config
			g := newRig(t, func(c *relay.Config) {
				c.Pauses.After, c.JitterBuffer = 10*time.Millisecond, buffer
				cfg = *c
			})
			a, b := &speaker{party: g.party("a", "127.0.1.1"), pt: 8}, &speaker{party: g.party("b", "127.0.2.1"), pt: 0}
			a.seq = 65400
			out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", SDP: a.only(8),
				Options: bridge.Options{Codec: bridge.CodecOptions{Transcode: []string{"PCMU"}}}})
			if err == nil {
				out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: b.only(0)})
			}
			if err != nil {
				t.Fatal(err)
			}
			a.party.heard(out)
			var listening sync.WaitGroup
			listening.Go(b.listen)
			defer listening.Wait()
			defer func() { _ = b.rtp.Close() }()
			g.clock.stop()
			for i := range uint64(10) { // each 10 ms before it is to be played
				a.speak()
				g.eventually("the relay has the packet", func() bool { return g.Totals().Transcoded == i+1 })
				g.clock.advance(20 * time.Millisecond)
				if i == 0 {
					g.clock.advance(-10 * time.Millisecond)
				}
			}
			n := 10
			hears := func(what string) {
				g.clock.advance(20 * time.Millisecond)
				n++
				g.eventually(fmt.Sprint("packet ", n, ", ", what), func() bool { return b.count() == n })
			}
			for range 20 {
				hears("filled")
			}
			for i := range 3 {
				g.handedOver(cfg)
				for range 20 {
					hears(fmt.Sprint("filled after hand-over ", i+1))
				}
			}
			if g.Totals().Transcoded != 0 { // by this relay
				t.Error("the source spoke")
			}
			b.unbroken("in the pause", n, true)
		})
	}
}
