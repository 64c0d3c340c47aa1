package call

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/wire"
)

// till is a Credit by customer: how long each can pay for its own calls, and for
// being called.
type till struct {
	out, in map[string]time.Duration
	slow    bool // answers come when they are asked for
	waiting []func(now time.Time)
	renewed []string
	used    []string
}

type tillShare struct {
	till *till
	name string
	last time.Duration
}

func (t *till) Spender(_ context.Context, side billing.Side, e *billing.Event) (Spender, error) {
	name, list := e.Caller.User, t.out
	if side == billing.SideCallee {
		name, list = e.Callee.User, t.in
		if _, ok := list[name]; !ok {
			return nil, nil
		}
		return &tillShare{t, name + " in", list[name]}, nil
	}
	return &tillShare{t, name, list[name]}, nil
}

func (s *tillShare) Begin(now time.Time, t Talk) {
	answer := func(now time.Time) {
		if s.last == 0 {
			t.Refused(now, 402, "")
			return
		}
		t.Granted(now, b2bua.Grant{Total: min(s.last, 60*time.Second), Renew: 50 * time.Second, Final: s.last <= 60*time.Second})
	}
	if s.till.slow {
		s.till.waiting = append(s.till.waiting, answer)
		return
	}
	answer(now)
}

func (s *tillShare) Renew(now time.Time, t Talk, used time.Duration) {
	s.till.renewed = append(s.till.renewed, fmt.Sprint(s.name, " ", used))
	total := min(s.last, used+60*time.Second)
	t.Granted(now, b2bua.Grant{Total: total, Renew: total - 10*time.Second, Final: total == s.last})
}

func (s *tillShare) End(_ time.Time, t Talk) {
	used := time.Duration(0)
	if a := t.Answered(); !a.IsZero() {
		used = t.Ended().Sub(a)
	}
	s.till.used = append(s.till.used, fmt.Sprint(s.name, " ", used))
}

func (s *tillShare) Until(time.Time) {}

// shop is a world whose customers named pay before.
func shop(t *testing.T, till *till, prepaid ...string) *world {
	w := newWorld(t)
	w.users["dave"] = &directory.Profile{SubscriberID: 4, CustomerID: 104, Username: "dave", Domain: "example.com"}
	for i, name := range []string{"bob", "carol", "dave"} {
		w.users[name].Prepaid = slices.Contains(prepaid, name)
		w.register(name, fmt.Sprintf("sip:%s@192.0.2.%d0:5070", name, i+2))
	}
	w.users["alice"].Prepaid = slices.Contains(prepaid, "alice")
	w.core.Credit = till
	return w
}

// forwarded is a call that bob's phone sent on to carol, who answers.
func (w *world) forwarded() *limitedTalk {
	w.t.Helper()
	w.moved(find(w.t, w.dial("1", "bob", "offer"), wire.INVITE, 0), "sip:carol@example.com")
	next := find(w.t, w.take(), wire.INVITE, 0)
	w.answer(next, 200, "c", "answer")
	return w.limitedTalk("1", next, find(w.t, w.take(), 0, 200))
}

// byes counts the BYEs that were sent, and answers them.
func (w *world) byes() (n int) {
	w.t.Helper()
	for _, s := range w.take() {
		if s.Method() == wire.BYE {
			n++
			w.answer(s, 200, "", "")
		}
	}
	return n
}

// TestForwarderPays: who sends a call on pays for the way from there, and the
// call lasts as long as both can pay.
func TestForwarderPays(t *testing.T) {
	for _, c := range []struct {
		name    string
		out     map[string]time.Duration
		prepaid []string
		last    time.Duration
		used    string
	}{
		{"forwarder short", map[string]time.Duration{"alice": time.Hour, "bob": 6 * time.Second}, []string{"alice", "bob"}, 6 * time.Second, "alice 6s, bob 6s"},
		{"caller short", map[string]time.Duration{"alice": 7 * time.Second, "bob": time.Hour}, []string{"alice", "bob"}, 7 * time.Second, "alice 7s, bob 7s"},
		{"forwarder alone", map[string]time.Duration{"bob": 6 * time.Second}, []string{"bob"}, 6 * time.Second, "bob 6s"},
		{"renewed", map[string]time.Duration{"alice": time.Hour, "bob": 130 * time.Second}, []string{"alice", "bob"}, 130 * time.Second, "alice 2m10s, bob 2m10s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			till := &till{out: c.out}
			w := shop(t, till, c.prepaid...)
			w.forwarded()
			w.advance(c.last - time.Millisecond)
			if n := w.byes(); n != 0 {
				t.Errorf("%d BYEs before the end", n)
			}
			w.advance(time.Millisecond)
			if n := w.byes(); n != 2 {
				t.Errorf("%d BYEs", n)
			}
			if got := strings.Join(till.used, ", "); got != c.used {
				t.Errorf("used %s, want %s; renewed %v", got, c.used, till.renewed)
			}
			if got, want := w.bill(), fmt.Sprintf("0 call alice-101>bob ok %d, 1 cfr bob-102>carol ok %[1]d", int(c.last.Seconds())); got != want {
				t.Errorf("records: %s, want %s", got, want)
			}
		})
	}
}

// TestForwarderBroke: without credit of who sends it on, a call ends, whether
// it rings there already or was answered before that is known.
func TestForwarderBroke(t *testing.T) {
	till := &till{out: map[string]time.Duration{"alice": time.Hour}}
	w := shop(t, till, "alice", "bob")
	w.moved(find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0), "sip:carol@example.com")
	find(t, w.take(), 0, 480)
	if got := strings.Join(till.used, ", "); got != "alice 0s, bob 0s" {
		t.Errorf("used %s", got)
	}
	if got := w.bill(); !strings.Contains(got, "0 call alice-101>bob") || strings.Contains(got, " ok ") {
		t.Errorf("records: %s", got)
	}

	till.used, till.slow = nil, true
	inv := w.dial("2", "bob", "offer")
	till.waiting[0](w.now) // alice's
	inv = append(inv, w.take()...)
	w.moved(find(t, inv, wire.INVITE, 0), "sip:carol@example.com")
	next := find(t, w.take(), wire.INVITE, 0)
	w.answer(next, 200, "c", "answer")
	w.limitedTalk("2", next, find(t, w.take(), 0, 200))
	w.advance(time.Second)
	till.waiting[1](w.now)
	if n := w.byes(); n != 2 {
		t.Errorf("%d BYEs", n)
	}
	if got := strings.Join(till.used, ", "); got != "alice 1s, bob 1s" {
		t.Errorf("used %s", got)
	}
}

// TestForwardNotTaken: who sends a call on to somebody that does not answer has
// nothing to pay.
func TestForwardNotTaken(t *testing.T) {
	till := &till{out: map[string]time.Duration{"alice": time.Hour, "bob": time.Hour}}
	w := shop(t, till, "alice", "bob")
	w.moved(find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0), "sip:carol@example.com")
	w.answer(find(t, w.take(), wire.INVITE, 0), 486, "c", "")
	find(t, w.take(), 0, 486)
	if got := strings.Join(till.used, ", "); got != "alice 0s, bob 0s" {
		t.Errorf("used %s", got)
	}
	w.ended()
}

// TestForwardUncontrolled: in a call that nobody pays for before, who has to
// can't send it on.
func TestForwardUncontrolled(t *testing.T) {
	till := &till{out: map[string]time.Duration{"carol": time.Hour}}
	w := shop(t, till, "carol")
	w.moved(find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0), "sip:carol@example.com")
	w.moved(find(t, w.take(), wire.INVITE, 0), "sip:dave@example.com")
	find(t, w.take(), 0, 302)
	w.ended()
}

// TestCalleePays: a callee that is charged for being called pays as long as it
// can; who calls hears of its own credit only.
func TestCalleePays(t *testing.T) {
	till := &till{out: map[string]time.Duration{"alice": time.Hour}, in: map[string]time.Duration{"bob": 5 * time.Second}}
	w := shop(t, till, "bob")
	w.limitedCall("1")
	w.advance(5 * time.Second)
	if n := w.byes(); n != 2 {
		t.Errorf("%d BYEs", n)
	}
	w.users["alice"].Prepaid = true
	w.limitedCall("2")
	w.advance(5 * time.Second)
	if n := w.byes(); n != 2 {
		t.Errorf("%d BYEs", n)
	}
	if got := strings.Join(till.used, ", "); got != "bob in 5s, alice 5s, bob in 5s" {
		t.Errorf("used %s", got)
	}
	till.in["bob"] = 0
	find(t, w.dial("3", "bob", "offer"), 0, 480)
	delete(till.in, "bob") // it is not charged
	w.limitedCall("4")
	w.advance(30 * time.Second)
	if n := w.byes(); n != 0 {
		t.Errorf("%d BYEs", n)
	}
	w.users["alice"].Prepaid = false // bob could still send it on, so the call is one of ours
	w.limitedCall("5")
	w.advance(time.Hour)
	if got := w.kinds(); strings.Count(got, "stop") != 3 { // the two that were cut, and 4 after alice's hour
		t.Errorf("events: %s", got)
	}
}
