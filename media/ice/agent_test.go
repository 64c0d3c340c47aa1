package ice_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ice"
)

func completed(nodes ...*node) bool {
	for _, n := range nodes {
		if n.State(0) != ice.StateCompleted {
			return false
		}
	}
	return true
}

func TestConnect(t *testing.T) {
	for name, c := range map[string]struct {
		a, b   ice.Config
		within time.Duration
	}{
		"full, full":             {ice.Config{Controlling: true}, ice.Config{}, time.Second},
		"full offers to lite":    {ice.Config{Controlling: true}, ice.Config{Lite: true}, time.Second},
		"lite offers to full":    {ice.Config{Controlling: true, Lite: true}, ice.Config{}, time.Second},
		"lite, lite":             {ice.Config{Controlling: true, Lite: true}, ice.Config{Lite: true}, 0},
		"both want to control":   {ice.Config{Controlling: true}, ice.Config{Controlling: true}, 2 * time.Second},
		"both want to be told":   {ice.Config{}, ice.Config{}, 2 * time.Second},
		"controlled lite and it": {ice.Config{}, ice.Config{Lite: true}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t)
			a := w.join("a", c.a, host(1, "192.0.2.1:4000"), host(1, "[2001:db8::1]:4000"), host(2, "192.0.2.1:4001"), host(2, "[2001:db8::1]:4001"))
			b := w.join("b", c.b, host(1, "198.51.100.1:6000"), host(1, "[2001:db8::2]:6000"), host(2, "198.51.100.1:6001"), host(2, "[2001:db8::2]:6001"))
			w.signal(a, b, c.a.Lite, c.b.Lite)
			w.until(c.within, func() bool { return completed(a, b) })
			for component := 1; component <= 2; component++ {
				if !w.agreed(a, b, component) {
					t.Errorf("component %d: not the same pair", component)
				}
				p, _ := a.Path(0, component)
				if !p.Remote.Addr().Is4() {
					t.Errorf("component %d: %v, the first address was liked best", component, p)
				}
			}
			if a.Controlling() == b.Controlling() && (!c.a.Lite || !c.b.Lite) {
				t.Error("both have the same role")
			}
			if !a.saw(ice.EventNominated) || !b.saw(ice.EventNominated) || !a.saw(ice.EventCompleted) {
				t.Errorf("events %v", a.events)
			}
			w.run(2 * time.Minute)
			if a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) || !w.agreed(a, b, 1) {
				t.Error("did not last")
			}
		})
	}
}

// TestPacing: no agent starts more than one check per Ta.
func TestPacing(t *testing.T) {
	w := newNetwork(t)
	var locals []ice.Local
	for _, l := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.4:1"} {
		locals = append(locals, host(1, l))
	}
	a := w.join("a", ice.Config{Controlling: true}, locals...)
	r := ice.Remote{Credentials: ice.NewCredentials(nil)}
	for _, h := range []string{"1", "2", "3", "4", "5"} {
		r.Candidates = append(r.Candidates, ice.Candidate{Foundation: h, Component: 1, Transport: "udp", Priority: 99, Addr: ap("198.51.100." + h + ":9")})
	}
	if _, err := a.SetRemote(0, r, w.now); err != nil {
		t.Fatal(err)
	}
	w.run(975 * time.Millisecond) // the RTO of 20 pairs is one second: no retransmission yet
	if w.sent != 20 {
		t.Errorf("%d checks in 975 ms, of 20 pairs", w.sent)
	}
	w.run(time.Hour)
	if a.State(0) != ice.StateFailed || !a.saw(ice.EventFailed) || w.sent != 20*7 {
		t.Errorf("state %v, %d packets, want 7 for each pair", a.State(0), w.sent)
	}
	if !a.Deadline().IsZero() {
		t.Error("a failed agent has a deadline")
	}
}

// TestIdleTurns: pairs that are frozen behind one of their foundation have the
// turns that nobody else wants, after it and at the same pace.
func TestIdleTurns(t *testing.T) {
	for _, c := range []struct {
		name string
		dead bool // no check of RTP comes through, as when the first of them is lost
		rtp  bool
	}{
		{name: "no loss", rtp: true},
		{name: "RTP goes where nobody is", dead: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newNetwork(t)
			a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"), host(2, "192.0.2.1:4001"))
			b := w.join("b", ice.Config{}, host(1, "198.51.100.1:6000"), host(2, "198.51.100.1:6001"))
			var order []uint16
			w.blocked = func(from, to netip.AddrPort) bool {
				if from.Addr() == ap("192.0.2.1:1").Addr() {
					order = append(order, to.Port())
				}
				return c.dead && from.Port()%2 == 0
			}
			w.signal(a, b, false, false)
			w.run(300 * time.Millisecond) // less than the RTO: nothing was repeated
			if len(order) < 2 || order[0] != 6000 || !slices.Contains(order, 6001) {
				t.Errorf("checks to %v", order)
			}
			for component, want := range map[int]bool{1: c.rtp, 2: true} {
				if _, ok := a.Path(0, component); ok != want {
					t.Errorf("component %d: path %v, want %v", component, ok, want)
				}
			}
		})
	}
}

func TestPeerReflexive(t *testing.T) {
	w := newNetwork(t)
	w.nats = []*nat{newNAT("10.0.0.0/8", "203.0.113.9")}
	a := w.join("phone behind NAT", ice.Config{Controlling: true}, host(1, "10.0.0.5:4000"))
	b := w.join("relay", ice.Config{Lite: true}, host(1, "198.51.100.1:6000"))
	c := w.join("full relay", ice.Config{}, host(1, "198.51.100.2:6000"))
	_ = c
	w.signal(a, b, false, true)
	w.until(time.Second, func() bool { return completed(a, b) })
	p, _ := b.Path(0, 1)
	if p.Remote != ap("203.0.113.9:40000") || !w.agreed(a, b, 1) {
		t.Errorf("path %v", p)
	}
	if !b.Admits(ap("198.51.100.1:6000"), p.Remote) || b.Admits(ap("198.51.100.1:6000"), ap("203.0.113.9:40001")) || b.Admits(ap("198.51.100.1:6002"), p.Remote) {
		t.Error("admission")
	}

	w = newNetwork(t)
	w.nats = []*nat{newNAT("10.0.0.0/8", "203.0.113.9"), newNAT("172.16.0.0/12", "203.0.113.10")}
	a = w.join("behind NAT", ice.Config{Controlling: true}, host(1, "10.0.0.5:4000"))
	b = w.join("full", ice.Config{}, host(1, "198.51.100.1:6000"))
	w.signal(a, b, false, false)
	w.until(2*time.Second, func() bool { return completed(a, b) })
	if !w.agreed(a, b, 1) {
		t.Error("not the same pair")
	}
}

func TestEarlyChecks(t *testing.T) {
	for _, lite := range []bool{false, true} {
		w := newNetwork(t)
		a := w.join("offerer", ice.Config{Controlling: !lite, Lite: lite}, host(1, "192.0.2.1:4000"))
		b := w.join("answerer", ice.Config{Controlling: lite}, host(1, "198.51.100.1:6000"))
		if _, err := b.SetRemote(0, describe(a, 0, lite), w.now); err != nil {
			t.Fatal(err)
		}
		w.run(300 * time.Millisecond) // checks are faster than the answer
		if a.State(0) != ice.StateNew || a.Stats().Requests == 0 {
			t.Fatalf("state %v, %+v", a.State(0), a.Stats())
		}
		if _, ok := a.Path(0, 1); !ok != !lite {
			t.Errorf("lite %v: path %v", lite, ok)
		}
		if _, err := a.SetRemote(0, describe(b, 0, false), w.now); err != nil {
			t.Fatal(err)
		}
		w.until(time.Second, func() bool { return completed(a, b) })
		if !w.agreed(a, b, 1) {
			t.Error("not the same pair")
		}
	}
}

func TestTrickle(t *testing.T) {
	w := newNetwork(t)
	w.blocked = func(from, to netip.AddrPort) bool { return from.Port() == 1 || to.Port() == 1 } // dead addresses
	a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"))
	b := w.join("b", ice.Config{}, host(1, "198.51.100.9:1"), host(1, "198.51.100.1:6000"))
	ra, rb := describe(a, 0, false), describe(b, 0, false)
	late := ra.Candidates
	ra.Candidates, rb.Candidates = nil, rb.Candidates[:1]
	ra.Trickle, rb.Trickle = true, true
	for n, r := range map[*node]ice.Remote{a: rb, b: ra} {
		if _, err := n.SetRemote(0, r, w.now); err != nil {
			t.Fatal(err)
		}
	}
	w.run(2 * time.Minute)
	if a.State(0) != ice.StateChecking || b.State(0) != ice.StateChecking {
		t.Fatalf("gave up before the end of candidates: %v, %v", a.State(0), b.State(0))
	}
	if err := b.AddRemote(0, late[0], w.now); err != nil {
		t.Fatal(err)
	}
	a.EndOfRemote(0, w.now)
	b.EndOfRemote(0, w.now)
	w.advance(a)
	if a.State(0) != ice.StateFailed {
		t.Fatalf("state %v, nothing is left", a.State(0))
	}
	if _, err := a.Restart(0, w.now); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetRemote(0, describe(a, 0, false), w.now); err != nil {
		t.Fatal(err)
	}
	rb = describe(b, 0, false)
	last := rb.Candidates[1]
	rb.Candidates, rb.Trickle = rb.Candidates[:1], true
	if _, err := a.SetRemote(0, rb, w.now); err != nil {
		t.Fatal(err)
	}
	w.run(200 * time.Millisecond)
	if err := a.AddRemote(0, last, w.now); err != nil {
		t.Fatal(err)
	}
	w.until(time.Second, func() bool { return completed(a, b) && w.agreed(a, b, 1) })
}

func TestRestart(t *testing.T) {
	for name, lite := range map[string]bool{"full": false, "lite": true} {
		t.Run(name, func(t *testing.T) {
			w := newNetwork(t)
			a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"))
			b := w.join("b", ice.Config{Lite: lite}, host(1, "198.51.100.1:6000"))
			w.signal(a, b, false, lite)
			w.until(time.Second, func() bool { return completed(a, b) })
			oldA, oldB := a.Credentials(0), b.Credentials(0)

			if _, err := a.Restart(0, w.now); err != nil {
				t.Fatal(err)
			}
			w.run(20 * time.Second) // the offer is on its way: media and consent go on
			if !w.agreed(a, b, 1) || a.saw(ice.EventConsentLost) || a.State(0) != ice.StateNew {
				t.Fatal("the old pair did not last")
			}
			restarted, err := b.SetRemote(0, describe(a, 0, false), w.now)
			if err != nil || !restarted || b.Credentials(0) == oldB || a.Credentials(0) == oldA {
				t.Fatalf("restarted %v, %v", restarted, err)
			}
			w.run(20 * time.Second) // the answer is on its way
			if !w.agreed(a, b, 1) || a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) {
				t.Fatal("the old pair did not last until the answer")
			}
			if restarted, err := a.SetRemote(0, describe(b, 0, lite), w.now); restarted || err != nil {
				t.Fatalf("restarted %v, %v", restarted, err)
			}
			w.until(time.Second, func() bool { return completed(a, b) && w.agreed(a, b, 1) })
			if again, err := a.SetRemote(0, describe(b, 0, lite), w.now); again || err != nil || !completed(a) {
				t.Errorf("the same description again: restarted %v, %v", again, err)
			}
			w.run(time.Minute)
			if a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) {
				t.Error("consent lost after the restart")
			}
		})
	}
}

func TestConsent(t *testing.T) {
	w := newNetwork(t)
	a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"))
	b := w.join("b", ice.Config{}, host(1, "198.51.100.1:6000"))
	w.signal(a, b, false, false)
	w.until(time.Second, func() bool { return completed(a, b) })
	w.loss = 0.1
	w.run(10 * time.Minute)
	if a.saw(ice.EventConsentLost) || b.saw(ice.EventConsentLost) {
		t.Fatal("lost at 10 % loss")
	}
	w.loss, b.down = 0, true
	start, sent := w.now, w.sent
	w.run(time.Minute)
	if !a.saw(ice.EventConsentLost) {
		t.Fatal("consent outlives the peer")
	}
	if d := a.when[len(a.when)-1].Sub(start); d > ice.ConsentTimeout || d < ice.ConsentTimeout-2*ice.ConsentInterval {
		t.Errorf("lost after %v", d)
	}
	if _, ok := a.Path(0, 1); ok {
		t.Error("there is still a path")
	}
	if n := w.sent - sent; n < 4 || n > 8 {
		t.Errorf("%d consent checks in 30 s", n)
	}
	if !a.Deadline().IsZero() {
		t.Error("nothing is left to do, but there is a deadline")
	}
}

func TestMux(t *testing.T) {
	w := newNetwork(t)
	a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"), host(2, "192.0.2.1:4001"))
	b := w.join("b", ice.Config{}, host(1, "198.51.100.1:6000"))
	w.signal(a, b, false, false) // no candidate of component 2: there is none
	w.until(time.Second, func() bool { return completed(a, b) })
	if len(a.Candidates(0)) != 1 {
		t.Errorf("candidates %v", a.Candidates(0))
	}
}

// TestManyStreams: one agent, three streams that take turns.
func TestManyStreams(t *testing.T) {
	w := newNetwork(t)
	a := w.join("a", ice.Config{Controlling: true}, host(1, "192.0.2.1:4000"))
	b := w.join("b", ice.Config{Controlling: true}, host(1, "198.51.100.1:6000"))
	for i, p := range []string{"7000", "8000"} {
		for n, h := range map[*node]string{a: "192.0.2.1:", b: "198.51.100.1:"} {
			if got, err := n.AddStream(ice.Credentials{}, []ice.Local{host(1, h+p)}); err != nil || got != i+1 {
				t.Fatal(got, err)
			}
			n.bases = append(n.bases, ap(h+p))
		}
	}
	for i := range 3 {
		for n, o := range map[*node]*node{a: b, b: a} {
			if _, err := n.SetRemote(i, describe(o, i, false), w.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.RemoveStream(2)
	w.until(3*time.Second, func() bool {
		return completed(a, b) && a.State(1) == ice.StateCompleted && b.State(1) == ice.StateCompleted
	})
	if a.State(2) != ice.StateFailed || a.Candidates(2) != nil || a.Credentials(2) != (ice.Credentials{}) {
		t.Error("the removed stream is there")
	}
	w.run(time.Minute)
	if b.State(2) != ice.StateFailed {
		t.Errorf("state %v of what has no peer", b.State(2))
	}
}
