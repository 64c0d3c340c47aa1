package relay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/sdp"
	"pgregory.net/rapid"
)

// next event, which must be there.
func (g *rig) event() relay.Event {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), 5*time.Second)
	defer cancel()
	for e := range g.Events(ctx) {
		return e
	}
	g.Fatal("no event")
	return relay.Event{}
}

func TestMediaTimeout(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.connect(a, b)
	for range 5 {
		g.clock.advance(50 * time.Second)
		b.gets(a.send()) // one direction is enough
		g.Sweep(g.clock.now())
	}
	g.clock.advance(61 * time.Second)
	g.Sweep(g.clock.now())
	g.Sweep(g.clock.now())
	if e := g.event(); e.Kind != relay.MediaTimeout || e.CallID != "call" || len(e.Report.Legs) != 2 {
		t.Errorf("%+v", e)
	}
	g.clock.advance(20 * time.Second)
	b.gets(a.send()) // they speak again
	g.Sweep(g.clock.now())
	g.clock.advance(61 * time.Second)
	g.Sweep(g.clock.now())
	if e := g.event(); e.Kind != relay.MediaTimeout {
		t.Errorf("%+v", e)
	}
	g.clock.advance(30 * time.Second) // the owner does nothing
	g.Sweep(g.clock.now())
	if e := g.event(); e.Kind != relay.Released || e.Report.Ended.IsZero() || g.Count() != 0 {
		t.Errorf("%+v", e)
	}
	if n := g.Totals(); n.MediaTimeouts != 2 || n.Released != 1 || n.Created != 1 {
		t.Errorf("%+v", n)
	}
}

func TestHoldTimeout(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	a.lines, b.lines = "a=inactive\r\n", "a=inactive\r\n"
	g.connect(a, b)
	g.clock.advance(59 * time.Minute)
	g.Sweep(g.clock.now())
	if g.Totals().MediaTimeouts != 0 {
		t.Error("timed out on hold")
	}
	g.clock.advance(2 * time.Minute)
	g.Sweep(g.clock.now())
	if e := g.event(); e.Kind != relay.MediaTimeout || !e.Report.Held {
		t.Errorf("%+v", e)
	}
}

func TestOfferTimeout(t *testing.T) {
	for _, early := range []bool{false, true} {
		g := newRig(t)
		a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.offer(a, b, relay.OfferRequest{})
		if early {
			g.answer(a, b, relay.AnswerRequest{Early: true})
		}
		g.clock.advance(179 * time.Second)
		g.Sweep(g.clock.now())
		if g.Count() != 1 {
			t.Fatal("released too early")
		}
		g.clock.advance(2 * time.Second)
		g.Sweep(g.clock.now())
		if e := g.event(); e.Kind != relay.Released || g.Count() != 0 {
			t.Errorf("%+v", e)
		}
	}
}

func TestEventsEndWithRelay(t *testing.T) {
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: relayAddr}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for e := range r.Events(context.Background()) {
		t.Errorf("%+v", e)
	}
	if _, err := r.Offer(t.Context(), relay.OfferRequest{CallID: "c", FromTag: "a", SDP: []byte("v=0\r\n")}); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("offer after the end: %v", err)
	}
}

func TestLimits(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.MaxSessions, c.MaxStreams, c.MaxLegs = 2, 2, 3 })
	a := g.party("a", "127.0.0.2")
	try := func(req relay.OfferRequest) error {
		if req.SDP == nil {
			req.SDP = a.sdp()
		}
		_, err := g.Offer(t.Context(), req)
		return err
	}
	video := "m=video 5000 RTP/AVP 96\r\n"
	for _, c := range []struct {
		req  relay.OfferRequest
		want error
	}{
		{relay.OfferRequest{CallID: "1", FromTag: "a", SDP: a.sdpAt(a.addr, video+video)}, relay.ErrStreams},
		{relay.OfferRequest{CallID: "1", FromTag: "a", SDP: []byte("v=0\r\nm=audio\r\n")}, sdp.ErrSyntax},
		{relay.OfferRequest{CallID: "1", FromTag: "a", FromInterface: "none"}, relay.ErrInterface},
		{relay.OfferRequest{CallID: "1", FromTag: "a", ToInterface: "none"}, relay.ErrInterface},
		{relay.OfferRequest{CallID: "1", FromTag: "a", ToTag: "a"}, relay.ErrMismatch},
		{relay.OfferRequest{CallID: "1"}, relay.ErrMismatch},
		{relay.OfferRequest{CallID: strings.Repeat("1", 2049), FromTag: "a"}, relay.ErrMismatch},
		{relay.OfferRequest{CallID: "1", FromTag: strings.Repeat("a", 2049)}, relay.ErrMismatch},
		{relay.OfferRequest{CallID: "1", FromTag: "a", ViaBranch: "1"}, nil},
		{relay.OfferRequest{CallID: "1", FromTag: "a", ViaBranch: "2"}, nil},
		{relay.OfferRequest{CallID: "1", FromTag: "a", ViaBranch: "3"}, relay.ErrStreams},
		{relay.OfferRequest{CallID: "2", FromTag: "a"}, nil},
		{relay.OfferRequest{CallID: "3", FromTag: "a"}, relay.ErrSessions},
	} {
		if err := try(c.req); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.req, err)
		}
	}
	if g.Count() != 2 {
		t.Errorf("%d sessions", g.Count())
	}
	seen := map[string]bool{}
	for id := range g.List() {
		seen[id] = true
	}
	if len(seen) != 2 || !seen["1"] || !seen["2"] {
		t.Errorf("%v", seen)
	}
}

func TestAnswerErrors(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	g.offer(a, b, relay.OfferRequest{ViaBranch: "z"})
	ok := relay.AnswerRequest{CallID: "call", FromTag: "a", ToTag: "b", ViaBranch: "z", SDP: b.sdp()}
	for name, c := range map[string]struct {
		change func(*relay.AnswerRequest)
		want   error
	}{
		"call":   {func(r *relay.AnswerRequest) { r.CallID = "x" }, relay.ErrUnknownCall},
		"from":   {func(r *relay.AnswerRequest) { r.FromTag = "x" }, relay.ErrUnknownCall},
		"to":     {func(r *relay.AnswerRequest) { r.ToTag = "" }, relay.ErrMismatch},
		"media":  {func(r *relay.AnswerRequest) { r.SDP = b.sdpAt(b.addr, "m=video 1 RTP/AVP 96\r\n") }, relay.ErrMismatch},
		"family": {func(r *relay.AnswerRequest) { r.SDP = b.sdpAt(addrPort("[2001:db8::1]:9"), "") }, relay.ErrInterface},
		"sdp":    {func(r *relay.AnswerRequest) { r.SDP = []byte("x") }, sdp.ErrSyntax},
		"none":   {func(r *relay.AnswerRequest) { r.SDP = nil }, relay.ErrUnknownCall},
	} {
		req := ok
		c.change(&req)
		if _, err := g.Answer(t.Context(), req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.answer(a, b, relay.AnswerRequest{ViaBranch: "z"})
	g.talk(a, b)
}

func TestPortsRunOut(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.PortMin, c.PortMax, c.Quarantine = 21000, 21007, 30*time.Second })
	a := g.party("a", "127.0.0.2")
	offer := func(id string) error {
		_, err := g.Offer(t.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: a.sdp()})
		return err
	}
	free := g.Totals().PortsFree["127.0.0.1"]
	var made int
	for made = 0; offer(fmt.Sprint(made)) == nil; made++ {
	}
	if err := offer("x"); !errors.Is(err, relay.ErrPorts) || g.Count() != made || made > 2 || free != 4 {
		t.Fatalf("made %d of %d pairs, %d sessions: %v", made, free, g.Count(), err)
	}
	for id := range g.List() {
		g.delete(relay.DeleteRequest{CallID: id})
	}
	if err := offer("x"); !errors.Is(err, relay.ErrPorts) {
		t.Errorf("ports did not rest: %v", err)
	}
	g.eventually("ports come back after their rest", func() bool {
		g.clock.advance(31 * time.Second)
		return offer("x") == nil
	})
}

// TestPortPool: no pair is given twice, none before it has rested, all come
// back.
func TestPortPool(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.IntRange(1, 200).Draw(t, "pairs")
		rest := time.Duration(rapid.IntRange(0, 30).Draw(t, "rest")) * time.Second
		p := relay.NewPortPool(30000, 30000+uint16(2*pairs-1), rest)
		now := time.Unix(1000, 0)
		taken, until := map[uint16]bool{}, map[uint16]time.Time{}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "take") {
				port, ok := p.Take(now)
				if !ok {
					for n := range pairs {
						port := 30000 + uint16(2*n)
						if !taken[port] && !now.Before(until[port]) {
							t.Fatalf("%d is free", port)
						}
					}
					continue
				}
				if port%2 != 0 || port < 30000 || int(port) >= 30000+2*pairs || taken[port] || now.Before(until[port]) {
					t.Fatalf("got %d", port)
				}
				taken[port] = true
				continue
			}
			if held := slices.Sorted(maps.Keys(taken)); len(held) > 0 {
				port := rapid.SampledFrom(held).Draw(t, "port")
				delete(taken, port)
				until[port] = now.Add(rest)
				p.Release(port, now)
			}
		}
		if got := p.Available(now.Add(time.Hour)); got != pairs-len(taken) {
			t.Fatalf("%d free, %d of %d taken", got, len(taken), pairs)
		}
	})
}

func TestBadConfig(t *testing.T) {
	i := []relay.Interface{{Addr: relayAddr}}
	for name, c := range map[string]relay.Config{
		"no interface":  {},
		"no address":    {Interfaces: []relay.Interface{{}}},
		"unspecified":   {Interfaces: []relay.Interface{{Addr: netip.IPv4Unspecified()}}},
		"families":      {Interfaces: []relay.Interface{{Addr: relayAddr, Advertised: relay6}}},
		"range":         {Interfaces: i, PortMin: 5000, PortMax: 4000},
		"system ports":  {Interfaces: i, PortMin: 1000, PortMax: 4000},
		"alias of none": {Interfaces: i, Aliases: map[string]string{"a": "b"}},
		"reserved name": {Interfaces: []relay.Interface{{Name: relay.RoundRobin, Addr: relayAddr}}},
		"one port only": {Interfaces: i, PortMin: 5001, PortMax: 5002},
	} {
		if _, err := relay.New(c); err == nil || !strings.HasPrefix(err.Error(), "relay: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSourcesAndStrain: limits on what one source begins and on what the
// machine bears; calls that end make room.
func TestSourcesAndStrain(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.Limits = relay.Limits{PerSource: 2} })
	a := g.party("a", "127.0.0.2")
	try := func(g *rig, id, source string) error {
		_, err := g.Offer(t.Context(), relay.OfferRequest{CallID: id, FromTag: "a", SDP: a.sdp(), Source: netip.MustParseAddr(source)})
		return err
	}
	for _, c := range []struct {
		id, source string
		want       error
	}{{"1", "192.0.2.1", nil}, {"2", "192.0.2.1", nil}, {"3", "192.0.2.1", relay.ErrSource}, {"4", "192.0.2.2", nil}, {"1", "192.0.2.1", nil}} {
		if err := try(g, c.id, c.source); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	g.delete(relay.DeleteRequest{CallID: "1"})
	if err := try(g, "3", "192.0.2.1"); err != nil {
		t.Error(err)
	}
	for want, limits := range map[error]relay.Limits{relay.ErrCPU: {CPU: 1e-9}, relay.ErrLoad: {Load: 1e-9}, relay.ErrBandwidth: {Bandwidth: 1}} {
		g := newRig(t, func(c *relay.Config) { c.Limits = limits })
		x, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
		g.Sweep(g.clock.now())
		if want == relay.ErrBandwidth {
			g.connect(x, b)
			g.talk(x, b)
		}
		g.eventually(want.Error(), func() bool {
			g.Sweep(g.clock.now())
			err := try(g, "n", "192.0.2.1")
			if err == nil {
				g.delete(relay.DeleteRequest{CallID: "n"})
				if want == relay.ErrBandwidth {
					g.talk(x, b)
				}
			}
			return errors.Is(err, want)
		})
	}
}
