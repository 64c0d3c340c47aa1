package bridge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// TestCreate: what a party that the relay offers to is told, by the wishes.
func TestCreate(t *testing.T) {
	audio := "m=audio 11100 RTP/AVP 8 0|c=IN IP4 192.0.2.99|a=rtpmap:8 PCMA/8000|a=rtpmap:0 PCMU/8000|a=sendrecv|a=rtcp:11101"
	for name, x := range map[string]struct {
		c    bridge.Creation
		told string
	}{
		"plain":  {bridge.Creation{}, audio},
		"codecs": {bridge.Creation{Media: []bridge.CreatedMedia{{"audio", []string{"opus", "G722", "telephone-event/48000"}}}}, "m=audio 11100 RTP/AVP 96 9 97|c=IN IP4 192.0.2.99|a=rtpmap:96 opus/48000/2|a=rtpmap:9 G722/8000|a=rtpmap:97 telephone-event/48000|a=fmtp:97 0-15|a=sendrecv|a=rtcp:11101"},
		"secure": {bridge.Creation{Options: bridge.Options{Transport: "RTP/SAVP", DTLS: bridge.DTLSOff}}, "RTP/SAVP 8 0"},
		"ICE":    {bridge.Creation{Options: bridge.Options{ICE: bridge.ICEForce}}, "a=ice-pwd:P"},
		"two":    {bridge.Creation{Media: []bridge.CreatedMedia{{"audio", []string{"PCMA"}}, {"video", []string{"VP8/90000"}}}}, "m=video 11110 RTP/AVP 96|c=IN IP4 192.0.2.99|a=rtpmap:96 VP8/90000|"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t)
			x.c.Tag = "a"
			r, err := c.s.Create(x.c, c.ports)
			if err != nil {
				t.Fatal(err)
			}
			if got := seen(r.SDP); !strings.Contains(got, x.told) {
				t.Errorf("%s\n%s", strings.ReplaceAll(got, "|", "\n"), x.told)
			}
			again, err := c.s.Create(x.c, c.ports)
			if err != nil || again.To != r.To || !strings.Contains(seen(again.SDP), x.told) {
				t.Errorf("again: %v %s", err, seen(again.SDP))
			}
		})
	}
}

// TestConnect: parties that never offered each other anything are connected by
// the kinds of their media, those they leave are not heard any more, and codecs
// that do not fit are translated. It holds over an export.
func TestConnect(t *testing.T) {
	e := engine(t)
	c := &call{TB: t, s: e.Session(), ports: newPorts()}
	say := func(r bridge.Result, err error) bridge.Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := say(c.s.Create(bridge.Creation{Tag: "a", Media: []bridge.CreatedMedia{{"video", []string{"VP8/90000"}}, {"audio", []string{"PCMA"}}}}, c.ports)).To
	b := say(c.s.Create(bridge.Creation{Tag: "b", Media: []bridge.CreatedMedia{{"audio", []string{"PCMU"}}}}, c.ports)).To
	if _, _, err := c.s.Connect("a", "b"); !errors.Is(err, bridge.ErrMismatch) {
		t.Errorf("connected before they said anything: %v", err)
	}
	say(c.s.CreateAnswer(bridge.Answer{ToTag: "a", SDP: body("m=video 6000 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6002 RTP/AVP 8")}, c.ports))
	say(c.s.CreateAnswer(bridge.Answer{ToTag: "b", SDP: body("m=audio 7000 RTP/AVP 0")}, c.ports))
	if n := len(c.s.Plan().Flows); n != 0 {
		t.Errorf("%d flows of nobody", n)
	}
	if _, _, err := c.s.Connect("a", "b"); err != nil {
		t.Fatal(err)
	}
	check := func(from, to bridge.LegID, media, toMedia int, action bridge.Action) {
		t.Helper()
		for _, f := range c.s.Plan().Flows {
			if f.From == from && f.To == to {
				if f.FromMedia != media || f.ToMedia != toMedia || !f.Open || len(f.Payloads) != 1 || f.Payloads[0].Action != action {
					t.Errorf("%+v", f)
				}
				return
			}
		}
		t.Errorf("no flow from %d to %d", from, to)
	}
	check(a, b, 1, 0, bridge.Transcode)
	check(b, a, 0, 1, bridge.Transcode)

	// x and y talk, then x is given to b.
	x := say(c.s.Offer(bridge.Offer{FromTag: "x", SDP: body("m=audio 8000 RTP/AVP 0")}, c.ports)).From
	say(c.s.Answer(bridge.Answer{FromTag: "x", ToTag: "y", SDP: body("m=audio 8002 RTP/AVP 0")}, c.ports))
	if _, _, err := c.s.Connect("x", "b"); err != nil {
		t.Fatal(err)
	}
	exported, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if c.s, err = e.Restore(exported); err != nil {
		t.Fatal(err)
	}
	check(x, b, 0, 0, bridge.Pass)
	check(b, x, 0, 0, bridge.Pass)
	for _, l := range c.s.Plan().Legs {
		if want := map[bridge.LegID]bridge.LegID{x: b, b: x}[l.ID]; want != 0 && l.Peer != want {
			t.Errorf("leg %d talks to %d", l.ID, l.Peer)
		}
		if l.Subscriber {
			t.Errorf("leg %d is a subscriber", l.ID)
		}
	}
}
