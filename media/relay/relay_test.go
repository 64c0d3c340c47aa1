package relay_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/relay"
)

func TestCall(t *testing.T) {
	for _, portable := range []bool{false, true} {
		g := newRig(t, func(c *relay.Config) { relay.SetPortable(c, portable) })
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.connect(a, b)
		if a.to == b.to || a.to.Addr() != relayAddr || a.to.Port()%2 != 0 || b.to.Port()%2 != 0 {
			t.Fatalf("ports %v and %v", a.to, b.to)
		}
		for range 20 {
			g.talk(a, b)
		}
		a.seq += 5 // lost on the way
		g.talk(a, b)

		rep := g.delete(relay.DeleteRequest{FromTag: "b", ToTag: "a"})
		if g.Count() != 0 || rep.Ended.IsZero() || len(rep.Legs) != 2 || !rep.Legs[0].Connected {
			t.Fatalf("%+v", rep)
		}
		sa, sb := rep.Legs[0].Streams[0], rep.Legs[1].Streams[0]
		if sa.Received.Packets != 21 || sa.Received.Lost != 5 || sa.Sent.Packets != 21 || sa.Received.Bytes != 21*13 ||
			sa.Received.SSRC != a.ssrc || sa.Codec != "PCMA" || sa.Remote != a.addr || !sa.Locked || sa.Received.MOS > 4 {
			t.Errorf("caller: %+v", sa)
		}
		if sb.Received.Packets != 21 || sb.Received.Lost != 0 || sb.Dropped != nil || sb.Local != b.to || sb.Received.Last.IsZero() {
			t.Errorf("callee: %+v", sb)
		}
		if _, err := json.Marshal(rep); err != nil {
			t.Error(err)
		}
		if _, err := g.Delete(t.Context(), relay.DeleteRequest{CallID: "call"}); !errors.Is(err, relay.ErrUnknownCall) {
			t.Errorf("deleted twice: %v", err)
		}
	}
}

func TestRTCP(t *testing.T) {
	rr := []byte{0x80, 201, 0, 1, 1, 2, 3, 4}
	for name, mux := range map[string]bool{"own port": false, "muxed": true} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
			if mux {
				a.lines += "a=rtcp-mux\r\n"
				b.lines += "a=rtcp-mux\r\n"
			}
			g.connect(a, b)
			for _, from := range []struct {
				c  *net.UDPConn
				to netip.AddrPort
			}{{a.rtcp, next(a.to)}, {a.rtp, a.to}} {
				a.raw(from.c, from.to, rr)
				if mux {
					b.getsAt(b.rtp, rr, b.to)
				} else {
					b.getsAt(b.rtcp, rr, next(b.to))
				}
			}
			if s := g.stream("a"); s.ReceivedRTCP.Packets != 2 || s.Received.Packets != 0 {
				t.Errorf("%+v", s)
			}
			if s := g.stream("b"); s.SentRTCP.Packets != 2 || s.Sent.Packets != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestRTCPFollowsRTP(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{SDP: a.sdpAt(addrPort("192.0.2.1:4000"), ""), Source: a.ip()})
	g.answer(a, b, relay.AnswerRequest{})
	b.gets(a.send())
	rr := []byte{0x80, 201, 0, 1, 1, 2, 3, 4}
	b.raw(b.rtcp, next(b.to), rr)
	a.getsAt(a.rtcp, rr, next(a.to))
}

func TestReoffers(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)

	// b puts a on hold, a answers.
	b.lines = "a=sendonly\r\n"
	g.offer(b, a, relay.OfferRequest{ToTag: "a"})
	a.lines = "a=recvonly\r\n"
	g.answer(b, a, relay.AnswerRequest{})
	if rep, _ := g.Query(t.Context(), "call"); !rep.Held {
		t.Error("not held")
	}
	a.gets(b.send()) // music

	// b resumes from another address; until a answers the old one holds.
	b2 := g.party("b", "127.0.0.4")
	b2.to = b.to
	before := a.to
	g.offer(b2, a, relay.OfferRequest{ToTag: "a"})
	a.getsAt(a.rtp, b.send(), before)
	a.send() // still on hold
	b.silent()
	a.lines = "a=sendrecv\r\n"
	g.answer(b2, a, relay.AnswerRequest{})
	g.talk(a, b2)
	late := a.packet()
	a.raw(a.rtp, before, late) // to the port it was told before
	b2.gets(late)
	b.send() // late packet of the old place
	a.silent()
	b.silent()
	if s := g.stream("b"); s.Dropped["foreign"] != 1 {
		t.Errorf("%+v", s)
	}
	// A refused re-offer changes nothing: there is no answer.
	elsewhere := g.party("b", "127.0.0.5")
	before = a.to
	g.offer(elsewhere, a, relay.OfferRequest{ToTag: "a"})
	b2.gets(a.send())
	a.getsAt(a.rtp, b2.send(), before)
	if err := g.Withdraw(t.Context(), "call"); err != nil {
		t.Fatal(err)
	}
	a.to = before
	g.talk(a, b2)
}

// TestOldHold: the unspecified address of RFC 2543 is passed on, and what was
// learned survives.
func TestOldHold(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	g.talk(a, b)
	out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", ToTag: "b", SDP: a.sdpAt(addrPort("0.0.0.0:4000"), "")})
	if err != nil || !strings.Contains(string(out), "c=IN IP4 0.0.0.0\r\n") || strings.Contains(string(out), a.ip().String()) {
		t.Fatalf("%v\n%s", err, out)
	}
	g.answer(a, b, relay.AnswerRequest{})
	b.send()
	a.silent()
	b.gets(a.send())
	g.connect(a, b)
	g.talk(a, b)
	if s := g.stream("b"); s.Dropped["closed"]+s.Dropped["nowhere"] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestDelayedOffer: INVITE without body, offer in 200, answer in ACK.
func TestDelayedOffer(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(b, a, relay.OfferRequest{ToTag: "a"})
	g.answer(b, a, relay.AnswerRequest{})
	g.talk(a, b)
	g.offer(a, b, relay.OfferRequest{ToTag: "b"}) // later re-INVITE the usual way
	g.answer(a, b, relay.AnswerRequest{})
	g.talk(a, b)
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "b"}); rep.Ended.IsZero() {
		t.Error("not ended")
	}
}

func TestRejectedAndReusedMedia(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	video := "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	a.lines += video
	b.lines += "m=video 0 RTP/AVP 96\r\n"
	g.connect(a, b)
	rep, _ := g.Query(t.Context(), "call")
	if v := rep.Legs[0].Streams[1]; v.Kind != "video" || !v.Rejected {
		t.Errorf("%+v", v)
	}
	local := rep.Legs[0].Streams[1].Local
	a.raw(a.rtp, local, a.packet())
	if s := g.totalsDropped("rejected"); s != 1 {
		t.Errorf("dropped %d", s)
	}
	b.lines = strings.Replace(b.lines, "video 0", "video 6000", 1)
	g.offer(b, a, relay.OfferRequest{ToTag: "a"})
	g.answer(b, a, relay.AnswerRequest{})
	rep, _ = g.Query(t.Context(), "call")
	if v := rep.Legs[0].Streams[1]; v.Rejected || v.Local != local {
		t.Errorf("%+v", v)
	}
	g.talk(a, b)
}

func TestIPv6ToIPv4(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "::1"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{ToFamily: relay.IPv4})
	g.answer(a, b, relay.AnswerRequest{})
	if a.to.Addr() != relay6 || b.to.Addr() != relayAddr {
		t.Fatalf("%v %v", a.to, b.to)
	}
	g.talk(a, b)
}

// TestSpiral: a call that comes through the relay twice is anchored once.
func TestSpiral(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	first, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", ViaBranch: "1", SDP: a.sdp()})
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "call", FromTag: "a", ViaBranch: "2", SDP: first})
	if err != nil || string(second) != string(first) {
		t.Fatalf("%v\n%s", err, second)
	}
	b.heard(second)
	back, err := g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", ViaBranch: "2", SDP: b.sdp()})
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.Answer(t.Context(), relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", ViaBranch: "1", SDP: back})
	if err != nil || string(again) != string(back) {
		t.Fatalf("%v\n%s", err, again)
	}
	a.heard(again)
	g.talk(a, b)
}

func TestUDPTL(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	t38 := func(p *party) []byte {
		return []byte(strings.Replace(string(p.sdp()), "RTP/AVP 8 0 101", "udptl t38", 1))
	}
	fax := func(p *party) []byte { return []byte(strings.Replace(string(t38(p)), "m=audio", "m=image", 1)) }
	g.offer(b, a, relay.OfferRequest{ToTag: "a", SDP: fax(b)})
	g.answer(b, a, relay.AnswerRequest{SDP: fax(a)})
	ifp := []byte{0, 7, 1, 6}
	a.raw(a.rtp, a.to, ifp)
	b.gets(ifp)
	if s := g.stream("a"); s.Kind != "image" || s.Received.Packets != 1 || s.Received.Expected != 0 {
		t.Errorf("%+v", s)
	}
}
