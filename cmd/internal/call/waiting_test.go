package call

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// slowWorld is one whose relay answers when it is told to.
func slowWorld(t testing.TB) *world {
	w := newWorld(t)
	w.besides()
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.authorised("alice", request{ // for the credentials
		method: "OPTIONS", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: "hello", cseq: 1,
	})
	w.slow = true
	return w
}

// relays has the relay answer all that it is asked for one call.
func (w *world) relays(callID string) {
	for {
		i := slices.IndexFunc(w.asked, func(q errand) bool { return q.callID == callID })
		if i < 0 {
			return
		}
		w.reply(i)
	}
}

// invitation is alice's INVITE to bob, to be given to the core or repeated.
func (w *world) invitation(callID, body string) string {
	auth := string(w.login["alice"].AppendAuthorization(nil, "INVITE", []byte("sip:bob@example.com"), nil))
	return w.compose(request{
		method: "INVITE", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: callID, cseq: 2, body: body, branch: "z9hG4bKi" + callID,
		fields: []string{"Contact: <sip:alice@" + phone.String() + ">", "Record-Route: <sip:a@" + edgeAddr.String() + ";lr>", "Proxy-Authorization: " + auth},
	})
}

func (w *world) cancelled(callID string) {
	w.receive(w.compose(request{
		method: "CANCEL", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: callID, cseq: 2, branch: "z9hG4bKi" + callID,
	}))
}

func (w *world) expect(what, want string) {
	w.t.Helper()
	if got := w.lines(); got != want {
		w.t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

const toBob = "INVITE sip:bob@192.0.2.20:5070"

// TestOthersGoOn: a call whose relay is silent holds up no other of its shard.
func TestOthersGoOn(t *testing.T) {
	w := slowWorld(t)
	first := w.invitation("c1", "offer")
	w.receive(first)
	w.expect("waiting", "")
	w.advance(200 * time.Millisecond)
	w.expect("after 200 ms", "100 INVITE")
	w.receive(first)
	w.expect("repeated", "100 INVITE")

	w.receive(w.invitation("c2", "offer"))
	w.relays("c2")
	inv := find(t, w.take(), wire.INVITE, 0)
	w.answer(inv, 200, "b", "answer")
	w.relays("c2")
	x := &talk{w: w, callID: "c2", cseq: 10, route: route(t, find(t, w.take(), 0, 200))}
	x.ack("b", 2, "")
	x.caller("BYE", "")
	w.relays("c2")
	w.expect("the other call", "ACK sip:b@192.0.2.20:5070, BYE sip:b@192.0.2.20:5070")
	if k := w.kinds(); k != "start stop" {
		t.Errorf("events: %s", k)
	}

	w.relays("c1")
	w.expect("the relay has answered", toBob)
	w.core.Close(w.now)
	w.slow = false
	w.ended()
}

// TestEndWhileAsked: however a call ends while the relay is asked for its offer,
// nobody is called, the caller hears of it, and the session is ended after the
// offer that began it.
func TestEndWhileAsked(t *testing.T) {
	for _, c := range []struct {
		name         string
		do           func(w *world)
		sent, events string
	}{
		{"cancelled", func(w *world) { w.cancelled("c1") }, "200 CANCEL, 487 INVITE", "fail487"},
		{"ended by an operator", func(w *world) { w.core.End(w.now, w.core.Calls.List(0)[0].ID, dialog.CauseAdministrative) }, "480 INVITE", "fail480"},
		{"shutdown", func(w *world) { w.core.Close(w.now) }, "503 INVITE", "fail503"},
		{"the relay is silent", func(w *world) { w.mediaErr["offer"] = context.DeadlineExceeded; w.relays("c1") }, "500 INVITE", "fail500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := slowWorld(t)
			w.receive(w.invitation("c1", "offer"))
			c.do(w)
			w.expect("at once", c.sent)
			if w.slow = false; len(w.mediaErr) == 0 {
				if n := len(w.asked); n != 1 || !w.core.Busy() {
					t.Errorf("%d questions at the same time", n)
				}
			}
			if k := w.kinds(); k != c.events {
				t.Errorf("events: %s", k)
			}
			w.expect("afterwards", "")
			if len(w.mediaErr) == 0 && len(w.deleted) != 1 {
				t.Error("the session was not ended")
			}
			w.ended()
		})
	}
}

// TestAnswersInOrder: responses that wait, and those behind them, come in the
// order in which they were sent, each once.
func TestAnswersInOrder(t *testing.T) {
	w := slowWorld(t)
	w.receive(w.invitation("c1", "offer"))
	w.relays("c1")
	inv := find(t, w.take(), wire.INVITE, 0)
	w.answer(inv, 180, "b", "")
	w.expect("nothing to ask", "180 INVITE")
	w.answer(inv, 183, "b", "early")
	w.answer(inv, 180, "b", "")
	w.answer(inv, 200, "b", "answer")
	w.answer(inv, 200, "b", "answer")
	w.expect("the relay is asked", "")
	w.reply(0)
	w.expect("of the 183", "183 INVITE, 180 INVITE")
	w.reply(0)
	out := w.take()
	if len(out) != 2 || string(out[0].Body()) != "relayed answer" || string(out[1].Body()) != "relayed answer" {
		t.Errorf("%d answers, the first %q", len(out), out[0].Body())
	}
	if w.answers[0] != "a<b early from 192.0.2.10" || len(w.answers) != 2 || !w.early[0] || w.early[1] {
		t.Errorf("the relay was told %q", w.answers)
	}
	w.core.Close(w.now)
	w.slow = false
	w.ended()
}

// TestCancelPassesAnswer: a CANCEL does not wait behind an answer, which wins.
func TestCancelPassesAnswer(t *testing.T) {
	w := slowWorld(t)
	w.receive(w.invitation("c1", "offer"))
	w.relays("c1")
	inv := find(t, w.take(), wire.INVITE, 0)
	w.answer(inv, 180, "b", "")
	w.take()
	w.answer(inv, 200, "b", "answer")
	w.cancelled("c1")
	w.expect("at once", "200 CANCEL, CANCEL sip:bob@192.0.2.20:5070")
	w.relays("c1")
	ok := find(t, w.take(), 0, 200)
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, ok)}
	x.ack("b", 2, "")
	x.caller("BYE", "")
	w.slow = false
	if k := w.kinds(); k != "start stop" {
		t.Errorf("events: %s", k)
	}
	w.ended()
}

// TestByePassesOffer: a re-INVITE waits, what its side sends after it waits with
// it, and a BYE ends the call on the spot, with the figures when they come.
func TestByePassesOffer(t *testing.T) {
	w := slowWorld(t)
	w.slow = false
	x := w.call("c1")
	w.slow = true
	x.caller("INVITE", "hold")
	x.caller("INFO", "")
	w.expect("waiting", "")
	w.advance(10 * time.Second)
	w.take()
	x.callee("BYE", "")
	if l := w.lines(); l != "BYE sip:alice@192.0.2.10:5060" {
		t.Errorf("sent %s", l)
	}
	if w.core.Calls.Len() != 0 || w.kinds() != "start interim" {
		t.Errorf("%d calls are shown, events %s", w.core.Calls.Len(), w.kinds())
	}
	w.reply(0)
	if l := w.lines(); !strings.Contains(l, "481 INVITE") || strings.Contains(l, "INVITE sip:") {
		t.Errorf("the re-INVITE of a call that is over: %s", l)
	}
	w.reply(0)
	if len(w.events) != 3 || w.events[2].At != w.events[1].At || w.events[2].Media == nil {
		t.Errorf("events %+v", w.events)
	}
	w.ended()
}

// TestWaitingReinvite: a re-INVITE is forwarded, or cancelled, when it has waited.
func TestWaitingReinvite(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		w := slowWorld(t)
		w.slow = false
		x := w.call("c1")
		w.slow = true
		x.caller("INVITE", "hold")
		x.caller("INFO", "")
		want := "INVITE sip:b@192.0.2.20:5070, INFO sip:b@192.0.2.20:5070"
		if cancelled {
			x.w.receive(x.w.compose(request{
				method: "CANCEL", uri: "sip:b@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=b", callID: "c1", cseq: x.cseq - 1,
				branch: fmt.Sprint("z9hG4bKt", w.count-1), fields: []string{x.route},
			}))
			w.expect("cancelled", "200 CANCEL, 487 INVITE")
			want = "INFO sip:b@192.0.2.20:5070"
		}
		w.relays("c1")
		w.expect("answered", want)
		w.core.Close(w.now)
		w.slow = false
		w.ended()
	}
}

// TestLateAnswerWaits: the ACK with the answer waits, and what follows it does.
func TestLateAnswerWaits(t *testing.T) {
	w := slowWorld(t)
	w.receive(w.invitation("c1", ""))
	inv := find(t, w.take(), wire.INVITE, 0)
	w.answer(inv, 200, "b", "late offer")
	w.expect("waiting", "")
	w.relays("c1")
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, find(t, w.take(), 0, 200))}
	x.ack("b", 2, "late answer")
	x.ack("b", 2, "late answer")
	x.caller("INFO", "")
	w.expect("waiting", "")
	w.relays("c1")
	out := w.take()
	if len(out) != 3 || string(out[1].Body()) != "relayed late answer" || len(w.answers) != 1 || out[2].Method() != wire.INFO {
		t.Errorf("%d messages, relay told %v", len(out), w.answers)
	}
	w.core.Close(w.now)
	w.slow = false
	w.ended()
}

// TestManyWait: a flood of responses costs a bounded amount.
func TestManyWait(t *testing.T) {
	w := slowWorld(t)
	w.receive(w.invitation("c1", "offer"))
	w.relays("c1")
	inv := find(t, w.take(), wire.INVITE, 0)
	for range 10 * maxLine {
		w.answer(inv, 183, "b", "early")
	}
	w.relays("c1")
	if n := len(w.take()); n != maxLine {
		t.Errorf("%d of %d responses", n, maxLine)
	}
	w.core.Close(w.now)
	w.slow = false
	w.ended()
}

// TestPrepaidWaits: the account is not asked for a call that is given up while
// the relay is, and hears of the end of others when their figures are there.
func TestPrepaidWaits(t *testing.T) {
	w, p := slowWorld(t), &purse{last: time.Hour}
	w.users["alice"].Prepaid, w.core.Credit = true, p
	w.receive(w.invitation("c1", "offer"))
	w.cancelled("c1")
	w.expect("cancelled", "200 CANCEL, 487 INVITE")
	w.relays("c1")
	if w.expect("afterwards", ""); len(p.used) != 0 || w.kinds() != "fail487" {
		t.Errorf("the account heard %v, events %s", p.used, w.kinds())
	}
	w.receive(w.invitation("c2", "offer"))
	w.relays("c2")
	inv := find(t, w.take(), wire.INVITE, 0)
	w.answer(inv, 183, "b", "early")
	w.answer(inv, 200, "b", "answer")
	w.expect("waiting", "")
	w.relays("c2")
	x := w.limitedTalk("c2", inv, find(t, w.take(), 0, 200))
	x.caller("INVITE", "hold", 3)
	w.expect("waiting", "")
	w.relays("c2")
	again := find(t, w.take(), wire.INVITE, 0)
	w.answer(again, 200, "b", "held")
	w.relays("c2")
	if got := string(find(t, w.take(), 0, 200).Body()); got != "relayed held" {
		t.Errorf("the second answer is %q", got)
	}
	x.caller("ACK", "", 3)
	w.advance(10 * time.Second)
	x.caller("BYE", "", 4)
	if len(p.used) != 0 {
		t.Errorf("settled before the figures: %v", p.used)
	}
	w.relays("c2")
	if len(p.used) != 1 || p.used[0] != 10*time.Second || p.until.IsZero() {
		t.Errorf("settled %v at %v", p.used, p.until)
	}
	w.slow = false
	w.ended()
}
