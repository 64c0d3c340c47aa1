package relay_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/class5-go/class5/media/relay"
)

// TestEndings: sessions are counted by why they ended, with how long they lasted
// and whether both parties were heard.
func TestEndings(t *testing.T) {
	g := newRig(t, func(c *relay.Config) {
		c.MaxSessions, c.MediaTimeout, c.HoldTimeout, c.OfferTimeout, c.ReleaseDelay = 2, time.Minute, time.Hour, 3*time.Minute, 10*time.Second
	})
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	sweep := func(d time.Duration) { g.clock.advance(d); g.Sweep(g.clock.now()) }
	var want relay.Endings
	check := func(what string, length time.Duration) {
		t.Helper()
		want.Duration += length
		want.Squares += length.Seconds() * length.Seconds()
		got := g.Totals().Ended // the clock runs meanwhile
		near := math.Abs(got.Squares-want.Squares) < 1+want.Squares/100
		got.Duration, got.Squares = got.Duration.Truncate(time.Second), want.Squares
		if got != want || !near {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	g.connect(a, b)
	g.talk(a, b)
	g.clock.advance(40 * time.Second)
	g.delete(relay.DeleteRequest{})
	want.Regular++
	check("deleted", 40*time.Second)

	g.connect(a, b)
	b.gets(a.send())
	g.clock.advance(20 * time.Second)
	g.delete(relay.DeleteRequest{Forced: true})
	want.Forced, want.OneWay = 1, 1
	check("deleted by an operator", 20*time.Second)

	g.connect(a, b)
	g.talk(a, b)
	g.clock.advance(5 * time.Second)
	g.delete(relay.DeleteRequest{Delay: 30 * time.Second})
	check("it lingers", 0)
	sweep(31 * time.Second)
	want.Regular++
	check("it has lingered", 5*time.Second)

	g.offer(a, b, relay.OfferRequest{})
	sweep(3 * time.Minute)
	want.OfferTimeout++
	check("not answered", 3*time.Minute)

	g.connect(a, b)
	sweep(time.Minute)
	check("nothing came", 0)
	sweep(10 * time.Second)
	want.Timeout, want.ZeroWay = 1, 1
	check("still nothing came", 70*time.Second)

	g.offer(a, b, relay.OfferRequest{SDP: a.sdpAt(a.addr, "a=inactive\r\n")})
	g.answer(a, b, relay.AnswerRequest{SDP: b.sdpAt(b.addr, "a=inactive\r\n")})
	sweep(time.Hour)
	sweep(10 * time.Second)
	want.SilentTimeout, want.ZeroWay = 1, 2
	check("on hold", time.Hour+10*time.Second)
	if n := g.Totals().Ended.Sessions(); n != 6 || g.Count() != 0 {
		t.Errorf("%d sessions have ended, %d are left", n, g.Count())
	}

	// A session that is refused, or was never one, has not ended.
	for _, id := range []string{"1", "2"} {
		g.offer(a, b, relay.OfferRequest{CallID: id})
	}
	if _, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "3", FromTag: "a", SDP: a.sdp()}); !errors.Is(err, relay.ErrSessions) {
		t.Error(err)
	}
	g.delete(relay.DeleteRequest{CallID: "2"})
	if _, err := g.Offer(t.Context(), relay.OfferRequest{CallID: "4", FromTag: "a", SDP: []byte("hello")}); err == nil {
		t.Error("no description at all is taken")
	}
	want.Regular++
	check("after one that was refused", 0)
	if n := g.Totals().Rejected; n != 1 {
		t.Errorf("%d refused", n)
	}
}

// TestRates: what passed in the last second, samples of quality, and what the
// last full minute was like.
func TestRates(t *testing.T) {
	g := newRig(t)
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	second := func() { g.clock.advance(time.Second); g.Sweep(g.clock.now()) }
	second()
	g.connect(a, b)
	for range 5 {
		g.talk(a, b)
	}
	second()
	n := g.Totals()
	if r := n.Rates; math.Round(r.Packets) > 10 || r.Packets < 5 || math.Abs(r.Bytes-13*r.Packets) > 1 || r.KernelPackets != 0 || r.SendErrors != 0 {
		t.Errorf("%+v", r)
	}
	if m := n.MOS; m.Samples != 2 || m.Sum < 2*4 || m.Sum > 2*4.5 || m.Squares < m.Sum*m.Sum/2-1e-6 {
		t.Errorf("%+v", m)
	}
	second()
	if r := g.Totals().Rates; r != (relay.Rates{}) {
		t.Errorf("%+v", r)
	}
	for g.clock.now().Second() != 59 {
		second()
	}
	g.delete(relay.DeleteRequest{})
	begun := g.Totals().Ended.Duration
	second()
	if m := g.Totals().LastMinute; m.MinSessions != 0 || m.MaxSessions != 1 || m.Duration > begun || begun == 0 || m.Duration == 0 {
		t.Errorf("%+v, in all %v", m, begun)
	}
	for range 60 {
		second()
	}
	if m := g.Totals().LastMinute; m != (relay.LastMinute{}) {
		t.Errorf("a minute without calls: %+v", m)
	}
}

// TestInterfaceReports: the ports of interfaces, those of one address counted once.
func TestInterfaceReports(t *testing.T) {
	g := newRig(t, func(c *relay.Config) { c.PortMin, c.PortMax, c.Quarantine = 30000, 30099, time.Minute })
	a, b := g.party("a", "127.0.0.2"), g.party("b", "127.0.0.3")
	report := func() relay.InterfaceReport { return g.Interfaces()[0] }
	if i := report(); i.Name != "main" || i.Address != relayAddr || i.PortMin != 30000 || i.PortMax != 30099 || i.Pairs != 50 || i.Free != 50 || i.Last != 0 {
		t.Errorf("%+v", i)
	}
	g.connect(a, b)
	if i := report(); i.Used != 2 || i.Free != 48 || i.Resting != 0 || i.Last < 30000 {
		t.Errorf("%+v", i)
	}
	g.delete(relay.DeleteRequest{})
	if i := report(); i.Used != 0 || i.Free != 48 || i.Resting != 2 {
		t.Errorf("%+v", i)
	}
	if list := g.Interfaces(); len(list) != 2 || list[1].Address != relay6 || list[1].Free != 50 {
		t.Errorf("%+v", list)
	}
}
