package relay_test

import (
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// TestForkWithBranches: ports per branch, one port for the caller; the branch
// that answered last is connected.
func TestForkWithBranches(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{ViaBranch: "z1"})
	g.offer(a, c, relay.OfferRequest{ViaBranch: "z2"})
	if b.to == c.to {
		t.Fatal("branches share a port")
	}
	g.answer(a, b, relay.AnswerRequest{ViaBranch: "z1", Early: true})
	caller := a.to
	a.gets(b.send()) // early media of b
	g.answer(a, c, relay.AnswerRequest{ViaBranch: "z2", Early: true})
	if a.to != caller {
		t.Fatal("caller's port changed")
	}
	b.send()
	a.gets(c.send()) // c is connected, b is not
	g.answer(a, b, relay.AnswerRequest{ViaBranch: "z1"})
	g.talk(a, b)
	c.send()
	a.silent()
	if s := g.stream("c"); s.Dropped["unconnected"] != 1 {
		t.Errorf("%+v", s)
	}

	rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "c", ViaBranch: "z2"})
	if !rep.Ended.IsZero() || len(rep.Legs) != 3 {
		t.Fatalf("%+v", rep)
	}
	g.talk(a, b)
	if rep = g.delete(relay.DeleteRequest{FromTag: "b", ToTag: "a"}); rep.Ended.IsZero() || len(rep.Legs) != 3 {
		t.Errorf("%+v", rep)
	}
}

// TestForkOfOneOffer: the proxy sent one description to all branches.
func TestForkOfOneOffer(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{})
	c.to = b.to
	g.answer(a, b, relay.AnswerRequest{Early: true})
	a.gets(b.send())
	g.answer(a, c, relay.AnswerRequest{Early: true})
	a.gets(c.send())
	b.send()
	a.silent()
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "c"}); !rep.Ended.IsZero() {
		t.Fatal("ended with one of two branches")
	}
	g.answer(a, b, relay.AnswerRequest{})
	g.talk(a, b)
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "b"}); rep.Ended.IsZero() {
		t.Error("did not end")
	}
}

// TestConnectedBranchEnds: the caller falls back to the branch before.
func TestConnectedBranchEnds(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{ViaBranch: "z1"})
	g.offer(a, c, relay.OfferRequest{ViaBranch: "z2"})
	g.answer(a, b, relay.AnswerRequest{ViaBranch: "z1", Early: true})
	g.answer(a, c, relay.AnswerRequest{ViaBranch: "z2", Early: true})
	g.delete(relay.DeleteRequest{FromTag: "a", ViaBranch: "z2"})
	g.talk(a, b)
}

// TestForkedDelayedOffers: INVITE without body, two branches offer.
func TestForkedDelayedOffers(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(b, a, relay.OfferRequest{ToTag: "a"})
	g.offer(c, a, relay.OfferRequest{ToTag: "a"})
	g.answer(b, a, relay.AnswerRequest{})
	g.talk(a, b)
	g.answer(c, a, relay.AnswerRequest{})
	g.talk(a, c)
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "b"}); !rep.Ended.IsZero() {
		t.Fatal("ended with one of two branches")
	}
	g.talk(a, c)
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "c"}); rep.Ended.IsZero() {
		t.Error("did not end")
	}
}

// TestSerialFork: the second target gets the ports of the first.
func TestSerialFork(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{})
	g.offer(a, c, relay.OfferRequest{})
	if b.to != c.to {
		t.Error("ports changed")
	}
	g.answer(a, c, relay.AnswerRequest{})
	g.talk(a, c)
}

// TestConfirmed: the answer came in a reliable 183, the 200 has no body.
func TestConfirmed(t *testing.T) {
	g := newRig(t)
	a, b, c := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("c", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{ViaBranch: "z1"})
	g.offer(a, c, relay.OfferRequest{ViaBranch: "z2"})
	g.answer(a, b, relay.AnswerRequest{ViaBranch: "z1", Early: true})
	g.answer(a, c, relay.AnswerRequest{ViaBranch: "z2", Early: true})
	if out, err := g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", ViaBranch: "z1"}); err != nil || out != nil {
		t.Fatalf("%q, %v", out, err)
	}
	g.talk(a, b)
	g.clock.advance(61 * time.Second)
	g.Sweep(g.clock.now())
	if e := g.event(); e.Kind != relay.MediaTimeout {
		t.Errorf("still early: %+v", e)
	}
}
