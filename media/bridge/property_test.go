package bridge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/sdp"
)

var directions = []string{"sendrecv", "sendonly", "recvonly", "inactive"}

// drawBody makes a description of one to three streams.
func drawBody(t *rapid.T, streams int, port int) string {
	var b strings.Builder
	for i := range streams {
		fmt.Fprintf(&b, "m=audio %d RTP/AVP", port+2*i)
		types := rapid.SliceOfNDistinct(rapid.SampledFrom([]int{0, 8, 9, 18, 96, 101}), 1, 5, rapid.ID[int]).Draw(t, "types")
		for _, pt := range types {
			fmt.Fprintf(&b, " %d", pt)
		}
		b.WriteString("|a=rtpmap:96 opus/48000/2|a=rtpmap:101 telephone-event/8000|a=" + rapid.SampledFrom(directions).Draw(t, "direction"))
		if rapid.Bool().Draw(t, "mux") {
			b.WriteString("|a=rtcp-mux")
		}
		if i < streams-1 {
			b.WriteString("|")
		}
	}
	return b.String()
}

func mustParse(t *rapid.T, b []byte) *sdp.Description {
	d, err := sdp.Parse(b, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return d
}

// TestProperties: what holds for any offer and answer without options.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := engine(t)
		s, ports := e.Session(), newPorts()
		n := rapid.IntRange(1, 3).Draw(t, "streams")
		said := body(drawBody(t, n, 4000))
		o := bridge.Options{Replace: bridge.Replace{Version: true}}
		r1, err := s.Offer(bridge.Offer{FromTag: "a", SDP: said, Options: o}, ports)
		if err != nil {
			t.Fatal(err)
		}
		reply := body(drawBody(t, rapid.IntRange(1, n).Draw(t, "answered"), 5000))
		a1, err := s.Answer(bridge.Answer{FromTag: "a", ToTag: "b", SDP: reply, Options: o}, ports)
		if errors.Is(err, bridge.ErrNoCodec) { // in no m= line
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := mustParse(t, a1.SDP).Len(); got != n {
			t.Fatalf("answer of %d media to an offer of %d", got, n)
		}
		algebra(t, said, r1.SDP)
		algebra(t, reply, a1.SDP)

		// The same again: the same ports, and a version that grew only if the
		// answer changed something (rtcp-mux).
		r2, err := s.Offer(bridge.Offer{FromTag: "a", ToTag: "b", SDP: said, Options: o}, ports)
		if err != nil {
			t.Fatal(err)
		}
		r3, err := s.Offer(bridge.Offer{FromTag: "a", ToTag: "b", SDP: said, Options: o}, ports)
		if err != nil {
			t.Fatal(err)
		}
		if string(r2.SDP) != string(r3.SDP) {
			t.Fatalf("said twice, told differently\n%s\n%s", r2.SDP, r3.SDP)
		}
		for i, m := range mustParse(t, r1.SDP).All() {
			if p := mustParse(t, r2.SDP).Media(i).Port(); p != m.Port() {
				t.Fatalf("port %d became %d", m.Port(), p)
			}
		}
		flows(t, s.Plan())
	})
}

// algebra: a direction is passed as it was said.
func algebra(t *rapid.T, said, told []byte) {
	in, out := mustParse(t, said), mustParse(t, told)
	for i, m := range in.All() {
		if i < out.Len() && !out.Media(i).Rejected() && out.Media(i).Direction() != m.Direction() {
			t.Fatalf("%v became %v", m.Direction(), out.Media(i).Direction())
		}
	}
}

// flows: a flow is open exactly when its sender sends and its receiver
// receives.
func flows(t *rapid.T, p bridge.Plan) {
	legs := make(map[bridge.LegID]bridge.Leg)
	for _, l := range p.Legs {
		legs[l.ID] = l
	}
	for _, f := range p.Flows {
		from, to := legs[f.From].Media[f.FromMedia], legs[f.To].Media[f.ToMedia]
		if !to.RTP.IsValid() || !from.RTP.IsValid() {
			continue
		}
		if want := from.Direction.Sends() && to.Direction.Receives() && !to.Muted; f.Open != want {
			t.Fatalf("open %v between %v and %v", f.Open, from.Direction, to.Direction)
		}
	}
}
