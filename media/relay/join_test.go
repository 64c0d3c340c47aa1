package relay_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/bridge"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/media/relay/filerelay"
	"github.com/class5-go/class5/media/rtpwire"
	"github.com/class5-go/class5/media/srtp"
	"github.com/class5-go/class5/media/srtp/sdes"
)

// pairs are two calls: one of a and b, two of c and d.
type pairs struct {
	*rig
	a, b, c, d *party
}

func newPairs(t *testing.T, change ...func(*relay.Config)) pairs {
	t.Helper()
	g := newRig(t, change...)
	p := pairs{g, g.party("a", "127.0.0.2"), g.party("bb", "127.0.0.3"), g.party("ccc", "127.0.0.4"), g.party("dddd", "127.0.0.5")}
	for name, x := range map[string][2]*party{"one": {p.a, p.b}, "two": {p.c, p.d}} {
		g.offer(x[0], x[1], relay.OfferRequest{CallID: name})
		g.answer(x[0], x[1], relay.AnswerRequest{CallID: name})
		g.talk(x[0], x[1])
	}
	return p
}

// TestConnectCalls: parties of two calls talk to each other at the ports they
// have; both names lead to what is one call now, and it ends under either.
func TestConnectCalls(t *testing.T) {
	for _, name := range []string{"one", "two"} {
		t.Run(name, func(t *testing.T) {
			p := newPairs(t, func(c *relay.Config) { c.Events = []relay.EventKind{relay.Released, relay.MediaTimeout} })
			free := p.Totals().PortsFree["127.0.0.1"]
			if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"}); err != nil {
				t.Fatal(err)
			}
			if n := p.Totals().PortsFree["127.0.0.1"]; n != free || p.Count() != 1 {
				t.Errorf("%d of %d ports free, %d sessions", n, free, p.Count())
			}
			p.talk(p.a, p.d)
			p.b.send()
			p.c.send()
			for _, x := range []*party{p.a, p.b, p.c, p.d} {
				x.silent()
			}
			for _, id := range []string{"one", "two"} {
				rep, err := p.Query(t.Context(), id)
				if err != nil || len(rep.Legs) != 4 {
					t.Errorf("%s: %+v, %v", id, rep, err)
				}
			}
			if rep, _ := p.Query(t.Context(), "two"); rep.Legs[0].Streams[0].Received.Packets != 2 {
				t.Errorf("%+v", rep.Legs[0])
			}
			p.delete(relay.DeleteRequest{CallID: name})
			p.ended(t, free+4)
		})
	}
}

// ended expects that nothing is left of two calls.
func (p *pairs) ended(t *testing.T, free int) {
	t.Helper()
	for _, id := range []string{"one", "two"} {
		if _, err := p.Query(t.Context(), id); !errors.Is(err, relay.ErrUnknownCall) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if n := p.Totals().PortsFree["127.0.0.1"]; n != free || p.Count() != 0 {
		t.Errorf("%d of %d ports free, %d sessions", n, free, p.Count())
	}
	if _, err := p.Offer(t.Context(), relay.OfferRequest{CallID: "two", FromTag: "new", SDP: p.a.sdp()}); err != nil {
		t.Errorf("the name is not free: %v", err)
	}
}

// TestConnectedDialogsEnd: a call of two goes on when the dialog of one ends,
// and is over with that of the other.
func TestConnectedDialogsEnd(t *testing.T) {
	p := newPairs(t)
	free := p.Totals().PortsFree["127.0.0.1"] + 4
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"}); err != nil {
		t.Fatal(err)
	}
	p.delete(relay.DeleteRequest{CallID: "one", FromTag: "a", ToTag: "bb"})
	p.talk(p.a, p.d)
	p.delete(relay.DeleteRequest{CallID: "two", FromTag: "ccc", ToTag: "dddd"})
	p.ended(t, free)
}

// TestConnectDirectional: one hears others beside its partner, each as it is;
// that can be ended one by one.
func TestConnectDirectional(t *testing.T) {
	p := newPairs(t)
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "two", All: true, ToCallID: "one", ToTag: "bb", Directional: true}); err != nil {
		t.Fatal(err)
	}
	all := []*party{p.a, p.b, p.c, p.d}
	hear := func(from *party, to ...*party) {
		t.Helper()
		b := from.send()
		for _, x := range to {
			if got := x.receive(); !slices.Equal(got, b) {
				t.Errorf("%s hears %q of %s", x.tag, got, from.tag)
			}
		}
		for _, x := range all {
			x.silent()
		}
	}
	hear(p.a, p.b)
	hear(p.b, p.a)
	hear(p.c, p.d, p.b)
	hear(p.d, p.c, p.b)
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToTag: "ccc", Directional: true, Bidirectional: true}); err != nil {
		t.Fatal(err)
	}
	hear(p.a, p.b, p.c)
	hear(p.c, p.d, p.b, p.a)
	if err := p.Disconnect(t.Context(), relay.ConnectRequest{CallID: "two", FromTag: "ccc", ToTag: "bb"}); err != nil {
		t.Fatal(err)
	}
	hear(p.c, p.d, p.a)
	hear(p.d, p.c, p.b)
	if err := p.Disconnect(t.Context(), relay.ConnectRequest{CallID: "one", ToTag: "bb"}); err != nil {
		t.Fatal(err)
	}
	hear(p.d, p.c)
	for _, req := range []relay.ConnectRequest{{CallID: "one", ToTag: "bb"}, {CallID: "one", FromTag: "dddd", ToTag: "a"}} {
		if err := p.Disconnect(t.Context(), req); !errors.Is(err, relay.ErrMismatch) {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

// TestConnectRefused: two calls that cannot become one stay as they were.
func TestConnectRefused(t *testing.T) {
	p := newPairs(t, func(c *relay.Config) { c.MaxLegs = 5 })
	x, y := p.party("a", "127.0.0.6"), p.party("yy", "127.0.0.7")
	p.offer(x, y, relay.OfferRequest{CallID: "three"})
	p.answer(x, y, relay.AnswerRequest{CallID: "three"})
	for name, c := range map[string]struct {
		req  relay.ConnectRequest
		want error
	}{
		"a tag in both":    {relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "three", ToTag: "yy"}, relay.ErrMismatch},
		"no such call":     {relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "four", ToTag: "yy"}, relay.ErrUnknownCall},
		"no call":          {relay.ConnectRequest{CallID: "four", FromTag: "a", ToCallID: "one", ToTag: "a"}, relay.ErrUnknownCall},
		"no such party":    {relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "zz"}, relay.ErrUnknownCall},
		"of the other":     {relay.ConnectRequest{CallID: "one", FromTag: "z", ToCallID: "two", ToTag: "ccc"}, relay.ErrUnknownCall},
		"nobody but it":    {relay.ConnectRequest{CallID: "one", FromTag: "a", ToTag: "a", Directional: true}, relay.ErrMismatch},
		"directional, one": {relay.ConnectRequest{CallID: "one", FromTags: []string{"a", "z"}, ToCallID: "two", ToTag: "ccc", Directional: true}, relay.ErrUnknownCall},
	} {
		if err := p.Connect(t.Context(), c.req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		p.talk(p.a, p.b)
		p.talk(p.c, p.d)
	}
	if p.Count() != 3 {
		t.Errorf("%d sessions", p.Count())
	}
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"}); err != nil {
		t.Fatal(err)
	}
	p.offer(p.party("v", "127.0.0.8"), p.party("w", "127.0.0.9"), relay.OfferRequest{CallID: "five"})
	if err := p.Connect(t.Context(), relay.ConnectRequest{CallID: "one", FromTag: "a", ToCallID: "five", ToTag: "v"}); !errors.Is(err, relay.ErrStreams) {
		t.Errorf("six legs of five: %v", err)
	}
	p.talk(p.a, p.d)
}

// TestConnectSecureCalls: keys and indices of SRTP go on, over the wrap, and
// what one cannot read is decrypted for it.
func TestConnectSecureCalls(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("bb", "127.0.0.3")
	c, d := g.party("ccc", "127.0.0.4"), g.party("dddd", "127.0.0.5")
	out, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "one", FromTag: "a", SDP: a.sdp(),
		Options: bridge.Options{Transport: "RTP/SAVP", SDES: sdes.Options{Only: []srtp.Suite{srtp.AES128SHA180}}}})
	if err != nil {
		t.Fatal(err)
	}
	theirs, tag := cryptoIn(t, b.heard(out).Media(0).Attr)
	k := key(3)
	if out, err = g.Answer(t.Context(), relay.AnswerRequest{CallID: "one", FromTag: "a", ToTag: "bb", SDP: withCrypto(b.sdp(), tag, k)}); err != nil {
		t.Fatal(err)
	}
	a.heard(out)
	g.offer(c, d, relay.OfferRequest{CallID: "two"})
	g.answer(c, d, relay.AnswerRequest{CallID: "two"})
	seal1, open1 := sealer(t, k), sealer(t, theirs)
	talk := func(with *party) {
		t.Helper()
		plain := b.packet()
		b.raw(b.rtp, b.to, seal(t, seal1, plain, false))
		with.gets(plain)
		plain = with.send()
		got := b.receive()
		n, err := open1.Unprotect(got)
		if err != nil {
			t.Fatal(err)
		}
		h, payload, _ := rtpwire.Parse(got[:n])
		if want, w, _ := rtpwire.Parse(plain); h.Sequence != want.Sequence || string(payload) != string(w) {
			t.Errorf("%+v %q", h, payload)
		}
	}
	a.seq, b.seq = 65530, 65530
	for range 12 {
		talk(a)
	}
	c.seq = 20
	if err := g.Connect(t.Context(), relay.ConnectRequest{CallID: "two", FromTag: "ccc", ToCallID: "one", ToTag: "bb"}); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		talk(c)
	}
}

// TestInjectAcrossCalls: a party of another call is mixed in, and its own call
// goes on.
func TestInjectAcrossCalls(t *testing.T) {
	p := newPairs(t)
	p.clock.stop()
	if err := p.Inject(t.Context(), relay.InjectRequest{CallID: "one", ToTag: "bb", SourceCallID: "two", SourceTag: "ccc"}); err != nil {
		t.Fatal(err)
	}
	x := choir{p.rig, p.a, p.b, p.c}
	sing := func(frames int) []int16 {
		pcm, _ := x.sing(frames, true)
		for range frames {
			p.d.receive()
		}
		return pcm
	}
	sing(10)
	x.levels("both", sing(50), 8000, 6000)
	p.a.gets(p.b.send())
	if err := p.StopInject(t.Context(), relay.InjectRequest{CallID: "one", ToTag: "bb", SourceCallID: "two", SourceTag: "ccc"}); err != nil {
		t.Fatal(err)
	}
	p.clock.resume()
	p.eventually("packets pass as they are", func() bool {
		sent := p.a.sings(440, 8000)
		p.a.raw(p.a.rtp, p.a.to, sent)
		return slices.Equal(p.b.receive(), sent)
	})
	p.delete(relay.DeleteRequest{CallID: "two", FromTag: "ccc", ToTag: "dddd"})
	p.talk(p.a, p.b)
}

// TestConnectedCallsGoOn: a joined call is restored under both names, and the
// state that it replaced is not, whichever of them is read first.
func TestConnectedCallsGoOn(t *testing.T) {
	for _, req := range []relay.ConnectRequest{
		{CallID: "one", FromTag: "a", ToCallID: "two", ToTag: "dddd"},
		{CallID: "two", FromTag: "dddd", ToCallID: "one", ToTag: "a"},
	} {
		t.Run(req.CallID, func(t *testing.T) {
			store, err := filerelay.New(t.TempDir() + "/state")
			if err != nil {
				t.Fatal(err)
			}
			p := newPairs(t, func(c *relay.Config) { c.Store = store })
			kept := func() map[string][]byte {
				all := map[string][]byte{}
				for k, err := range store.All(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					all[k.CallID] = slices.Clone(k.State)
				}
				return all
			}
			p.eventually("both are kept", func() bool { return len(kept()) == 2 && p.Totals().StoreWaiting == 0 })
			old := kept()[req.ToCallID]
			if err := p.Connect(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			p.eventually("one is kept", func() bool { return len(kept()) == 1 && p.Totals().StoreWaiting == 0 })
			joined := kept()
			if joined[req.CallID] == nil || old == nil {
				t.Fatalf("%d states", len(joined))
			}
			p.delete(relay.DeleteRequest{CallID: "two"})
			p.eventually("none is kept", func() bool { return len(kept()) == 0 })
			n := 0
			for range 500 { // the loop may not have closed the ports yet
				for id, b := range map[string][]byte{req.CallID: joined[req.CallID], req.ToCallID: old} { // killed before the old one was forgotten
					if err := store.Apply(t.Context(), []relay.Change{{CallID: id, State: b}}); err != nil {
						t.Fatal(err)
					}
				}
				if n, err = p.Restore(t.Context()); n == 1 && err == nil {
					break
				}
				for _, id := range slices.Collect(p.List()) { // one of the two found its ports free
					p.delete(relay.DeleteRequest{CallID: id})
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n != 1 || err != nil {
				t.Fatalf("%d sessions, %v", n, err)
			}
			if n := len(kept()); n != 1 {
				t.Errorf("%d states", n)
			}
			p.talk(p.a, p.d)
			if rep, err := p.Query(t.Context(), "two"); err != nil || len(rep.Legs) != 4 {
				t.Errorf("%+v, %v", rep, err)
			}
			p.clock.advance(time.Hour)
			p.Sweep(p.clock.now())
			p.delete(relay.DeleteRequest{CallID: "two"})
			p.eventually("none is kept again", func() bool { return len(kept()) == 0 })
		})
	}
}
