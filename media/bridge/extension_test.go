package bridge_test

import (
	"slices"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

const sdesMID = "urn:ietf:params:rtp-hdrext:sdes:mid"

// TestExtensions: which header extensions pass, under which identifiers, in
// descriptions and packets.
func TestExtensions(t *testing.T) {
	const (
		b    = "m=audio 12000 RTP/AVP 8"
		bEnd = "|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:12001"
		a    = "m=audio 11000 RTP/AVP 8"
		aEnd = "|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:11001"
	)
	type flows [2][]bridge.ExtensionRoute // a to b, b to a
	for name, test := range map[string]struct {
		steps []step
		want  flows
	}{
		"as they are": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2/sendonly urn:y z", b + "|a=extmap:1 urn:x|a=extmap:2/sendonly urn:y z" + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2/recvonly urn:y z", a + "|a=extmap:2/recvonly urn:y z" + aEnd},
			}, flows{},
		},
		"masked: spoken with a alone": {
			[]step{
				{"a offers", bridge.Options{MaskExtensions: []string{"urn:x"}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2 urn:y", b + "|a=extmap:2 urn:y" + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2 urn:y", a + "|a=extmap:2 urn:y|a=extmap:1 urn:x" + aEnd},
			}, flows{{{From: 1}, {From: 2, To: 2}}},
		},
		"all masked": {
			[]step{
				{"a offers", bridge.Options{MaskExtensions: []string{"all"}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2 urn:y", b + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", a + "|a=extmap:1 urn:x|a=extmap:2 urn:y" + aEnd},
			}, flows{{{From: 1}, {From: 2}}},
		},
		"stripped: spoken with nobody": {
			[]step{
				{"a offers", bridge.Options{StripExtensions: []string{"urn:x"}, MaskExtensions: []string{"urn:x"}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x", b + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", a + aEnd},
			}, flows{},
		},
		"masked in the answer: b's own business": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x", b + "|a=extmap:1 urn:x" + bEnd},
				{"b answers", bridge.Options{MaskExtensions: []string{"urn:x"}}, "m=audio 5000 RTP/AVP 8|a=extmap:1 urn:x", a + aEnd},
			}, flows{1: {{From: 1}}},
		},
		"b has other numbers": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2 urn:y", ""},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2 urn:x|a=extmap:1/sendonly urn:y", a + "|a=extmap:1 urn:x|a=extmap:2/sendonly urn:y" + aEnd},
			}, flows{{{From: 1, To: 2}, {From: 2, To: 1}}, {{From: 2, To: 1}, {From: 1, To: 2}}},
		},
		"b says what nobody offered": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x", ""},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2 urn:y", a + "|a=extmap:1 urn:x" + aEnd},
			}, flows{},
		},
		"b chooses a number": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:4096 urn:x", b + "|a=extmap:4096 urn:x" + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:3 urn:x", a + "|a=extmap:3 urn:x" + aEnd},
			}, flows{},
		},
		"numbers stay in a re-offer of b, and others do not take them": {
			[]step{
				{"a offers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:2 urn:y", ""},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2 urn:x", a + "|a=extmap:1 urn:x" + aEnd},
				{"b offers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2 urn:x|a=extmap:1 urn:z", a + "|a=extmap:1 urn:x|a=extmap:3 urn:z" + aEnd},
				{"a answers", bridge.Options{}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|a=extmap:3 urn:z", b + "|a=extmap:2 urn:x|a=extmap:1 urn:z" + bEnd},
			}, flows{{{From: 1, To: 2}, {From: 3, To: 1}}, {{From: 2, To: 1}, {From: 1, To: 3}}},
		},
		"those of the session": {
			[]step{
				{"a offers", bridge.Options{MaskExtensions: []string{"urn:y"}}, "a=extmap:1 urn:x|a=extmap:2 urn:y|m=audio 4000 RTP/AVP 8", "a=extmap:1 urn:x|" + b + bEnd},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:1 urn:x", a + "|a=extmap:1 urn:x|a=extmap:2 urn:y" + aEnd},
			}, flows{{{From: 1, To: 1}, {From: 2}}},
		},
		"those of the session under other numbers": {
			[]step{
				{"a offers", bridge.Options{}, "a=extmap:1 urn:x|a=extmap:2 urn:y|m=audio 4000 RTP/AVP 8", "a=extmap:1 urn:x|a=extmap:2 urn:y|" + b + bEnd},
				{"b answers", bridge.Options{}, "a=extmap:2 urn:x|a=extmap:7 urn:q|m=audio 5000 RTP/AVP 8", a + "|a=extmap:1 urn:x" + aEnd},
				{"b offers", bridge.Options{}, "a=extmap:2 urn:x|a=extmap:1/sendonly urn:z more|m=audio 5000 RTP/AVP 8", a + "|a=extmap:1 urn:x|a=extmap:3/sendonly urn:z more" + aEnd},
				{"a answers", bridge.Options{}, "a=extmap:1 urn:x|a=extmap:3 urn:z|m=audio 4000 RTP/AVP 8", b + "|a=extmap:2 urn:x|a=extmap:1 urn:z" + bEnd},
			}, flows{{{From: 1, To: 2}, {From: 3, To: 1}}, {{From: 2, To: 1}, {From: 1, To: 3}}},
		},
		"those of the session for two": {
			[]step{
				{"a offers", bridge.Options{}, "a=extmap:1 urn:x|m=audio 4000 RTP/AVP 8", ""},
				{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8|a=extmap:2 urn:x", ""},
				{"b offers", bridge.Options{}, "a=extmap:2 urn:x|m=audio 5000 RTP/AVP 8|m=video 5002 RTP/AVP 31",
					a + "|a=extmap:1 urn:x" + aEnd + "|m=video 11010 RTP/AVP 31|a=extmap:2 urn:x|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:11011"},
			}, flows{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t)
			for _, s := range test.steps {
				c.do(s)
			}
			var got flows
			for _, f := range c.s.Plan().Flows {
				got[f.From-1] = f.Extensions
			}
			for i := range got {
				if !slices.Equal(got[i], test.want[i]) {
					t.Errorf("flow %d: %v, want %v", i, got[i], test.want[i])
				}
			}
		})
	}
}

// TestMID: a bundle's streams are told apart by what the relay puts into their
// packets where the other party does not bundle.
func TestMID(t *testing.T) {
	const (
		offer  = "a=group:BUNDLE x y|m=audio 4000 RTP/AVP 8|a=mid:x|a=extmap:4 " + sdesMID + "|m=video 4000 RTP/AVP 31|a=mid:y|a=extmap:4 " + sdesMID
		answer = "m=audio 5000 RTP/AVP 8|m=video 5002 RTP/AVP 31"
		audio  = "|a=rtpmap:8 PCMA/8000|a=sendrecv|a=rtcp:"
		video  = "|a=rtpmap:31 H261/90000|a=sendrecv|a=rtcp:"
	)
	legs := func(c *call) (a, b []bridge.Media, f []bridge.Flow) {
		p := c.s.Plan()
		return p.Legs[0].Media, p.Legs[1].Media, p.Flows
	}
	t.Run("a bundles", func(t *testing.T) {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{Bundle: bridge.Bundle{Accept: true}, StripExtensions: []string{"urn:q"}, MaskExtensions: []string{sdesMID}}, offer,
			"m=audio 12000 RTP/AVP 8|a=mid:x" + audio + "12001|m=video 12010 RTP/AVP 31|a=mid:y" + video + "12011"})
		c.do(step{"b answers", bridge.Options{}, answer, "a=group:BUNDLE x y|m=audio 11000 RTP/AVP 8|a=mid:x|a=extmap:4 " + sdesMID + audio + "11001" +
			"|m=video 11000 RTP/AVP 31|a=mid:y|a=extmap:4 " + sdesMID + video + "11001"})
		a, b, f := legs(c)
		if !a[0].SendMID || !a[1].SendMID || a[1].MID != "y" || a[1].MIDID != 4 || b[0].SendMID || b[1].SendMID {
			t.Errorf("%+v\n%+v", a, b)
		}
		for _, f := range f {
			if out := slices.Equal(f.Extensions, []bridge.ExtensionRoute{{From: 4}}); out != (f.From == 1) {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("b does not know the extension", func(t *testing.T) {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{Bundle: bridge.Bundle{Accept: true}}, offer, ""})
		c.do(step{"b answers", bridge.Options{}, answer, ""})
		if a, _, _ := legs(c); !a[0].SendMID || a[0].MIDID != 4 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("b is offered a bundle", func(t *testing.T) {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{Bundle: bridge.Bundle{Offer: true}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|m=video 4002 RTP/AVP 31",
			"a=group:BUNDLE 1 2|m=audio 12000 RTP/AVP 8|a=extmap:1 urn:x|a=mid:1|a=extmap:2 " + sdesMID + audio + "12001|m=video 12010 RTP/AVP 31|a=mid:2|a=extmap:2 " + sdesMID + video + "12011"})
		c.do(step{"b answers", bridge.Options{}, "a=group:BUNDLE 1 2|m=audio 5000 RTP/AVP 8|a=mid:1|a=extmap:2 " + sdesMID + "|m=video 5000 RTP/AVP 31|a=mid:2|a=extmap:2 " + sdesMID,
			"m=audio 11000 RTP/AVP 8" + audio + "11001|m=video 11010 RTP/AVP 31" + video + "11011"})
		a, b, _ := legs(c)
		if a[0].SendMID || !b[0].SendMID || !b[1].SendMID || b[1].MIDID != 2 || b[1].MID != "2" {
			t.Errorf("%+v\n%+v", a, b)
		}
	})
	t.Run("a number means the same in all of a bundle", func(t *testing.T) {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{Bundle: bridge.Bundle{Offer: true}}, "m=audio 4000 RTP/AVP 8|a=extmap:1 urn:x|m=video 4002 RTP/AVP 31|a=extmap:1 urn:y|a=extmap:2 urn:x",
			"a=group:BUNDLE 1 2|m=audio 12000 RTP/AVP 8|a=extmap:1 urn:x|a=mid:1|a=extmap:3 " + sdesMID + audio + "12001|m=video 12010 RTP/AVP 31|a=extmap:4 urn:y|a=extmap:1 urn:x|a=mid:2|a=extmap:3 " + sdesMID + video + "12011"})
	})
	t.Run("an audio stream alone needs none", func(t *testing.T) {
		c := newCall(t)
		c.do(step{"a offers", bridge.Options{Bundle: bridge.Bundle{Accept: true}}, "a=group:BUNDLE x|m=audio 4000 RTP/AVP 8|a=mid:x|a=extmap:4 " + sdesMID, ""})
		c.do(step{"b answers", bridge.Options{}, "m=audio 5000 RTP/AVP 8", ""})
		if a, _, f := legs(c); a[0].SendMID || f[0].Extensions != nil {
			t.Errorf("%+v", a)
		}
	})
}
