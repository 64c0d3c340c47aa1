package relay_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/codec"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/sdp"
)

func (g *rig) subscribe(s *party, req relay.SubscribeRequest, answer bridge.Options) string {
	g.Helper()
	req.CallID = "call"
	x, err := g.Subscribe(g.Context(), req)
	if err != nil {
		g.Fatal(err)
	}
	s.heard(x.SDP)
	if err := g.SubscribeAnswer(g.Context(), relay.SubscribeAnswerRequest{CallID: "call", ToTag: x.ToTag, SDP: s.sdp(), Options: answer}); err != nil {
		g.Fatal(err)
	}
	return x.ToTag
}

// TestSubscriber: the parties' packets and reports go on as before, copies of
// one's go to the subscriber, nothing comes from there.
func TestSubscriber(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	g.talk(a, b)
	s.lines = "a=recvonly\r\n"
	tag := g.subscribe(s, relay.SubscribeRequest{Tags: []string{"a"}}, bridge.Options{})
	p := a.send()
	b.gets(p)
	s.gets(p)
	a.gets(b.send())
	s.silent()
	report := (&rtpwire.Report{SSRC: a.ssrc, CNAME: "a"}).Append(nil)
	a.raw(a.rtcp, next(a.to), report)
	b.getsAt(b.rtcp, report, next(b.to))
	s.getsAt(s.rtcp, report, next(s.to))
	s.send()
	a.silent()
	b.silent()

	// A re-offer is not believed before its answer, subscribed or not.
	g.offer(a, b, relay.OfferRequest{ToTag: "b", SDP: a.sdpAt(a.addr, "a=inactive\r\n")})
	if _, err := g.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "call", ToTag: "other"}); err != nil {
		t.Fatal(err)
	}
	p = a.send()
	b.gets(p)
	s.gets(p)
	if err := g.Withdraw(t.Context(), "call"); err != nil {
		t.Fatal(err)
	}
	p = a.send()
	b.gets(p)
	s.gets(p)

	for _, x := range []string{tag, "other"} {
		if err := g.Unsubscribe(t.Context(), "call", x); err != nil {
			t.Fatal(err)
		}
	}
	g.talk(a, b)
	s.silent()
	if err := g.Unsubscribe(t.Context(), "call", "a"); !errors.Is(err, relay.ErrUnknownCall) {
		t.Errorf("%v", err)
	}
}

// TestSubscriberOnHold: a subscriber that was told inactive gets copies again
// when the party does not hold any more and it has asked again.
func TestSubscriberOnHold(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	g.talk(a, b)
	for _, x := range []struct{ b, a, s string }{{"sendrecv", "sendrecv", "recvonly"}, {"sendonly", "recvonly", "inactive"}, {"sendrecv", "sendrecv", "recvonly"}} {
		g.offer(b, a, relay.OfferRequest{FromTag: "b", ToTag: "a", SDP: b.sdpAt(b.addr, "a="+x.b+"\r\n")})
		g.answer(b, a, relay.AnswerRequest{FromTag: "b", ToTag: "a", SDP: a.sdpAt(a.addr, "a="+x.a+"\r\n")})
		s.lines = "a=" + x.s + "\r\n"
		g.subscribe(s, relay.SubscribeRequest{Tags: []string{"a"}, ToTag: "s"}, bridge.Options{})
		a.gets(b.send())
		if x.s == "inactive" {
			s.silent()
			continue
		}
		p := a.send()
		b.gets(p)
		s.gets(p)
	}
}

// TestSubscriberTranscoded: copies in another codec; between the parties
// nothing changes, their reports neither.
func TestSubscriberTranscoded(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	x, err := g.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "call", Tags: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	s.heard(x.SDP)
	only := bytes.Replace(s.sdp(), []byte("AVP 8 0 101"), []byte("AVP 0"), 1)
	if err := g.SubscribeAnswer(t.Context(), relay.SubscribeAnswerRequest{CallID: "call", ToTag: x.ToTag, SDP: only,
		Options: bridge.Options{AllowTranscoding: true}}); err != nil {
		t.Fatal(err)
	}
	quiet := append(rtpwire.Header{PayloadType: 8, Sequence: 7, Timestamp: 160, SSRC: a.ssrc}.Append(nil), bytes.Repeat([]byte{codec.SilenceA}, 160)...)
	a.raw(a.rtp, a.to, quiet)
	b.gets(quiet)
	if got := s.receive(); len(got) != 172 || got[1]&0x7f != 0 || binary.BigEndian.Uint32(got[8:]) != a.ssrc {
		t.Errorf("%x", got)
	}
	report := (&rtpwire.Report{SSRC: a.ssrc, CNAME: "a"}).Append(nil)
	a.raw(a.rtcp, next(a.to), report)
	b.getsAt(b.rtcp, report, next(b.to))
}

// TestSubscriberOverDeath: another process goes on with copies.
func TestSubscriberOverDeath(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	g.subscribe(s, relay.SubscribeRequest{}, bridge.Options{})
	st, err := g.Export(t.Context(), "call")
	if err != nil {
		t.Fatal(err)
	}
	g.delete(relay.DeleteRequest{})
	g.eventually("the ports are closed and bound again", func() bool { return g.Import(t.Context(), st) == nil })
	p := a.send()
	b.gets(p)
	s.gets(p)
	if rep := g.delete(relay.DeleteRequest{FromTag: "a", ToTag: "b"}); rep.Ended.IsZero() {
		t.Error("the subscriber keeps the call")
	}
}

func TestPublisher(t *testing.T) {
	g := newRig(t)
	p, s := g.party("p", "127.0.0.2"), g.party("s", "127.0.0.3")
	out, err := g.Publish(t.Context(), relay.PublishRequest{CallID: "call", FromTag: "p", SDP: p.sdpAt(p.addr, "a=sendonly\r\n")})
	if err != nil {
		t.Fatal(err)
	}
	p.heard(out)
	p.send()
	if _, err := g.Publish(t.Context(), relay.PublishRequest{CallID: "bad", FromTag: "p", SDP: []byte("x")}); err == nil || g.Count() != 1 {
		t.Errorf("%v, %d sessions", err, g.Count())
	}
	g.subscribe(s, relay.SubscribeRequest{Tags: []string{"p"}}, bridge.Options{})
	s.gets(p.send())
	p.silent()
}

// TestSubscriberAsks: a request for a picture reaches the party that sends it,
// and no other; nothing else of a subscriber's RTCP does.
func TestSubscriberAsks(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	g.talk(a, b)
	g.subscribe(s, relay.SubscribeRequest{Tags: []string{"a"}}, bridge.Options{})
	s.gets(func() []byte { p := a.send(); b.gets(p); return p }())
	report := (&rtpwire.Report{SSRC: s.ssrc, CNAME: "s"}).Append(nil)
	s.raw(s.rtcp, next(s.to), report)
	loss := []byte{0x80 | 1, rtpwire.PayloadFeedback, 0, 2, 0, 0, 0, 9, byte(a.ssrc >> 24), byte(a.ssrc >> 16), byte(a.ssrc >> 8), byte(a.ssrc)}
	s.raw(s.rtcp, next(s.to), append(report, loss...))
	a.getsAt(a.rtcp, append([]byte{0x80, rtpwire.ReceiverReport, 0, 1, 0, 0, 0, 9}, loss...), next(a.to))
	a.silent()
	b.silent()

	m := g.party("m", "127.0.0.5")
	g.subscribe(m, relay.SubscribeRequest{Tags: []string{"a"}, MirrorRTCP: true}, bridge.Options{})
	report = (&rtpwire.Report{SSRC: m.ssrc, CNAME: "m"}).Append(nil)
	m.raw(m.rtcp, next(m.to), report)
	a.getsAt(a.rtcp, report, next(a.to))
	b.silent()
}

// TestBidirectional: a publisher and a subscriber that both may speak hear
// each other; nobody else is heard by a publisher, and a party of a call by
// nobody but its partner.
func TestBidirectional(t *testing.T) {
	for name, test := range map[string]struct {
		publisher, subscriber bool
		says                  string // the subscriber's description
		heard                 bool
	}{
		"both":             {true, true, "a=sendrecv", true},
		"publisher alone":  {true, false, "a=sendonly", false},
		"subscriber alone": {false, true, "a=sendonly", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			p, s := g.party("p", "127.0.0.2"), g.party("s", "127.0.0.3")
			out, err := g.Publish(t.Context(), relay.PublishRequest{CallID: "call", FromTag: "p", SDP: p.sdp(), Bidirectional: test.publisher})
			if err != nil {
				t.Fatal(err)
			}
			want := sdp.RecvOnly
			if test.publisher {
				want = sdp.SendRecv
			}
			if d := p.heard(out).Media(0).Direction(); d != want {
				t.Errorf("the publisher is told %v", d)
			}
			sub, err := g.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "call", Tags: []string{"p"}, ToTag: "s", Bidirectional: test.subscriber})
			if err != nil {
				t.Fatal(err)
			}
			if d := s.heard(sub.SDP); !strings.Contains(string(sub.SDP), test.says) {
				t.Errorf("the subscriber is told %v, want %s", d.Media(0).Direction(), test.says)
			}
			if err := g.SubscribeAnswer(t.Context(), relay.SubscribeAnswerRequest{CallID: "call", ToTag: "s", SDP: s.sdp()}); err != nil {
				t.Fatal(err)
			}
			s.gets(p.send())
			b := s.send()
			if test.heard {
				p.gets(b)
				report := (&rtpwire.Report{SSRC: s.ssrc, CNAME: "s"}).Append(nil)
				s.raw(s.rtcp, next(s.to), report)
				p.getsAt(p.rtcp, report, next(p.to))
			}
			p.silent()
			if err := g.Unsubscribe(t.Context(), "call", "s"); err != nil {
				t.Fatal(err)
			}
			_, _ = s.rtp.WriteToUDPAddrPort(s.packet(), s.to) // nobody is there any more
			p.silent()
		})
	}
	t.Run("a party of a call", func(t *testing.T) {
		g := newRig(t)
		a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
		g.connect(a, b)
		sub, err := g.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "call", Tags: []string{"a"}, ToTag: "s", Bidirectional: true})
		if err != nil || !strings.Contains(string(sub.SDP), "a=sendrecv") {
			t.Fatalf("%s, %v", sub.SDP, err)
		}
		s.heard(sub.SDP)
		if err := g.SubscribeAnswer(t.Context(), relay.SubscribeAnswerRequest{CallID: "call", ToTag: "s", SDP: s.sdp()}); err != nil {
			t.Fatal(err)
		}
		s.send()
		a.silent()
		g.talk(b, a)
	})
}

// TestTranscodedAndProtected: other contents never leave protected under the
// SSRC of their source, whose keys may be the same.
func TestTranscodedAndProtected(t *testing.T) {
	g := newRig(t)
	a, b, s := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3"), g.party("s", "127.0.0.4")
	g.connect(a, b)
	quiet := append(rtpwire.Header{PayloadType: 8, Sequence: 7, Timestamp: 160, SSRC: a.ssrc}.Append(nil), bytes.Repeat([]byte{codec.SilenceA}, 160)...)
	tag, key := "", strings.Repeat("A", 40)
	for _, x := range []struct {
		protocol string
		same     bool
	}{{"RTP/AVP", true}, {"RTP/SAVP", false}} {
		sub, err := g.Subscribe(t.Context(), relay.SubscribeRequest{CallID: "call", Tags: []string{"a"}, ToTag: tag, Options: bridge.Options{Transport: x.protocol}})
		if err != nil {
			t.Fatal(err)
		}
		tag = sub.ToTag
		s.heard(sub.SDP)
		only := bytes.Replace(s.sdp(), []byte("RTP/AVP 8 0 101"), []byte(x.protocol+" 0"), 1)
		if x.protocol == "RTP/SAVP" {
			only = append(only, "a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"+key+"\r\n"...)
		}
		if err := g.SubscribeAnswer(t.Context(), relay.SubscribeAnswerRequest{CallID: "call", ToTag: tag, SDP: only,
			Options: bridge.Options{AllowTranscoding: true}}); err != nil {
			t.Fatal(err)
		}
		quiet[3]++
		a.raw(a.rtp, a.to, quiet)
		b.gets(quiet)
		if got := s.receive(); len(got) < 172 || got[1]&0x7f != 0 || (binary.BigEndian.Uint32(got[8:]) == a.ssrc) != x.same {
			t.Errorf("%s: %x", x.protocol, got)
		}
	}
}
