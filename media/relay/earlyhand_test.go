package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// handedOver takes all sessions of the rig to another relay, which it has then.
func (g *rig) handedOver(cfg relay.Config) {
	g.Helper()
	next, err := relay.New(cfg, relay.WithClock(g.clock.now))
	if err != nil {
		g.Fatal(err)
	}
	arrivals := next.Arrivals()
	held, err := g.Suspend(g.Context(), func(h relay.Handed) error { return arrivals.Take(g.Context(), moved(g.T, h)) })
	if err != nil {
		g.Fatal(err)
	}
	held.Leave()
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- next.Run(ctx) }()
	g.Cleanup(func() { end(); <-done })
	g.Relay, g.sent = next, 0
}

// TestEarlyHandedOver: what overtakes the answer still waits for it when the
// process is replaced in between, the same packets as without that.
func TestEarlyHandedOver(t *testing.T) {
	mediaBeforeAnswer(t, func(g *rig, cfg relay.Config) { g.handedOver(cfg) })
}

// TestEarlyTooLateHandedOver: the hand-over makes nothing younger.
func TestEarlyTooLateHandedOver(t *testing.T) {
	var cfg relay.Config
	g := newRig(t, func(c *relay.Config) { cfg = *c })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{})
	b.send()
	a.silent()
	g.clock.advance(200 * time.Millisecond)
	g.handedOver(cfg)
	g.clock.advance(200 * time.Millisecond)
	g.answer(a, b, relay.AnswerRequest{})
	a.silent()
	if d := g.stream("b").Dropped; d["waiting"] != 1 {
		t.Errorf("dropped: %v", d)
	}
}

// TestHelloHandedOver: the callee began its handshake before its answer and the
// hand-over, and need not do so again.
func TestHelloHandedOver(t *testing.T) {
	cert, mine := certificate(t)
	ours, theirs := certificate(t)
	var cfg relay.Config
	g := newRig(t, func(c *relay.Config) { c.Certificate = &ours; cfg = *c })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{Options: bridge.Options{Transport: "UDP/TLS/RTP/SAVP"}})
	hello := b.shake(b.rtp, b.to, dtlssrtp.Active, cert, theirs)
	g.sent++
	g.eventually("the hello is here", func() bool { return g.Totals().Packets >= g.sent })
	g.handedOver(cfg)
	began := time.Now()
	g.answer(a, b, relay.AnswerRequest{SDP: b.secured(mine)})
	out, in := b.shaken(b.rtp, hello)
	b.sent = g.Totals().Packets
	first := b.packet()
	b.raw(b.rtp, b.to, seal(t, out, first, false))
	a.gets(first)
	if d := time.Since(began); d > 800*time.Millisecond {
		t.Errorf("the first packet came %v after the answer", d)
	}
	g.secureTalk(b, a, out, in)
}
