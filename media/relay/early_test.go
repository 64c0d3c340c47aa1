package relay_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/srtp/dtlssrtp"
)

// secured is a description of the party for a DTLS handshake that it begins.
func (p *party) secured(fingerprint string) []byte {
	return []byte(strings.Replace(string(p.sdp()), "RTP/AVP", "UDP/TLS/RTP/SAVP", 1) +
		"a=setup:active\r\na=fingerprint:" + fingerprint + "\r\na=rtcp-mux\r\n")
}

// TestHelloBeforeAnswer: the callee begins its handshake as soon as it has
// answered, before its answer is here. It need not do so twice.
func TestHelloBeforeAnswer(t *testing.T) {
	cert, mine := certificate(t)
	_, another := certificate(t)
	ours, theirs := certificate(t)
	for name, test := range map[string]struct {
		fingerprint string
		wait        time.Duration // until the answer
		ok          bool
	}{
		"soon":                {mine, 0, true},
		"too late":            {mine, 4 * time.Second, false},
		"another certificate": {another, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, func(c *relay.Config) { c.Certificate = &ours })
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.offer(a, b, relay.OfferRequest{Options: bridge.Options{Transport: "UDP/TLS/RTP/SAVP"}})
			stranger := g.party("x", "127.0.0.4")
			hello := b.shake(b.rtp, b.to, dtlssrtp.Active, cert, theirs)
			g.sent++
			g.eventually("the hello is here", func() bool { return g.Totals().Packets >= g.sent })
			stranger.raw(stranger.rtp, b.to, []byte("\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01"))
			b.rtpSilent()
			g.clock.advance(test.wait)
			began := time.Now()
			g.answer(a, b, relay.AnswerRequest{SDP: b.secured(test.fingerprint)})
			if !test.ok {
				buf := make([]byte, 1500)
				_ = b.rtp.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
				for {
					n, _, err := b.rtp.ReadFromUDPAddrPort(buf)
					if err != nil {
						break
					}
					hello.Push(buf[:n])
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if _, err := hello.Keys(ctx); err == nil {
					t.Error("there are keys")
				}
				return
			}
			out, in := b.shaken(b.rtp, hello)
			b.sent = g.Totals().Packets
			first := b.packet()
			b.raw(b.rtp, b.to, seal(t, out, first, false))
			a.gets(first)
			// A lost hello is sent again after a second.
			if d := time.Since(began); d > 800*time.Millisecond {
				t.Errorf("the first packet came %v after the answer", d)
			}
			g.secureTalk(b, a, out, in)
			stranger.silent()
		})
	}
}

// rtpSilent expects that nothing came to the RTP port.
func (p *party) rtpSilent() {
	p.Helper()
	_ = p.rtp.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, from, err := p.rtp.ReadFromUDPAddrPort(make([]byte, 1500)); err == nil {
		p.Fatalf("%d octets from %v", n, from)
	}
}

// TestMediaBeforeAnswer: what overtakes the answer waits for it, up to a
// bound, and is judged as if it had come behind it.
func TestMediaBeforeAnswer(t *testing.T) {
	mediaBeforeAnswer(t, func(*rig, relay.Config) {})
}

// mediaBeforeAnswer has something happen between what overtakes the answer and
// the answer.
func mediaBeforeAnswer(t *testing.T, between func(*rig, relay.Config)) {
	t.Helper()
	var cfg relay.Config
	g := newRig(t, func(c *relay.Config) { cfg = *c })
	a, b, x := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("x", "127.0.0.4")
	g.offer(a, b, relay.OfferRequest{})
	x.to = b.to
	var want [][]byte
	for i := range 14 {
		want = append(want, b.send())
		if i%4 == 0 {
			x.send()
		}
	}
	a.silent()
	between(g, cfg)
	a.silent()
	g.answer(a, b, relay.AnswerRequest{})
	// Ten waited; two of them are a stranger's.
	for _, w := range want[len(want)-8:] {
		a.gets(w)
	}
	a.silent()
	x.silent()
	if d := g.stream("b").Dropped; d["waiting"] != 8 || d["foreign"] != 2 {
		t.Errorf("dropped: %v", d)
	}
	g.talk(a, b)
	if d := g.stream("b").Dropped; d["waiting"] != 8 || d["foreign"] != 2 {
		t.Errorf("dropped after the call was heard: %v", d)
	}
}

// TestStrangersBeforeAnswer: whoever sends before the answer is not the party
// because of that, in the most credulous mode neither.
func TestStrangersBeforeAnswer(t *testing.T) {
	for _, mode := range []relay.Learning{relay.LearnImmediate, relay.LearnDelayed} {
		g := newRig(t, func(c *relay.Config) { c.Learning = mode })
		a, b, x := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("x", "127.0.0.4")
		g.offer(a, b, relay.OfferRequest{})
		x.to = b.to
		x.send()
		g.answer(a, b, relay.AnswerRequest{})
		a.silent()
		b.gets(a.send())
		x.silent()
	}
}

// TestTooEarly: what waits for too long goes nowhere, and neither does what
// waits for an answer that never comes; all of it is counted once.
func TestTooEarly(t *testing.T) {
	for name, answered := range map[string]bool{"answered late": true, "never answered": false} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.offer(a, b, relay.OfferRequest{})
			for range 5 {
				b.send()
			}
			g.clock.advance(time.Second)
			if answered {
				g.answer(a, b, relay.AnswerRequest{})
				a.silent()
				g.talk(a, b)
			}
			r := g.delete(relay.DeleteRequest{})
			if n := g.totalsDropped("waiting"); n != 5 {
				t.Errorf("%d packets counted", n)
			}
			n := uint64(0)
			for _, l := range r.Legs {
				for _, s := range l.Streams {
					n += s.Dropped["waiting"]
				}
			}
			if n != 5 {
				t.Errorf("%d packets in the report", n)
			}
		})
	}
}

// TestFirstHelloLost: a party that does not take the relay's first ClientHello,
// because the answer is not there yet, is asked again soon.
func TestFirstHelloLost(t *testing.T) {
	cert, mine := certificate(t)
	ours, theirs := certificate(t)
	hash, value, _ := strings.Cut(mine, " ")
	g := newRig(t, func(c *relay.Config) { c.Certificate = &ours })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a, b, func(p *bridge.Plan) {
		m := &p.Legs[0].Media[0]
		m.Proto, m.Security, m.Mux = "UDP/TLS/RTP/SAVPF", bridge.DTLSSRTP, true
		m.DTLS = &bridge.DTLS{Active: true, Hash: hash, Fingerprint: value}
	}})
	_ = a.rtp.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, _, err := a.rtp.ReadFromUDPAddrPort(make([]byte, 1500)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out, in := a.dtls(dtlssrtp.Passive, cert, theirs)
	if d := time.Since(began); d > 800*time.Millisecond {
		t.Errorf("the handshake took %v", d)
	}
	g.secureTalk(a, b, out, in)
}
