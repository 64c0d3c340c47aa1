package bridge_test

import (
	"errors"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// TestJoin: everything of two sessions is in the one made of them, under new
// numbers, and the two are as they were.
func TestJoin(t *testing.T) {
	e := engine(t)
	made := func(x, y string) *bridge.Session {
		s, ports := e.Session(), newPorts()
		_, err := s.Offer(bridge.Offer{FromTag: x, SDP: body("m=audio 6000 RTP/AVP 8")}, ports)
		if err == nil {
			_, err = s.Answer(bridge.Answer{FromTag: x, ToTag: y, SDP: body("m=audio 7000 RTP/AVP 8")}, ports)
		}
		if err == nil {
			_, err = s.Subscribe(bridge.Subscription{ToTag: "to " + x, Tags: []string{y}}, ports)
		}
		if err == nil {
			_, err = s.SubscribeAnswer(bridge.Answer{ToTag: "to " + x, SDP: body("m=audio 8000 RTP/AVP 8|a=recvonly")}, ports)
		}
		if err == nil {
			_, err = s.Publish(bridge.Publication{FromTag: "by " + x, SDP: body("m=audio 9000 RTP/AVP 8|a=sendonly")}, ports)
		}
		if err == nil {
			err = s.Inject("by "+x, x)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one, two := made("a", "b"), made("c", "d")
	s, by, err := e.Join(one, two)
	if err != nil || by != 4 {
		t.Fatalf("%d, %v", by, err)
	}
	p, first, second := s.Plan(), one.Plan(), two.Plan()
	if len(p.Legs) != 8 || len(p.Flows) != len(first.Flows)+len(second.Flows) || len(p.Mixes) != 2 {
		t.Fatalf("%d legs, %d flows, %d mixes", len(p.Legs), len(p.Flows), len(p.Mixes))
	}
	if m, want := p.Mixes[1], second.Mixes[0]; m.From != want.From+by || m.To != want.To+by {
		t.Errorf("%+v, was %+v", m, want)
	}
	known := func(l bridge.LegID) bool { return l > 0 && int(l) <= len(p.Legs) }
	for _, f := range p.Flows {
		if !known(f.From) || !known(f.To) || (f.From <= by) != (f.To <= by) {
			t.Errorf("from %d to %d", f.From, f.To)
		}
	}
	if _, _, err := s.Connect("a", "d"); err != nil {
		t.Fatal(err)
	}
	if err := s.Hear("b", []string{"c", "d"}, true); err != nil {
		t.Fatal(err)
	}
	if len(one.Plan().Legs) != 4 || len(two.Plan().Flows) != len(second.Flows) {
		t.Error("the sessions have changed")
	}
	b, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = e.Restore(b); err != nil {
		t.Fatal(err)
	}
	heard := 0
	for _, f := range s.Plan().Flows {
		if f.From == 2 && (f.To == 5 || f.To == 6) || f.To == 2 && (f.From == 5 || f.From == 6) {
			heard++
		}
	}
	if heard != 4 {
		t.Errorf("%d of 4 directional flows", heard)
	}
	s.Remove(5)
	if err := s.Mute("b", "", true); err != nil {
		t.Error(err)
	}
	if _, _, err := e.Join(one, one); !errors.Is(err, bridge.ErrMismatch) {
		t.Error(err)
	}
}
