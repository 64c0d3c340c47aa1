package proxy

import (
	"fmt"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"pgregory.net/rapid"
)

// scene is a caller, the proxy and some callees.
type scene struct {
	net     *simnet
	caller  *caller
	proxy   *middle
	callees []*callee
}

// drawScene makes a scene; faulty adds loss and duplicates.
func drawScene(t *rapid.T, tb testing.TB, faulty bool) *scene {
	ms := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}
	n := newSimnet(tb, rapid.Uint64().Draw(t, "seed"))
	n.maxDelay = ms("delay", 400)
	if faulty {
		n.loss = float64(rapid.IntRange(0, 40).Draw(t, "loss")) / 100
		n.dup = float64(rapid.IntRange(0, 20).Draw(t, "dup")) / 100
	}
	s := &scene{net: n, caller: &caller{}, proxy: &middle{branch: map[int]int{}}}
	s.caller.node = n.join("10.0.0.1:5060", s.caller)
	s.proxy.node = n.join("10.0.0.2:5060", s.proxy)
	s.caller.proxy = s.caller.flow(s.proxy.addr)
	s.caller.talk = ms("talk", 3000)
	s.caller.cancelAfter = 6 * time.Minute // nobody waits longer, not even for an answer that was lost
	if rapid.Bool().Draw(t, "cancels") {
		s.caller.cancelAfter = ms("cancel after", 8000) + time.Millisecond
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "callees") {
		u := &callee{
			ring:        rapid.Bool().Draw(t, "ring"),
			ringAfter:   ms("ring after", 3000),
			answerAfter: ms("answer after", 9000),
			answer:      rapid.SampledFrom([]int{0, 200, 200, 200, 302, 401, 404, 486, 487, 503, 603}).Draw(t, "answer"),
		}
		u.node = n.join(fmt.Sprintf("10.0.1.%d:5060", i+1), u)
		s.callees = append(s.callees, u)
	}
	s.drawGroups(t)
	s.proxy.proxy = New(Config{
		Layer:   s.proxy.layer,
		SentBy:  func(transport.Flow) string { return s.proxy.addr.String() },
		Self:    func(host []byte, _ uint16) bool { return string(host) == "10.0.0.2" },
		Resolve: Numeric(s.proxy.flow(s.caller.addr)),
		TimerC:  20 * time.Second,
	})
	s.proxy.watch = s.proxy.foresee
	return s
}

func (s *scene) drawGroups(t *rapid.T) {
	var groups []Group
	for i, u := range s.callees {
		if i == 0 || rapid.Bool().Draw(t, "next group") {
			timeout := time.Duration(rapid.SampledFrom([]int{0, 0, 3, 6}).Draw(t, "ring limit")) * time.Second
			groups = append(groups, Group{Timeout: timeout})
		}
		g := &groups[len(groups)-1]
		g.Targets = append(g.Targets, Target{URI: []byte("sip:" + u.addr.String()), Flow: s.proxy.flow(u.addr)})
	}
	s.proxy.groups = func() []Group { return groups }
}

// always holds whatever the network did.
func (s *scene) always(t *rapid.T) {
	for i, nd := range s.net.order {
		if st := nd.layer.Stats(); st.Servers != 0 || st.Clients != 0 {
			t.Fatalf("node %d keeps %d servers and %d clients", i, st.Servers, st.Clients)
		}
	}
	if st := s.proxy.proxy.Stats(); st.Contexts != 0 || s.proxy.started != s.proxy.ended {
		t.Fatalf("%d contexts left, %d started, %d ended", st.Contexts, s.proxy.started, s.proxy.ended)
	}
	if s.caller.refusals > 1 || s.caller.mixed {
		t.Fatalf("the caller got %d refusals, %d answers", s.caller.refusals, len(s.caller.dialogs))
	}
	for i, u := range s.callees {
		if u.calls > 1 {
			t.Fatalf("callee %d was called %d times", i, u.calls)
		}
	}
}

// TestSimulationFaulty: with loss, duplicates and reordering everything ends,
// nothing is kept, and the caller gets one outcome at most.
func TestSimulationFaulty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScene(rt, t, true)
		s.caller.call()
		s.net.run(20 * time.Minute)
		s.always(rt)
	})
}

// TestSimulationClean: when every datagram arrives, in whatever order, the
// caller gets exactly one outcome, each answered callee is acknowledged and
// hung up, and nobody is left ringing.
func TestSimulationClean(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScene(rt, t, false)
		s.caller.call()
		s.net.run(20 * time.Minute)
		s.always(rt)
		if s.caller.failed != nil {
			rt.Fatalf("the caller got no answer: %v", s.caller.failed)
		}
		if s.caller.refusals == 0 && len(s.caller.dialogs) == 0 {
			rt.Fatal("the caller got no final response")
		}
		answers := 0
		for i, u := range s.callees {
			if u.final == 200 {
				answers++
				if !u.acked || !u.hungUp || u.gaveUp {
					rt.Errorf("callee %d answered: ACK %v, BYE %v, gave up %v", i, u.acked, u.hungUp, u.gaveUp)
				}
			}
			if u.final == 480 || u.calls > 0 && u.final == 0 {
				rt.Errorf("callee %d was forgotten", i)
			}
		}
		if answers != len(s.caller.dialogs) {
			rt.Errorf("%d callees answered, the caller has %d dialogs", answers, len(s.caller.dialogs))
		}
		for tag, l := range s.caller.dialogs {
			if l.ended != 200 {
				rt.Errorf("BYE of %s: %d", tag, l.ended)
			}
		}
	})
}
