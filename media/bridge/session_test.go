package bridge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

func TestICE(t *testing.T) {
	const (
		o     = "m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"
		a     = "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"
		creds = "|a=ice-ufrag:U|a=ice-pwd:P"
		cand  = "|a=candidate:four 1 UDP 2130706431 192.0.2.99 12000 typ host|a=candidate:six 1 UDP 2130706175 2001:db8:99::1 12002 typ host" +
			"|a=candidate:four 2 UDP 2130706430 192.0.2.99 12001 typ host|a=candidate:six 2 UDP 2130706174 2001:db8:99::1 12003 typ host"
		mine = "|a=ice-ufrag:abcd|a=ice-pwd:abcdefghijklmnopqrstuv|a=candidate:1 1 UDP 2130706431 198.51.100.1 4000 typ host"
	)
	cand1 := strings.ReplaceAll(cand, " 12", " 11")
	run(t, map[string][]step{
		"forced, answered, asked again": {
			{"a offers", bridge.Options{ICE: bridge.ICEForce}, "m=audio 4000 RTP/AVP 8", o + creds + cand},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8" + mine, a},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", o + creds + cand},
			{"a offers", bridge.Options{ICE: bridge.ICERemove}, "m=audio 4000 RTP/AVP 8", o},
		},
		"passed, refused, then not offered any more": {
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8" + mine, o + creds + cand},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", a + creds + cand1},
			{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8" + mine, o},
			{"a offers", bridge.Options{Reset: true}, "m=audio 4000 RTP/AVP 8" + mine, o + creds + cand},
		},
		"removed towards b": {
			{"a offers", bridge.Options{ICE: bridge.ICERemove}, "m=audio 4000 RTP/AVP 8" + mine, o},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", a + creds + cand1},
		},
		"refused towards a": {
			{"a offers", bridge.Options{RejectICE: true}, "m=audio 4000 RTP/AVP 8" + mine, ""},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", a},
		},
		"lite, on one port": {
			{"a offers", bridge.Options{ICE: bridge.ICEForce, ICELite: bridge.LiteForward, RTCPMux: bridge.RTCPMux{Require: true}}, "m=audio 4000 RTP/AVP 8",
				"a=ice-lite|m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12000|a=rtcp-mux" + creds + cand[:strings.Index(cand, "|a=candidate:four 2")]},
		},
		"trickle": {
			{"a offers", bridge.Options{ICE: bridge.ICEForce, Trickle: true}, "m=audio 4000 RTP/AVP 8", o + creds + "|a=ice-options:trickle" + cand + "|a=end-of-candidates"},
		},
		"nothing known yet is no hold": {
			{"a offers", bridge.Options{}, "c=IN IP4 0.0.0.0|m=audio 9 RTP/AVP 8|a=rtcp:9 IN IP4 0.0.0.0|a=ice-options:trickle" + mine, o + creds + cand},
		},
		"one candidate among others": {
			{"a offers", bridge.Options{ICE: bridge.ICEOptional}, "m=audio 4000 RTP/AVP 8" + mine, "m=audio 12000 RTP/AVP 8" + mine +
				"|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|a=candidate:four 1 UDP 2097152255 192.0.2.99 12000 typ host|a=candidate:six 1 UDP 4294967295 2001:db8:99::1 12002 typ host" +
				"|a=candidate:four 2 UDP 2097152254 192.0.2.99 12001 typ host|a=candidate:six 2 UDP 4294967294 2001:db8:99::1 12003 typ host"},
		},
		"a browser": {
			{"a offers", bridge.Options{WebRTC: true}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 UDP/TLS/RTP/SAVPF 8|a=mid:1|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp-mux|a=setup:actpass|a=fingerprint:sha-256 AA:AA" +
				creds + "|a=ice-options:trickle" + cand[:strings.Index(cand, "|a=candidate:four 2")] + "|a=end-of-candidates"},
		},
	})
}

// TestRestart: other credentials of the party mean other ones of ours, towards
// it alone.
func TestRestart(t *testing.T) {
	c := newCall(t)
	say := func(u string) step {
		return step{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=ice-ufrag:" + u + "|a=ice-pwd:abcdefghijklmnopqrstuv", ""}
	}
	answer := step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=ice-ufrag:bbbb|a=ice-pwd:abcdefghijklmnopqrstuv", ""}
	creds := func() (a, b bridge.ICE) {
		p := c.s.Plan()
		return *p.Legs[0].Media[0].ICE, *p.Legs[1].Media[0].ICE
	}
	c.do(say("aaaa"))
	c.do(answer)
	a1, b1 := creds()
	c.do(say("aaaa"))
	c.do(answer)
	a2, b2 := creds()
	c.do(say("cccc"))
	c.do(answer)
	a3, b3 := creds()
	if a1.LocalUfrag != a2.LocalUfrag || a2.LocalUfrag == a3.LocalUfrag || a3.Generation == a2.Generation || a3.RemoteUfrag != "cccc" {
		t.Errorf("a: %s %s %s", a1.LocalUfrag, a2.LocalUfrag, a3.LocalUfrag)
	}
	if b1.LocalUfrag != b2.LocalUfrag || b2.LocalUfrag != b3.LocalUfrag {
		t.Errorf("b: %s %s %s", b1.LocalUfrag, b2.LocalUfrag, b3.LocalUfrag)
	}
	if a1.Controlling || !b1.Controlling {
		t.Errorf("roles: towards a %v, towards b %v", a1.Controlling, b1.Controlling)
	}
}

func TestRest(t *testing.T) {
	const o = "|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"
	run(t, map[string][]step{
		"fax passed": {
			{"a offers", bridge.Options{}, "m=image 4000 UDPTL t38|a=sendonly|a=T38FaxVersion:0", "m=image 12000 udptl t38|a=T38FaxVersion:0|a=sendonly"},
		},
		"audio to fax": {
			{"a offers", bridge.Options{T38: bridge.T38Options{Force: true}}, "m=audio 4000 RTP/AVP 18 8",
				"m=image 12000 udptl t38|a=T38FaxVersion:0|a=T38MaxBitRate:14400|a=T38FaxRateManagement:transferredTCF|a=T38FaxMaxBuffer:1800|a=T38FaxMaxDatagram:512|a=T38FaxUdpEC:t38UDPRedundancy|a=sendrecv"},
			{"b answers", bridge.Options{}, "m=image 5000 udptl t38|a=T38FaxVersion:0", "m=audio 11000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"},
			{"a offers audio again", bridge.Options{}, "m=audio 4000 RTP/AVP 8", "m=audio 12000 RTP/AVP 8" + o},
		},
		"media left out": {
			{"a offers", bridge.Options{RemoveMedia: []string{"video"}}, "m=video 4000 RTP/AVP 31|m=audio 4002 RTP/AVP 8", "m=audio 12000 RTP/AVP 8" + o},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", "m=video 0 RTP/AVP 0|m=audio 11010 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11011"},
			{"b offers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", ""},
		},
		"attributes edited": {
			{"a offers", bridge.Options{Attributes: bridge.AttributeEdits{Session: bridge.AttributeEdit{Add: []string{"tool:x"}}, Audio: bridge.AttributeEdit{Remove: []string{"rtcp"}, Substitute: [][2]string{{"sendrecv", "sendonly"}}}}},
				"m=audio 4000 RTP/AVP 8", "a=tool:x|m=audio 12000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=sendonly"},
		},
		"extensions": {
			{"a offers", bridge.Options{StripExtensions: []string{"urn:x"}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2/sendonly urn:y", "m=audio 12000 RTP/AVP 8|a=extmap:2/sendonly urn:y" + o},
			{"a offers", bridge.Options{StripExtensions: []string{"all"}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2/sendonly urn:y", "m=audio 12000 RTP/AVP 8" + o},
		},
		"a bundle is taken apart": {
			{"a offers", bridge.Options{}, "a=group:BUNDLE x y|m=audio 4000 RTP/AVP 8|a=mid:x|m=video 4000 RTP/AVP 31|a=mid:y",
				"m=audio 12000 RTP/AVP 8|a=mid:x" + o + "|m=video 12010 RTP/AVP 31|a=mid:y|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:12011"},
		},
		"a bundle is accepted": {
			{"a offers", bridge.Options{Bundle: bridge.Bundle{Accept: true}}, "a=group:BUNDLE x y|m=audio 4000 RTP/AVP 8|a=mid:x|m=video 0 RTP/AVP 31|a=mid:y|a=bundle-only",
				"m=audio 12000 RTP/AVP 8|a=mid:x" + o + "|m=video 12010 RTP/AVP 31|a=mid:y|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:12011"},
			{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|m=video 5002 RTP/AVP 31",
				"a=group:BUNDLE x y|m=audio 11000 RTP/AVP 8|a=mid:x|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001|m=video 11000 RTP/AVP 31|a=mid:y|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:11001"},
		},
		"a bundle is offered": {
			{"a offers", bridge.Options{Bundle: bridge.Bundle{Require: true}}, "m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 31",
				"a=group:BUNDLE 1 2|m=audio 12000 RTP/AVP 8|a=mid:1|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid" + o + "|m=video 12000 RTP/AVP 31|a=mid:2|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid|a=bundle-only|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:12001"},
		},
		"a bundle is offered, of which one does not fit": {
			{"a offers", bridge.Options{Bundle: bridge.Bundle{Require: true}}, "m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 4004 RTP/AVP 96|a=rtpmap:96 opus/48000/2|m=audio 4006 RTP/AVP 8",
				"a=group:BUNDLE 1 2 4|m=audio 12000 RTP/AVP 8|a=mid:1|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid" + o + "|m=video 12000 RTP/AVP 96|a=mid:2|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid|a=bundle-only|a=rtpmap:96 VP8/90000|a=sendrecv|a=rtcp:12001|" +
					"m=audio 12020 RTP/AVP 96|a=mid:3|a=rtpmap:96 opus/48000/2|a=sendrecv|a=rtcp:12021|m=audio 12000 RTP/AVP 8|a=mid:4|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid|a=bundle-only" + o},
		},
		"a bundle is offered, with a codec of ours": {
			{"a offers", bridge.Options{Bundle: bridge.Bundle{Offer: true}, Codec: bridge.CodecOptions{Transcode: []string{"opus", "telephone-event"}}}, "m=audio 4000 RTP/AVP 8|m=video 4002 RTP/AVP 96 97|a=rtpmap:96 VP8/90000|a=rtpmap:97 H264/90000",
				"a=group:BUNDLE 1 2|m=audio 12000 RTP/AVP 8 98 100 99|a=mid:1|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid|a=rtpmap:8 PCMA/8000|a=rtpmap:98 opus/48000/2|a=rtpmap:100 telephone-event/48000|a=fmtp:100 0-15|a=rtpmap:99 telephone-event/8000|a=fmtp:99 0-15|a=sendrecv|a=rtcp:12001|" +
					"m=video 12010 RTP/AVP 96 97|a=mid:2|a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid|a=rtpmap:96 VP8/90000|a=rtpmap:97 H264/90000|a=sendrecv|a=rtcp:12011"},
		},
		"identity": {
			{"a offers", bridge.Options{Replace: bridge.Replace{Origin: true, Username: true, SessionName: true, Version: true}, LoopProtect: true}, "v=0|o=x 7 4 IN IP4 198.51.100.1|s=one|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8",
				"v=0|o=x 7 4 IN IP4 192.0.2.99|s=one|c=IN IP4 192.0.2.99|t=0 0|a=rtpengine:0123456789ab|m=audio 12000 RTP/AVP 8" + o},
			{"a offers the same", bridge.Options{Replace: bridge.Replace{Origin: true, Username: true, SessionName: true, Version: true}, LoopProtect: true}, "v=0|o=y 7 9 IN IP4 198.51.100.1|s=two|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8",
				"v=0|o=x 7 4 IN IP4 192.0.2.99|s=one|c=IN IP4 192.0.2.99|t=0 0|a=rtpengine:0123456789ab|m=audio 12000 RTP/AVP 8" + o},
			{"a offers more", bridge.Options{Replace: bridge.Replace{Version: true}}, "v=0|o=y 7 9 IN IP4 198.51.100.1|s=two|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8|a=more",
				"v=0|o=y 7 5 IN IP4 198.51.100.1|s=two|c=IN IP4 192.0.2.99|t=0 0|m=audio 12000 RTP/AVP 8|a=more" + o},
			{"a offers the same", bridge.Options{Replace: bridge.Replace{ForceVersion: true}}, "v=0|o=y 7 9 IN IP4 198.51.100.1|s=two|c=IN IP4 198.51.100.1|t=0 0|m=audio 4000 RTP/AVP 8|a=more",
				"v=0|o=y 7 6 IN IP4 198.51.100.1|s=two|c=IN IP4 192.0.2.99|t=0 0|m=audio 12000 RTP/AVP 8|a=more" + o},
		},
		"two descriptions in one body": {
			{"a offers", bridge.Options{}, head2 + head2, strings.ReplaceAll(head2told+head2told2, "\n", "|")},
		},
	})
}

const (
	head2      = "v=0|o=- 1 1 IN IP4 198.51.100.1|s=-|t=0 0|m=audio 4000 RTP/AVP 8|c=IN IP4 198.51.100.1|"
	head2told  = "m=audio 12000 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001|"
	head2told2 = "v=0|o=- 1 1 IN IP4 198.51.100.1|s=-|t=0 0|m=audio 12010 RTP/AVP 8|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12011"
)

// TestErrors: nothing of a refused message stays.
func TestErrors(t *testing.T) {
	c := newCall(t)
	c.do(step{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8", ""})
	before, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	full := newPorts()
	full.fail = true
	answer := bridge.Answer{FromTag: "a", ToTag: "b", SDP: body("m=audio 5000 RTP/AVP 8")}
	for name, tc := range map[string]struct {
		do   func() error
		want error
	}{
		"no ports":  {func() error { _, err := c.s.Answer(answer, full); return err }, errNoPorts},
		"not SDP":   {func() error { _, err := c.s.Offer(bridge.Offer{FromTag: "a", SDP: []byte("x")}, c.ports); return err }, sdp.ErrSyntax},
		"same tags": {func() error { _, err := c.s.Offer(bridge.Offer{FromTag: "a", ToTag: "a"}, c.ports); return err }, bridge.ErrMismatch},
		"no tag":    {func() error { _, err := c.s.Offer(bridge.Offer{}, c.ports); return err }, bridge.ErrMismatch},
		"answer without offer": {func() error {
			_, err := c.s.Answer(bridge.Answer{FromTag: "x", ToTag: "b", SDP: answer.SDP}, c.ports)
			return err
		}, bridge.ErrUnknown},
		"nothing to confirm": {func() error { _, err := c.s.Answer(bridge.Answer{FromTag: "a", ToTag: "b"}, c.ports); return err }, bridge.ErrUnknown},
		"more media than asked": {func() error {
			_, err := c.s.Answer(bridge.Answer{FromTag: "a", ToTag: "b", SDP: body("m=audio 1 RTP/AVP 8|m=video 3 RTP/AVP 31")}, c.ports)
			return err
		}, bridge.ErrMismatch},
	} {
		if err := tc.do(); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, _ := c.s.Export(); string(after) != string(before) {
		t.Errorf("state changed\n%s\n%s", before, after)
	}
	for n := range 20 {
		_, err = c.s.Offer(bridge.Offer{FromTag: "a", ViaBranch: strings.Repeat("z", n+1), SDP: body("m=audio 4000 RTP/AVP 8")}, c.ports)
	}
	if !errors.Is(err, bridge.ErrLimit) {
		t.Errorf("any number of branches: %v", err)
	}
}

// TestLife: forks, confirmation, loops, roll back, export, removal.
func TestLife(t *testing.T) {
	c := newCall(t)
	offer := func(branch string) bridge.Result {
		r, err := c.s.Offer(bridge.Offer{FromTag: "a", ViaBranch: branch, SDP: body("m=audio 4000 RTP/AVP 8")}, c.ports)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	answer := func(tag, branch, s string) bridge.Result {
		a := bridge.Answer{FromTag: "a", ToTag: tag, ViaBranch: branch}
		if s != "" {
			a.SDP = body(s)
		}
		r, err := c.s.Answer(a, c.ports)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	peer := func() bridge.LegID { return c.s.Plan().Legs[0].Peer }
	b1, b2 := offer("z1"), offer("z2")
	if b1.To == b2.To || b1.From != b2.From {
		t.Fatalf("branches: %+v %+v", b1, b2)
	}
	if r, err := c.s.Answer(bridge.Answer{FromTag: "a", ToTag: "x", ViaBranch: "z1", SDP: b2.SDP}, c.ports); err != nil || !r.Untouched || string(r.SDP) != string(b2.SDP) {
		t.Errorf("a description with our own port: %+v %v", r.Untouched, err)
	}
	early := answer("b1", "z1", "m=audio 5000 RTP/AVP 8")
	other := answer("b2", "z2", "m=audio 6000 RTP/AVP 8")
	if seen(early.SDP) != seen(other.SDP) {
		t.Error("the caller's port changed with the branch")
	}
	if peer() != b2.To {
		t.Errorf("connected to %d", peer())
	}
	if r := answer("b1", "z1", ""); r.SDP != nil || peer() != b1.To {
		t.Errorf("confirmed: %s, connected to %d", r.SDP, peer())
	}
	saved, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	c.do(step{"a offers", bridge.Options{}, "m=audio 4002 RTP/AVP 9", ""})
	if !c.s.Rollback() || c.s.Rollback() {
		t.Error("rolled back not once")
	}
	if again, _ := c.s.Export(); string(again) != string(saved) {
		t.Error("rolled back to something else")
	}
	restored, err := engine(t).Restore(saved)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := restored.Export(); string(b) != string(saved) {
		t.Error("restored is not what was exported")
	}
	c.s.Remove(b1.To)
	if peer() != b2.To || len(c.s.Plan().Legs) != 2 {
		t.Errorf("after removal connected to %d", peer())
	}
	c.s.Untag(b2.To, "b2")
	if l := c.s.Plan().Legs[1]; len(l.Tags) != 0 {
		t.Errorf("tags %v", l.Tags)
	}
	for _, bad := range []string{"", "{}", `{"version":2,"state":{}}`, `{"version":1,"state":{"next":0,"legs":[{"id":5}]}}`, `{"version":1,"state":{"next":1,"legs":[{"id":1,"media":[{"gen":3,"gens":[{}]}]}]}}`} {
		if _, err := engine(t).Restore([]byte(bad)); err == nil {
			t.Errorf("restored %q", bad)
		}
	}
}

// TestFaxWarned: who asks for fax as audio is told that packets stay what they
// are; fax that passes needs no warning.
func TestFaxWarned(t *testing.T) {
	for _, x := range []struct {
		o    bridge.T38Options
		say  string
		told int
	}{
		{bridge.T38Options{Force: true}, "m=audio 4000 RTP/AVP 8", 1},
		{bridge.T38Options{Decode: true}, "m=audio 4000 RTP/AVP 8", 1},
		{bridge.T38Options{Decode: true}, "m=audio 4000 RTP/AVP 8|m=image 0 udptl t38", 1},
		{bridge.T38Options{}, "m=image 4000 udptl t38", 0},
	} {
		c := newCall(t)
		r, err := c.s.Offer(bridge.Offer{FromTag: "a", SDP: body(x.say), Options: bridge.Options{T38: x.o}}, c.ports)
		if err != nil || len(r.Warnings) != x.told || x.told == 1 && !strings.Contains(r.Warnings[0], "no fax modem") {
			t.Errorf("%+v: %q, %v", x.o, r.Warnings, err)
		}
	}
}

// TestFaxRefused: an image that would have to become audio is refused, first or
// later, and the call is what it was.
func TestFaxRefused(t *testing.T) {
	c := newCall(t)
	image := bridge.Offer{FromTag: "a", SDP: body("m=image 4000 udptl t38"), Options: bridge.Options{T38: bridge.T38Options{Decode: true}}}
	if _, err := c.s.Offer(image, c.ports); !errors.Is(err, bridge.ErrFax) || len(c.s.Plan().Legs) != 0 {
		t.Errorf("%v, %+v", err, c.s.Plan())
	}
	c.do(step{who: "a offers", say: "m=audio 4000 RTP/AVP 8"})
	c.do(step{who: "b answers", say: "m=audio 5000 RTP/AVP 8"})
	image.ToTag = "b"
	if _, err := c.s.Offer(image, c.ports); !errors.Is(err, bridge.ErrFax) || c.s.Pending() {
		t.Error(err)
	}
	if m := c.s.Plan().Legs[0].Media[0]; m.Kind != "audio" || m.T38 {
		t.Errorf("%+v", m)
	}
}
