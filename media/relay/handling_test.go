package relay_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
)

// echoOf checks that what came is what was sent, under another SSRC.
func (p *party) echoOf(sent []byte) {
	p.Helper()
	got := p.receive()
	h, payload, ok := rtpwire.Parse(got)
	want, said, _ := rtpwire.Parse(sent)
	if !ok || h.SSRC == want.SSRC || h.Sequence != want.Sequence || h.Timestamp != want.Timestamp || !bytes.Equal(payload, said) {
		p.Fatalf("%s sent %x and hears %x", p.tag, sent, got)
	}
}

func TestEcho(t *testing.T) {
	for name, c := range map[string]struct {
		echo relay.Echo
		a, b bool // who hears itself
	}{
		"forward":   {relay.EchoForward, false, true},
		"backwards": {relay.EchoBackwards, true, false},
		"both":      {relay.EchoBoth, true, true},
		"sinkhole":  {relay.EchoBlackhole, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			echo, err := relay.ParseEcho(name)
			if err != nil || echo != c.echo {
				t.Fatalf("%v, %v", echo, err)
			}
			g := newRig(t)
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			g.offer(a, b, relay.OfferRequest{Handling: relay.Handling{Echo: c.echo}})
			g.answer(a, b, relay.AnswerRequest{})
			for _, x := range []struct {
				p     *party
				hears bool
			}{{a, c.a}, {b, c.b}} {
				for range 2 {
					if sent := x.p.send(); x.hears {
						x.p.echoOf(sent)
					}
				}
			}
			a.silent()
			b.silent()
			g.offer(b, a, relay.OfferRequest{Handling: relay.Handling{Echo: relay.EchoOff}})
			g.answer(b, a, relay.AnswerRequest{})
			g.talk(a, b)
		})
	}
	if _, err := relay.ParseEcho("sideways"); err == nil {
		t.Error("an unknown word is taken")
	}
}

// An echoing party that is on hold hears nothing.
func TestEchoOnHold(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	b.lines = "a=recvonly\r\n"
	g.offer(a, b, relay.OfferRequest{Handling: relay.Handling{Echo: relay.EchoForward}})
	g.answer(a, b, relay.AnswerRequest{})
	b.send()
	b.silent()
	a.silent()
}

func (g *rig) stranger(ip string) *net.UDPConn { return g.party("s", ip).rtp }

// A stream that may be handed over moves with each packet from elsewhere, one
// whose sources are strict does not.
func TestHandover(t *testing.T) {
	for _, strict := range []bool{false, true} {
		g := newRig(t)
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.offer(a, b, relay.OfferRequest{Handling: relay.Handling{Handover: true}, StrictSource: strict})
		g.answer(a, b, relay.AnswerRequest{})
		g.talk(a, b)
		elsewhere := g.stranger("127.0.0.9")
		a.ssrc, a.seq = 77, 9000 // not what it was
		moved := a.sendFrom(elsewhere, a.to)
		if strict {
			b.silent()
			a.gets(b.send())
			continue
		}
		b.gets(moved)
		a.getsAt(elsewhere, b.send(), a.to)
		b.gets(a.send()) // and back
		a.gets(b.send())
	}
}

// A party that does not send from where it receives is heard from one place
// at a time and gets its packets where it said.
func TestAsymmetric(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	how := relay.LearnAsymmetric
	g.offer(a, b, relay.OfferRequest{Learning: &how})
	g.answer(a, b, relay.AnswerRequest{})
	mouth, stranger := g.stranger("127.0.0.8"), g.stranger("127.0.0.9")
	b.gets(a.sendFrom(mouth, a.to))
	a.gets(b.send())
	a.sendFrom(stranger, a.to)
	b.silent()
	b.gets(a.send())
	b.gets(a.sendFrom(mouth, a.to))
	g.clock.advance(2 * time.Second)
	b.gets(a.sendFrom(stranger, a.to))
	a.gets(b.send())
}

func TestPierceNAT(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{Handling: relay.Handling{PierceNAT: true}})
	buf := make([]byte, 64)
	for _, c := range []*net.UDPConn{a.rtp, a.rtcp} {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, _, err := c.ReadFromUDPAddrPort(buf); err != nil || n != 0 {
			t.Fatalf("%d octets, %v", n, err)
		}
	}
	g.answer(a, b, relay.AnswerRequest{})
	_ = b.rtp.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := b.rtp.ReadFromUDPAddrPort(buf); err != nil || n != 0 {
		t.Fatalf("%d octets, %v", n, err)
	}
}

// Packets of a party leave that much later, in order, and what is held back
// when the delay ends leaves at once.
func TestDelayBuffer(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	delay, long, none := 60*time.Millisecond, time.Minute, time.Duration(0)
	g.offer(a, b, relay.OfferRequest{Handling: relay.Handling{Delay: &delay}})
	g.answer(a, b, relay.AnswerRequest{})
	began := time.Now()
	first, second := a.send(), a.send()
	a.gets(b.send())
	b.gets(first)
	if d := time.Since(began); d < delay {
		t.Errorf("held back for %v", d)
	}
	b.gets(second)

	g.offer(a, b, relay.OfferRequest{ToTag: b.tag, Handling: relay.Handling{Delay: &long}}) // MaxDelay
	g.answer(a, b, relay.AnswerRequest{})
	third := a.send()
	b.silent()
	g.offer(a, b, relay.OfferRequest{ToTag: b.tag, Handling: relay.Handling{Delay: &none}})
	g.answer(a, b, relay.AnswerRequest{})
	b.gets(third)
	g.talk(a, b)
}
