package bridge_test

import (
	"errors"
	"testing"

	"github.com/class5-go/class5/media/bridge"
)

// TestMixes: what is mixed into what, stream by stream; it holds over an export
// and a refused offer, and ends with the source.
func TestMixes(t *testing.T) {
	e := engine(t)
	c := &call{TB: t, s: e.Session(), ports: newPorts()}
	c.do(step{who: "a offers", say: "m=video 6000 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6002 RTP/AVP 8|m=audio 6004 RTP/AVP 18 8"})
	c.do(step{who: "b answers", say: "m=video 7000 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 7002 RTP/AVP 8|m=audio 7004 RTP/AVP 18 8"})
	publish := func(tag, say string) bridge.LegID {
		t.Helper()
		r, err := c.s.Publish(bridge.Publication{FromTag: tag, SDP: body(say), Options: bridge.Options{Codec: bridge.CodecOptions{Accept: []string{"any"}}}}, c.ports)
		if err != nil {
			t.Fatal(err)
		}
		return r.From
	}
	p, g := publish("p", "m=audio 8000 RTP/AVP 0|a=sendonly"), publish("g", "m=audio 8002 RTP/AVP 18|a=sendonly")
	for source, want := range map[string]error{"g": bridge.ErrNoCodec, "a": bridge.ErrMismatch, "b": bridge.ErrMismatch, "z": bridge.ErrUnknown} {
		if err := c.s.Inject(source, "b"); !errors.Is(err, want) {
			t.Errorf("%s: %v", source, err)
		}
	}
	if err := c.s.Inject("p", "z"); !errors.Is(err, bridge.ErrUnknown) {
		t.Error(err)
	}
	mixes := func(what string, want ...bridge.Mix) {
		t.Helper()
		got := c.s.Plan().Mixes
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	mixes("nothing yet")
	if err := c.s.Inject("p", "b"); err != nil {
		t.Fatal(err)
	}
	b := c.s.Plan().Legs[1].ID
	want := bridge.Mix{From: p, To: b, FromMedia: 0, ToMedia: 1}
	mixes("mixed", want)
	x, err := c.s.Export()
	if err != nil {
		t.Fatal(err)
	}
	if c.s, err = e.Restore(x); err != nil {
		t.Fatal(err)
	}
	mixes("restored", want)
	c.do(step{who: "a offers", say: "m=video 6000 RTP/AVP 96|a=rtpmap:96 VP8/90000|m=audio 6002 RTP/AVP 8|m=audio 6004 RTP/AVP 18 8"})
	if err := c.s.StopInject("p", "b"); err != nil {
		t.Fatal(err)
	}
	if err := c.s.StopInject("p", "b"); !errors.Is(err, bridge.ErrMismatch) {
		t.Error(err)
	}
	if !c.s.Rollback() {
		t.Fatal("nothing to take back")
	}
	mixes("ended, and the offer taken back")
	if err := c.s.Inject("p", "b"); err != nil {
		t.Fatal(err)
	}
	c.s.Remove(g)
	mixes("another one left", want)
	c.s.Remove(p)
	mixes("the source left")
}
