//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

const calleeURI = "sip:callee@class5.test"

func ack(x *talker, ok *wire.Message, body string) {
	x.send(carrying(x.inDialog(ok, "ACK"), body))
}

// TestGeoCall: caller and called party in two countries, whose edges anchor
// media at their own nodes. A retransmitted INVITE gets the same description; an
// lb with the same keys takes the place of the caller's in the middle of the
// call and goes on with its node, which would get no new calls; a BYE through it
// frees all ports.
func TestGeoCall(t *testing.T) {
	g := newGeo(t, 2)
	a, b := g.talker(t, 0, 1), g.talker(t, 1, 1)
	g.fork(b.user)
	invite := carrying(a.request("INVITE", calleeURI, calleeURI), a.sdp())
	a.send(invite)
	first := b.gets("INVITE")
	b.answer(first, 180, "")
	a.gets("180 INVITE")
	a.send(invite)
	again := b.gets("INVITE")
	if !bytes.Equal(first.Body(), again.Body()) || !bytes.Equal(first.TopBranch(), again.TopBranch()) {
		t.Errorf("first\n%s\nthen\n%s", first.Bytes(), again.Bytes())
	}
	if seen := g.clean(t, 2); len(seen) != 2 || seen[0] != seen[1] {
		t.Errorf("the core sees %q", seen)
	}
	b.answer(first, 200, b.sdp())
	ok := a.gets("200 INVITE")
	b.answer(first, 200, b.sdp())
	if more := a.gets("200 INVITE"); !bytes.Equal(ok.Body(), more.Body()) {
		t.Errorf("first\n%s\nthen\n%s", ok.Body(), more.Body())
	}
	ack(a, ok, "")
	b.gets("ACK")
	a.speaks(b)
	b.speaks(a)

	// The other lb of the pair, at which the node of the call takes no new calls.
	here := 0
	if a.to.Addr() == netip.MustParseAddr(pub(0, 1)) {
		here = 1
	}
	c := g.countries[0]
	var list []string
	for n := range 2 {
		list = append(list, c.relay(n, map[bool]string{true: ", weight: -1"}[n == here]))
	}
	g.startLB(t, 0, "standby", strings.Join(list, ", "))
	was := [2]netip.AddrPort{a.to, b.to}
	a.cseq++
	a.send(carrying(a.inDialog(ok, "INVITE"), strings.Replace(a.sdp(), " 1 1 IN", " 1 2 IN", 1)))
	re := b.gets("INVITE")
	b.answer(re, 200, b.sdp())
	ok2 := a.gets("200 INVITE")
	ack(a, ok2, "")
	b.gets("ACK")
	if now := [2]netip.AddrPort{a.to, b.to}; now != was {
		t.Errorf("at first %v, then %v", was, now)
	}
	a.speaks(b)
	b.speaks(a)
	for n := range 2 {
		if s := c.sessions(t, n); (len(s) == 1) != (n == here) {
			t.Errorf("node %d has %q", n, s)
		}
	}

	a.cseq++
	a.send(a.inDialog(ok, "BYE"))
	b.answer(b.gets("BYE"), 200, "")
	a.gets("200 BYE")
	g.over(t, was[:]...)
	g.clean(t, 6)
	eventually(t, patience, func() error { // it counts when it has heard of the end
		text := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/lb/media", c.admin()))
		if !strings.Contains(text, `"offers":1,"answers":1,"deletes":1,"errors":0`) || !strings.Contains(text, `"draining"`) {
			return fmt.Errorf("the standby has done %s", text)
		}
		return nil
	})
}

// TestGeoCalls: what can become of calls, with nodes of ours, and with rtpengine
// in the country of the called party.
func TestGeoCalls(t *testing.T) {
	for name, call := range map[string]func(*testing.T, *geo){"fork": geoFork, "early media": geoEarlyMedia, "late offer": geoLateOffer, "cancel": geoCancel} {
		t.Run(name, func(t *testing.T) { call(t, newGeo(t, 1)) })
		t.Run(name+", rtpengine", func(t *testing.T) {
			g := newGeo(t, 1)
			g.countries[1].startRTPEngine(t, 1, 0)
			g.foreign = true
			call(t, g)
		})
	}
}

// geoFork: the branches to two phones have ports of their own; the one that
// answers is connected, the other is cancelled.
func geoFork(t *testing.T, g *geo) {
	t.Helper()
	a, b, c := g.talker(t, 0, 1), g.talker(t, 1, 1), g.talker(t, 1, 2)
	g.fork(b.user, c.user)
	a.send(carrying(a.request("INVITE", calleeURI, calleeURI), a.sdp()))
	toB, toC := b.gets("INVITE"), c.gets("INVITE")
	if b.to == c.to || b.to.Addr() != c.to.Addr() {
		t.Errorf("both phones were told %v and %v", b.to, c.to)
	}
	b.answer(toB, 183, b.sdp())
	a.gets("183 INVITE")
	early := a.to
	b.speaks(a)
	c.answer(toC, 200, c.sdp())
	ok := a.gets("200 INVITE")
	if a.to != early && !g.foreign { // rtpengine has a port for each branch inside, too
		t.Errorf("the caller was told %v, then %v", early, a.to)
	}
	b.answer(toB, 487, "")
	ack(a, ok, "")
	c.gets("ACK")
	a.speaks(c)
	c.speaks(a)
	a.cseq++
	a.send(a.inDialog(ok, "BYE"))
	c.answer(c.gets("BYE"), 200, "")
	a.gets("200 BYE")
	g.over(t, early, a.to, b.to, c.to)
	g.clean(t, 3)
}

// geoEarlyMedia: early media with reliable provisional responses, with the
// offer in the INVITE and in the 183.
func geoEarlyMedia(t *testing.T, g *geo) {
	t.Helper()
	a, b := g.talker(t, 0, 1), g.talker(t, 1, 1)
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late=", late), func(t *testing.T) {
			a.t, b.t = t, t
			a.fresh()
			g.fork(b.user)
			offer, answer := a.sdp(), ""
			if late {
				offer, answer = "", a.sdp()
			}
			a.send(carrying(a.request("INVITE", calleeURI, calleeURI, "Require: 100rel", "Supported: 100rel"), offer))
			invite := b.gets("INVITE")
			b.answer(invite, 183, b.sdp(), wire.Field{Name: "Require", Value: []byte("100rel")}, wire.Field{Name: "RSeq", Value: []byte("1")})
			ringing := a.gets("183 INVITE")
			seq := a.cseq
			a.cseq++
			prack := strings.Replace(string(a.inDialog(ringing, "PRACK")), "Max-Forwards", fmt.Sprintf("RAck: 1 %d INVITE\r\nMax-Forwards", seq), 1)
			a.send(carrying([]byte(prack), answer))
			b.answer(b.gets("PRACK"), 200, "")
			a.gets("200 PRACK")
			b.speaks(a)
			a.speaks(b)
			b.answer(invite, 200, "")
			ok := a.gets("200 INVITE")
			a.cseq = seq
			ack(a, ok, "")
			b.gets("ACK")
			a.speaks(b)
			a.cseq += 2
			a.send(a.inDialog(ok, "BYE"))
			b.answer(b.gets("BYE"), 200, "")
			a.gets("200 BYE")
			g.over(t, a.to, b.to)
			g.clean(t, 2)
		})
	}
}

// geoLateOffer: the offer comes in the 200, the answer in the ACK.
func geoLateOffer(t *testing.T, g *geo) {
	t.Helper()
	a, b := g.talker(t, 0, 1), g.talker(t, 1, 1)
	g.fork(b.user)
	a.send(a.request("INVITE", calleeURI, calleeURI))
	b.answer(b.gets("INVITE"), 200, b.sdp())
	ok := a.gets("200 INVITE")
	ack(a, ok, a.sdp())
	b.gets("ACK")
	a.speaks(b)
	b.speaks(a)
	a.cseq++
	a.send(a.inDialog(ok, "BYE"))
	b.answer(b.gets("BYE"), 200, "")
	a.gets("200 BYE")
	g.over(t, a.to, b.to)
	g.clean(t, 2)
}

// geoCancel: a call that is given up while it rings, with early media and
// without any answer so far, and one that is busy.
func geoCancel(t *testing.T, g *geo) {
	t.Helper()
	a, b := g.talker(t, 0, 1), g.talker(t, 1, 1)
	g.fork(b.user)
	for _, early := range []string{"", b.sdp()} {
		a.fresh()
		invite := a.request("INVITE", calleeURI, calleeURI)
		a.send(carrying(invite, a.sdp()))
		m := b.gets("INVITE")
		b.answer(m, 183, early)
		a.gets("183 INVITE")
		if n := len(g.countries[0].sessions(t, 0)) + len(g.countries[1].sessions(t, 0)); n != 2 {
			t.Errorf("%d sessions while it rings", n)
		}
		cancel := strings.ReplaceAll(string(invite), "INVITE", "CANCEL")
		a.send([]byte(cancel))
		b.answer(b.gets("CANCEL"), 200, "")
		b.answer(m, 487, "")
		a.gets("487 INVITE")
		g.over(t, b.to)
	}
	a.fresh()
	a.send(carrying(a.request("INVITE", calleeURI, calleeURI), a.sdp()))
	b.answer(b.gets("INVITE"), 486, "")
	a.gets("486 INVITE")
	g.over(t, b.to)
}

// TestGeoNodeDies: new calls go to the next node; with none left they are
// refused and nothing passes; a node that is back is used again. A call of a dead
// node can be ended.
func TestGeoNodeDies(t *testing.T) {
	g := newGeo(t, 2)
	a, b := g.talker(t, 0, 1), g.talker(t, 1, 1)
	g.fork(b.user)
	c := g.countries[0]
	establish := func() *wire.Message {
		a.fresh()
		a.send(carrying(a.request("INVITE", calleeURI, calleeURI), a.sdp()))
		b.answer(b.gets("INVITE"), 200, b.sdp())
		ok := a.gets("200 INVITE")
		ack(a, ok, "")
		b.gets("ACK")
		return ok
	}
	bye := func(ok *wire.Message) {
		a.cseq++
		a.send(a.inDialog(ok, "BYE"))
		b.answer(b.gets("BYE"), 200, "")
		a.gets("200 BYE")
	}
	ok := establish()
	dead := 0
	if a.to.Addr() == netip.MustParseAddr(pub(0, 1)) {
		dead = 1
	}
	c.killNode(dead)
	bye(ok)
	for range 8 {
		ok := establish()
		if a.to.Addr() != netip.MustParseAddr(pub(0, 1-dead)) {
			t.Fatalf("a call at %v", a.to)
		}
		a.speaks(b)
		bye(ok)
	}
	c.killNode(1 - dead)
	g.fork(b.user)
	for i := range 3 {
		a.fresh()
		status, m := a.ask(carrying(a.request("INVITE", calleeURI, calleeURI), a.sdp()))
		if status != 503 || m.Count(wire.HdrRetryAfter) != 1 {
			t.Errorf("call %d without a node: %d", i, status)
		}
	}
	if seen := g.clean(t, 0); len(seen) != 0 {
		t.Errorf("the core has seen %q", seen)
	}
	metrics := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.admin()))
	for _, want := range []string{
		fmt.Sprintf(`class5_edge_media_relay_up{relay="udp://127.0.0.1:%d"} 0`, c.control(0)),
		`class5_edge_media_refused_total{reason="unavailable"} 3`, `class5_edge_messages_total{cause="unanchored"} 3`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	c.startNode(t, 0, 0)
	eventually(t, 10*time.Second, func() error {
		if !strings.Contains(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.admin())), fmt.Sprintf(`class5_edge_media_relay_up{relay="udp://127.0.0.1:%d"} 1`, c.control(0))) {
			return fmt.Errorf("the node is not used again")
		}
		return nil
	})
	bye(establish())
	g.over(t, a.to)
}
