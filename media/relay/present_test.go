package relay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
)

// TestPresent: what metrics show of the streams of the moment.
func TestPresent(t *testing.T) {
	k := newFakeKernel()
	g := newRig(t, func(c *relay.Config) { c.Offload = k })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	present := func() relay.Present {
		t.Helper()
		p, err := g.Present(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := present(); len(p.Streams) != 0 || p.Rated != 0 {
		t.Errorf("%+v", p)
	}
	g.connect(a, b)
	g.talk(a, b)
	user, kernel := relay.StreamClass{Profile: "RTP/AVP"}, relay.StreamClass{Kernel: true, Profile: "RTP/AVP"}
	if p := present(); p.Streams[user] != 2 || p.Streams[kernel] != 0 || p.Transcoded != 0 {
		t.Errorf("%+v", p)
	}
	g.clock.advance(time.Second)
	g.Sweep(g.clock.now())
	if p := present(); p.Streams[user] != 0 || p.Streams[kernel] != 2 {
		t.Errorf("%+v", p)
	}
	if p := present(); p.Rated != 2 || p.MOS < 4 || p.LowestMOS > p.MOS {
		t.Errorf("%+v", p)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Present(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestPresentTranscoded: streams with a coder are counted, and the packets that
// it was given. What a party calls its profile makes no label.
func TestPresentTranscoded(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.plan(planned{a, b, func(p *bridge.Plan) {
		transcoded(p)
		p.Legs[1].Media[0].Proto = "RTP/MINE"
	}})
	for n := range 3 {
		a.raw(a.rtp, a.to, a.audio(8, byte(n)))
		b.receive()
	}
	p, err := g.Present(t.Context())
	if err != nil || p.Transcoded != 2 || p.Streams[relay.StreamClass{Profile: "other"}] != 1 || p.Streams[relay.StreamClass{Profile: "RTP/AVP"}] != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if n := g.Totals().Transcoded; n != 3 {
		t.Errorf("%d packets", n)
	}
}
