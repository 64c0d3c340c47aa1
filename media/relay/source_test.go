package relay_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// TestStrictSource: who continues a silent stream from elsewhere is let in,
// unless that is forbidden.
func TestStrictSource(t *testing.T) {
	for name, strict := range map[string]bool{"off": false, "on": true} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b, moved := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("m", "127.0.0.9")
			g.offer(a, b, relay.OfferRequest{StrictSource: strict})
			g.answer(a, b, relay.AnswerRequest{})
			for range 5 {
				g.talk(a, b)
			}
			g.clock.advance(10 * time.Second)
			p := a.sendFrom(moved.rtp, a.to)
			if strict {
				b.silent()
			} else {
				b.gets(p)
			}
		})
	}
}

// TestNATWait: a party that has sent nothing is sent nothing.
func TestNATWait(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{NATWait: true})
	g.answer(a, b, relay.AnswerRequest{})
	a.send()
	b.silent()
	a.gets(b.send())
	b.gets(a.send())
}
