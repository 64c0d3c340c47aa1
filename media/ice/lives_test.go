package ice_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
	"pgregory.net/rapid"
)

// TestLives: restarts by either side, candidates that trickle, take-overs and
// short outages, in any order. In the end both send over the same pair, and
// media had somewhere to go all the time.
func TestLives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newNetwork(t)
		w.rng = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 3))
		w.loss = rapid.SampledFrom([]float64{0, 0.02}).Draw(rt, "loss")
		w.max = w.min + 50*time.Millisecond
		a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"), host(2, "192.0.2.1:4001"))
		b := w.join("b", ice.Config{Lite: rapid.Bool().Draw(rt, "lite")}, host(1, "198.51.100.1:6000"), host(2, "198.51.100.1:6001"))
		w.signal(a, b, false, b.lite)
		w.until(time.Minute, func() bool { return completed(a, b) })
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			who, other := a, b
			if rapid.Bool().Draw(rt, "by b") {
				who, other = b, a
			}
			switch rapid.SampledFrom([]string{"restart", "move", "outage", "wait"}).Draw(rt, "step") {
			case "restart":
				w.restart(rt, who, other)
			case "move":
				w.move(rt, who)
			case "outage":
				w.blocked = func(netip.AddrPort, netip.AddrPort) bool { return true }
				w.run(time.Duration(rapid.IntRange(1, 10).Draw(rt, "seconds")) * time.Second)
				loss := w.loss
				w.blocked, w.loss = nil, 0 // consent is renewed before the next one
				w.run(10 * time.Second)
				w.loss = loss
			case "wait":
				w.run(time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds")) * time.Second)
			}
			for _, n := range w.nodes {
				for c := 1; c <= 2; c++ {
					if _, ok := n.Path(0, c); !ok {
						rt.Fatalf("%s has nowhere to send component %d", n.name, c)
					}
				}
			}
		}
		w.run(time.Minute) // nominations are repeated with consent checks
		if !completed(a, b) || !w.agreed(a, b, 1) || !w.agreed(a, b, 2) {
			rt.Fatalf("a %v, %v, %+v; b %v, %v, %+v", a.State(0), a.events, a.Stats(), b.State(0), b.events, b.Stats())
		}
		if a.saw(ice.EventFailed) || b.saw(ice.EventFailed) || a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) {
			rt.Fatalf("a %v, b %v", a.events, b.events)
		}
	})
}

// restart is an offer and an answer with new credentials, each on its way for
// a while, and candidates that come after them.
func (w *network) restart(rt *rapid.T, who, other *node) {
	delay := func() { w.run(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "signalling ms")) * time.Millisecond) }
	if _, err := who.Restart(0, w.now); err != nil {
		rt.Fatal(err)
	}
	trickle := rapid.Bool().Draw(rt, "trickle")
	offer := describe(who, 0, who.lite)
	late := offer.Candidates
	if offer.Trickle = trickle; trickle {
		offer.Candidates = nil
	}
	delay()
	restarted, err := other.SetRemote(0, offer, w.now)
	if err != nil || !restarted {
		rt.Fatal(restarted, err)
	}
	w.advance(other)
	answer := describe(other, 0, other.lite)
	delay()
	if restarted, err = who.SetRemote(0, answer, w.now); err != nil || restarted {
		rt.Fatal(restarted, err)
	}
	w.advance(who)
	if trickle {
		delay()
		for _, c := range late {
			if err := other.AddRemote(0, c, w.now); err != nil {
				rt.Fatal(err)
			}
		}
		other.EndOfRemote(0, w.now)
		w.advance(other)
	}
}
