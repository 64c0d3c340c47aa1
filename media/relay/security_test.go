package relay_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/class5-go/class5/media/latch"
	"github.com/class5-go/class5/media/relay"
)

// spray sends a packet of the attacker to every port of the call, RTP and
// RTCP.
func (p *party) spray(victims ...*party) {
	p.Helper()
	for _, v := range victims {
		p.sendFrom(p.rtp, v.to)
		p.raw(p.rtcp, next(v.to), []byte{0x80, 201, 0, 1, 6, 6, 6, 6})
	}
}

// TestBleed is the attack on relays that learn: packets to all ports from a
// foreign address before, during and after learning. Nothing may reach the
// attacker, nothing of his the parties.
func TestBleed(t *testing.T) {
	for name, nat := range map[string]bool{"plain": false, "behind NAT": true} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
			req := relay.OfferRequest{}
			if nat {
				req.SDP, req.Source = a.sdpAt(addrPort("192.168.1.5:4000"), ""), a.ip()
			}
			g.offer(a, b, req)
			evil.spray(b)
			g.answer(a, b, relay.AnswerRequest{Early: true})
			evil.spray(a, b)
			g.clock.advance(2 * latch.Window) // ringing with early media: the caller is quiet
			evil.spray(a, b)
			if early := b.send(); !nat { // nobody knows yet where a NATed caller is
				a.gets(early)
			}
			g.answer(a, b, relay.AnswerRequest{})
			evil.spray(a, b)
			b.gets(a.send())
			a.gets(b.send())
			for range 3 {
				evil.spray(a, b)
				g.clock.advance(latch.Window)
				g.talk(a, b)
			}
			// Signalling that names the same address opens nothing.
			g.offer(a, b, req)
			g.answer(a, b, relay.AnswerRequest{})
			evil.spray(a, b)
			g.clock.advance(2 * latch.Window)
			evil.spray(a, b)
			g.talk(a, b)
			a.silent()
			b.silent()
			evil.silent()
			d := g.Totals().Dropped
			if n := d["waiting"] + d["foreign"]; n == 0 || n+2*(g.stream("a").Received.Packets) > evil.sent {
				t.Errorf("%v of %d", d, g.sent)
			}
		})
	}
}

// TestSilentPartyIsNotReplaced: a party on hold sends nothing; its port must
// not become somebody else's.
func TestSilentPartyIsNotReplaced(t *testing.T) {
	g := newRig(t)
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
	a.lines, b.lines = "a=recvonly\r\n", "a=sendonly\r\n"
	g.connect(a, b)
	g.clock.advance(time.Minute)
	evil.spray(a)
	a.gets(b.send())
	evil.silent()
	b.silent()
}

// TestStranger: a party whose media comes from an address nobody announced is
// found after a while, and gives way to the announced one.
func TestStranger(t *testing.T) {
	g := newRig(t)
	a, b, other := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("x", "127.0.0.9")
	g.connect(a, b)
	other.to = a.to
	other.send()
	b.silent()
	g.clock.advance(latch.Window)
	b.gets(other.send())
	other.gets(b.send())
	b.gets(a.send())
	a.gets(b.send())
	other.silent()
}

func TestNewAddressByReoffer(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	behind := addrPort("192.168.1.5:4000")
	g.offer(a, b, relay.OfferRequest{SDP: a.sdpAt(behind, ""), Source: a.ip()})
	g.answer(a, b, relay.AnswerRequest{})
	b.gets(a.send())
	a.gets(b.send())
	// The same private address, another network.
	roamed := g.party("a", "127.0.0.7")
	roamed.to = a.to
	g.offer(a, b, relay.OfferRequest{ToTag: "b", SDP: a.sdpAt(behind, ""), Source: roamed.ip()})
	g.answer(a, b, relay.AnswerRequest{})
	b.gets(roamed.send())
	roamed.gets(b.send())
	a.send()
	b.silent()
}

// TestRoaming: a phone changes its network and goes on; RTCP goes along. An
// attacker who does not know what comes next, or comes while the phone is
// heard, gets nothing.
func TestRoaming(t *testing.T) {
	g := newRig(t)
	a, b, evil := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("evil", "127.0.0.66")
	g.connect(a, b)
	g.talk(a, b)
	evil.to, evil.ssrc, evil.seq = a.to, a.ssrc, a.seq
	evil.send()
	b.silent() // right SSRC and number, but the phone was heard just now
	g.clock.advance(2 * latch.Silence)
	evil.seq = a.seq + 5000
	evil.send()
	b.silent()
	roamed := g.party("a", "127.0.0.7")
	roamed.to, roamed.seq = a.to, a.seq+40
	b.gets(roamed.send())
	roamed.gets(b.send())
	rr := []byte{0x80, 201, 0, 1, 1, 2, 3, 4}
	b.raw(b.rtcp, next(b.to), rr)
	roamed.getsAt(roamed.rtcp, rr, next(a.to))
	a.send() // the old place is nobody now
	b.silent()
	evil.silent()
	a.silent()
}

// TestControlAddress: a description that names the control port of this host
// leads nowhere, whatever the deny list says.
func TestControlAddress(t *testing.T) {
	var target *party
	probe := newRig(t)
	target = probe.party("control", "127.0.0.99")
	g := newRig(t, func(c *relay.Config) { c.Control = []netip.AddrPort{target.addr} })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{SDP: a.sdpAt(target.addr, "")})
	g.answer(a, b, relay.AnswerRequest{})
	b.send()
	target.silent()
	if n := g.totalsDropped("nowhere"); n != 1 {
		t.Errorf("%d", n)
	}
}

// TestDenied: descriptions cannot aim the relay at this host, nor at others
// that no party can be.
func TestDenied(t *testing.T) {
	g := newRig(t, func(c *relay.Config) {
		c.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.99/32")}
	})
	target := g.party("target", "127.0.0.99")
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{SDP: a.sdpAt(target.addr, "")})
	g.answer(a, b, relay.AnswerRequest{})
	b.send()
	target.spray(a)
	g.clock.advance(latch.Window)
	target.spray(a)
	b.send()
	target.silent()
	b.silent()
	if d := g.Totals().Dropped; d["nowhere"] != 2 || d["denied"] != 4 {
		t.Errorf("%v", d)
	}
}

func TestDefaultDeny(t *testing.T) {
	list := relay.DefaultDeny()
	denied := func(s string) bool {
		for _, p := range list {
			if p.Contains(netip.MustParseAddr(s)) {
				return true
			}
		}
		return false
	}
	for _, s := range []string{"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.1.1", "224.0.0.1", "239.1.1.1", "255.255.255.255",
		"::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1"} {
		if !denied(s) {
			t.Errorf("%s allowed", s)
		}
	}
	for _, s := range []string{"10.1.2.3", "192.168.1.1", "203.0.113.1", "2001:db8::1", "fd00::1"} {
		if denied(s) {
			t.Errorf("%s denied", s)
		}
	}
}

// TestBadPackets: noise on media ports is counted and goes nowhere, and does
// not count as the party.
func TestBadPackets(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	bad := map[string][][]byte{
		"malformed": {{}, {0x80}, {0x80, 8, 0, 1}, bytes.Repeat([]byte{0xff}, 40), {0x80, 201, 0, 9, 1, 2, 3, 4}, []byte("INVITE sip:x SIP/2.0\r\n\r\n")},
		"dtls":      {{22, 254, 253}},
		"ice":       {{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		"oversize":  {append(a.packet(), make([]byte, 3000)...)},
	}
	for cause, list := range bad {
		for _, p := range list {
			a.raw(a.rtp, a.to, p)
		}
		if got := g.stream("a").Dropped[cause]; got != uint64(len(list)) {
			t.Errorf("%s: %d of %d", cause, got, len(list))
		}
	}
	a.raw(a.rtcp, next(a.to), a.packet()) // RTP where RTCP belongs
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := make([]byte, rnd.IntN(60))
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		if len(p) > 0 {
			p[0] |= 0xc0 // never version 2
		}
		a.raw(a.rtp, a.to, p)
	}
	b.silent()
	if s := g.stream("a"); s.Received.Packets != 0 || s.ReceivedRTCP.Packets != 0 || s.Locked {
		t.Errorf("%+v", s)
	}
	g.talk(a, b)
}

func TestLearningModes(t *testing.T) {
	for mode, reached := range map[relay.Learning]bool{relay.LearnOff: false, relay.LearnImmediate: true, relay.LearnDelayed: true} {
		g := newRig(t, func(c *relay.Config) { c.Learning = mode })
		a, b, x := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("x", "127.0.0.9")
		g.connect(a, b)
		x.to = a.to
		p := x.send()
		if reached {
			b.gets(p)
			if mode == relay.LearnDelayed {
				a.gets(b.send()) // passed on, not learned
				g.clock.advance(latch.Window)
				b.gets(x.send())
			}
			x.gets(b.send())
			continue
		}
		g.clock.advance(time.Hour)
		x.send()
		b.silent()
		g.talk(a, b)
	}
}
