package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// flowsTo lists the flows of the plan to a leg, as FROM.MEDIA>MEDIA.
func flowsTo(p bridge.Plan, to bridge.LegID) (list []bridge.Flow) {
	for _, f := range p.Flows {
		if f.To == to {
			list = append(list, f)
		}
	}
	return list
}

func talking(t *testing.T) *call {
	t.Helper()
	c := newCall(t)
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0 8|a=sendrecv"})
	c.do(step{who: "b answers", say: "m=audio 6002 RTP/AVP 0 8|a=sendrecv"})
	return c
}

func (c *call) subscribe(q bridge.Subscription) bridge.Subscribed {
	c.Helper()
	q.Options.Replace.Origin = true
	r, err := c.s.Subscribe(q, c.ports)
	if err != nil {
		c.Fatal(err)
	}
	return r
}

func TestSubscribe(t *testing.T) {
	all := "v=0|o=- 3 1 IN IP4 192.0.2.99|s=rtpengine|t=0 0|" +
		"m=audio 13000 RTP/AVP 0 8|c=IN IP4 192.0.2.99|LABELa=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:13001|" +
		"m=audio 13010 RTP/AVP 0 8|c=IN IP4 192.0.2.99|LABELa=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:13011"
	one := "v=0|o=- 1 1 IN IP4 192.0.2.99|s=-|t=0 0|m=audio 13000 RTP/AVP 0 8|c=IN IP4 192.0.2.99|a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=sendonly|a=rtcp:13001"
	for name, x := range map[string]struct {
		q    bridge.Subscription
		told string
		from []string
	}{
		"all":      {bridge.Subscription{}, strings.ReplaceAll(all, "LABEL", ""), []string{"a", "b"}},
		"reversed": {bridge.Subscription{Tags: []string{"b", "a", "b"}}, strings.ReplaceAll(all, "LABEL", ""), []string{"b", "a"}},
		"one":      {bridge.Subscription{Tags: []string{"a"}}, one, []string{"a"}},
		"inactive": {bridge.Subscription{Tags: []string{"a"}, Inactive: true}, strings.ReplaceAll(one, "sendonly", "inactive"), []string{"a"}},
		"labels": {bridge.Subscription{MediaLabels: true},
			strings.Replace(strings.Replace(all, "LABEL", "a=label:1|", 1), "LABEL", "a=label:0|", 1), []string{"a", "b"}},
		"label of one": {bridge.Subscription{Tags: []string{"a"}, MediaLabels: true},
			strings.Replace(one, "a=rtpmap:0", "a=label:1|a=rtpmap:0", 1), []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := talking(t)
			x.q.ToTag = "s"
			r := c.subscribe(x.q)
			if got := seen(r.SDP); got != x.told {
				t.Errorf("\n got %s\nwant %s", strings.ReplaceAll(got, "|", "\n     "), strings.ReplaceAll(x.told, "|", "\n     "))
			}
			say := ""
			for i, m := range r.Media {
				if m.Tag != x.from[i] || m.Kind != "audio" {
					t.Errorf("media %d: %+v", i, m)
				}
				say += "m=audio 7000 RTP/AVP 0|a=recvonly|"
			}
			if _, err := c.s.SubscribeAnswer(bridge.Answer{ToTag: "s", SDP: body(strings.TrimSuffix(say, "|"))}, c.ports); err != nil {
				t.Fatal(err)
			}
			flows := flowsTo(c.s.Plan(), r.To)
			if len(flows) != len(x.from) {
				t.Fatalf("%d flows: %+v", len(flows), flows)
			}
			for i, f := range flows {
				if f.From != r.Media[i].Leg || f.ToMedia != i || !f.Open || !f.Verbatim {
					t.Errorf("%+v", f)
				}
			}
			c.s.Remove(r.To)
			if n := len(c.s.Plan().Legs); n != 2 {
				t.Errorf("%d legs left", n)
			}
		})
	}
}

// TestSubscribeOnHold: a stream that its party does not send is told inactive
// until it is asked for again.
func TestSubscribeOnHold(t *testing.T) {
	c := talking(t)
	directions := func() (list []string) {
		for _, l := range strings.Split(string(c.subscribe(bridge.Subscription{ToTag: "s"}).SDP), "\r\n") {
			if l == "a=sendonly" || l == "a=inactive" {
				list = append(list, l[2:])
			}
		}
		return list
	}
	for _, x := range []struct{ offer, answer, want string }{
		{"recvonly", "sendonly", "[inactive sendonly]"},
		{"inactive", "inactive", "[inactive inactive]"},
		{"sendrecv", "sendrecv", "[sendonly sendonly]"},
	} {
		c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0 8|a=" + x.offer})
		c.do(step{who: "b answers", say: "m=audio 6002 RTP/AVP 0 8|a=" + x.answer})
		got, say := directions(), ""
		if fmt.Sprint(got) != x.want {
			t.Errorf("%s: %s, want %s", x.offer, got, x.want)
		}
		for _, d := range got {
			say += "m=audio 7000 RTP/AVP 0|a=" + strings.Replace(d, "send", "recv", 1) + "|"
		}
		if _, err := c.s.SubscribeAnswer(bridge.Answer{ToTag: "s", SDP: body(strings.TrimSuffix(say, "|"))}, c.ports); err != nil {
			t.Fatal(err)
		}
		open := make([]bool, 2)
		for _, f := range flowsTo(c.s.Plan(), 3) {
			open[f.ToMedia] = f.Open
		}
		for i, d := range got {
			if open[i] != (d == "sendonly") {
				t.Errorf("%s: flow %d open: %v", x.offer, i, open[i])
			}
		}
	}
}

// TestSubscriberOfAnotherCodec: transcoded when that is allowed.
func TestSubscriberOfAnotherCodec(t *testing.T) {
	for _, allow := range []bool{false, true} {
		c := talking(t)
		r := c.subscribe(bridge.Subscription{ToTag: "s", Tags: []string{"a"}})
		a := bridge.Answer{ToTag: "s", SDP: body("m=audio 7000 RTP/AVP 8|a=recvonly"), Options: bridge.Options{AllowTranscoding: allow}}
		if _, err := c.s.SubscribeAnswer(a, c.ports); err != nil {
			t.Fatal(err)
		}
		p := flowsTo(c.s.Plan(), r.To)[0].Payloads[0]
		if coded := p.Action == bridge.Transcode && p.To.Name == "PCMA"; coded != allow {
			t.Errorf("allowed %v: %+v", allow, p)
		}
		if p := flowsTo(c.s.Plan(), 2)[0]; !p.Verbatim {
			t.Errorf("between the parties: %+v", p)
		}
	}
}

// TestSubscriberHasKeysOfItsOwn: never those of the streams it gets copies of.
func TestSubscriberHasKeysOfItsOwn(t *testing.T) {
	c := newCall(t)
	crypto := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/SAVP 0|" + crypto})
	c.do(step{who: "b answers", say: "m=audio 6002 RTP/SAVP 0|" + crypto})
	r := c.subscribe(bridge.Subscription{ToTag: "s", Options: bridge.Options{RTCPMux: bridge.RTCPMux{Offer: true}}})
	if !strings.Contains(string(r.SDP), "a=crypto") || strings.Contains(string(r.SDP), "d0RmdmcmVCspeEc3") || !strings.Contains(string(r.SDP), "a=rtcp-mux") {
		t.Errorf("%s", r.SDP)
	}
	for _, f := range flowsTo(c.s.Plan(), r.To) {
		if f.SameKeys {
			t.Errorf("%+v", f)
		}
	}
}

// TestSubscriptionIsKept: over an export, a re-offer that is taken back, and a
// second request for fewer streams.
func TestSubscriptionIsKept(t *testing.T) {
	c := talking(t)
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0 8|a=sendonly"})
	r := c.subscribe(bridge.Subscription{ToTag: "s"})
	if !c.s.Rollback() || len(flowsTo(c.s.Plan(), r.To)) != 2 {
		t.Error("lost with the offer that was taken back")
	}
	b, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if c.s, err = engine(t).Restore(b); err != nil {
		t.Fatal(err)
	}
	r = c.subscribe(bridge.Subscription{ToTag: "s", Tags: []string{"b"}})
	if !strings.Contains(string(r.SDP), "m=audio 0 RTP/AVP 0\r\nc=IN IP4 ") || len(flowsTo(c.s.Plan(), r.To)) != 1 {
		t.Errorf("%s", r.SDP)
	}
}

func TestSubscribeErrors(t *testing.T) {
	c := talking(t)
	for name, q := range map[string]bridge.Subscription{
		"no tag": {}, "tag of a party": {ToTag: "a"}, "unknown": {ToTag: "s", Tags: []string{"x"}}, "label": {ToTag: "s", Labels: []string{"x"}},
	} {
		if _, err := c.s.Subscribe(q, c.ports); !errors.Is(err, bridge.ErrMismatch) && !errors.Is(err, bridge.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.s.SubscribeAnswer(bridge.Answer{ToTag: "b", SDP: body("m=audio 1 RTP/AVP 0")}, c.ports); !errors.Is(err, bridge.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if n := len(c.s.Plan().Legs); n != 2 {
		t.Errorf("%d legs", n)
	}
}

func TestPublish(t *testing.T) {
	for name, x := range map[string]struct {
		say    string
		accept []string
		told   string
	}{
		"first codec": {say: "m=audio 6000 RTP/AVP 0 8 9|a=sendonly", told: "m=audio 11000 RTP/AVP 0|c=IN IP4 192.0.2.99|a=rtpmap:0 PCMU/8000|a=recvonly|a=rtcp:11001"},
		"accept":      {say: "m=audio 6000 RTP/AVP 0 8 9|a=sendonly", accept: []string{"PCMA"}, told: "m=audio 11000 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=recvonly|a=rtcp:11001"},
		"no codec of ours first": {say: "m=audio 6000 RTP/AVP 96 8|a=sendonly|a=rtpmap:96 foobar/8000",
			told: "m=audio 11000 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=recvonly|a=rtcp:11001"},
		"fax": {say: "m=image 6000 udptl t38|a=sendonly", told: "m=image 0 udptl t38|c=IN IP4 0.0.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t)
			r, err := c.s.Publish(bridge.Publication{FromTag: "p", SDP: body(x.say), Options: bridge.Options{
				Replace: bridge.Replace{Origin: true}, Codec: bridge.CodecOptions{Accept: x.accept}}}, c.ports)
			if err != nil {
				t.Fatal(err)
			}
			want := "v=0|o=- 1 1 IN IP4 192.0.2.99|s=rtpengine|t=0 0|"
			if got := seen(r.SDP); got != want+x.told {
				t.Errorf("\n got %s\nwant %s", got, want+x.told)
			}
			if name == "fax" {
				return
			}
			sub := c.subscribe(bridge.Subscription{ToTag: "s", Tags: []string{"p"}})
			if got, codec := string(sub.SDP), x.told[:strings.Index(x.told, "|")]; !strings.Contains(got, strings.Replace(codec, "11000", "12000", 1)) {
				t.Errorf("%s", got)
			}
			if _, err := c.s.SubscribeAnswer(bridge.Answer{ToTag: "s", SDP: body("m=audio 7000 RTP/AVP 0 8|a=recvonly")}, c.ports); err != nil {
				t.Fatal(err)
			}
			if f := flowsTo(c.s.Plan(), sub.To); len(f) != 1 || !f[0].Open || f[0].From != r.From {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestMediaLabels: a stream keeps its label, whoever asks, for whatever, and
// whatever comes of an offer that is under way.
func TestMediaLabels(t *testing.T) {
	c := newCall(t)
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0|m=video 6010 RTP/AVP 96|a=rtpmap:96 VP8/90000"})
	c.do(step{who: "b answers", say: "m=audio 6002 RTP/AVP 0|m=video 6012 RTP/AVP 96|a=rtpmap:96 VP8/90000"})
	labels := func(tag string, of ...string) (list string) {
		for _, m := range c.subscribe(bridge.Subscription{ToTag: tag, Tags: of, MediaLabels: true}).Media {
			list += m.Tag + m.MediaLabel + " "
		}
		return list
	}
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0|m=video 6010 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6020 RTP/AVP 0"})
	for _, x := range []struct {
		of   []string
		want string
	}{
		{nil, "a1 a3 a5 b0 b2 "},
		{[]string{"b"}, "b0 b2 "},
		{[]string{"b", "a"}, "b0 b2 a1 a3 a5 "},
	} {
		if got := labels("s", x.of...); got != x.want {
			t.Errorf("%v: %q, want %q", x.of, got, x.want)
		}
	}
	if !c.s.Rollback() {
		t.Fatal("nothing to take back")
	}
	if got := labels("third"); got != "a1 a3 b0 b2 " {
		t.Errorf("after an offer was taken back: %q", got)
	}
	c.do(step{who: "a offers", say: "m=audio 6000 RTP/AVP 0|m=video 6010 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6020 RTP/AVP 0"})
	c.do(step{who: "b answers", say: "m=audio 6002 RTP/AVP 0|m=video 6012 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6022 RTP/AVP 0"})
	b, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if c.s, err = engine(t).Restore(b); err != nil {
		t.Fatal(err)
	}
	if got := labels("other"); got != "a1 a3 a7 b0 b2 b6 " {
		t.Errorf("when there is more: %q", got)
	}
}

// TestSubscriptionStrips: a codec that a subscriber is not to see is not
// forgotten: another is made of it.
func TestSubscriptionStrips(t *testing.T) {
	c := talking(t)
	q := bridge.Subscription{ToTag: "s", Tags: []string{"a"}}
	q.Options.Codec = bridge.CodecOptions{Strip: []string{"PCMU", "PCMA"}, Transcode: []string{"G722"}}
	r := c.subscribe(q)
	if got := seen(r.SDP); !strings.Contains(got, "RTP/AVP 9|") {
		t.Errorf("%s", got)
	}
	if _, err := c.s.SubscribeAnswer(bridge.Answer{ToTag: "s", SDP: body("m=audio 7000 RTP/AVP 9|a=recvonly")}, c.ports); err != nil {
		t.Fatal(err)
	}
	flows := flowsTo(c.s.Plan(), r.To)
	if len(flows) != 1 || len(flows[0].Payloads) == 0 || flows[0].Payloads[0].Action != bridge.Transcode || flows[0].Payloads[0].To.Name != "G722" {
		t.Errorf("%+v", flows)
	}
}
