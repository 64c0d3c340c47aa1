package call

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

func TestCall(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	if got := string(inv.Body()); got != "relayed offer" {
		t.Errorf("the callee was offered %q", got)
	}
	for _, name := range []string{"Proxy-Authorization", "Authorization", "P-Edge"} {
		if _, ok := inv.Find(name); ok {
			t.Errorf("%s was forwarded", name)
		}
	}
	if inv.to.Remote != edgeAddr || string(inv.RequestURI()) != "sip:bob@192.0.2.20:5070" || !strings.Contains(header(inv, wire.HdrRoute), "flow1@") {
		t.Errorf("sent to %v\n%s", inv.to.Remote, inv.Bytes())
	}
	w.answer(inv, 180, "b", "")
	w.answer(inv, 183, "b", "early answer")
	if got := find(t, w.take(), 0, 183); string(got.Body()) != "relayed early answer" {
		t.Errorf("early media %q", got.Body())
	}
	if c := w.core.Calls.List(0); len(c) != 1 || c[0].State != "early" || c[0].Caller != "alice@example.com" || c[0].Callee != "bob@example.com" {
		t.Errorf("shown while it rings: %+v", c)
	}
	if k := w.kinds(); k != "" {
		t.Errorf("events before the answer: %s", k)
	}
	w.answer(inv, 200, "b", "answer")
	if k := w.kinds(); k != "start" {
		t.Fatalf("events when the 2xx has passed: %q", k)
	}
	ok := find(t, w.take(), 0, 200)
	if string(ok.Body()) != "relayed answer" {
		t.Errorf("answer %q", ok.Body())
	}
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, ok)}
	x.ack("b", 2, "")
	if l := w.lines(); l != "ACK sip:b@192.0.2.20:5070" {
		t.Errorf("after the ACK: %s", l)
	}
	w.answer(inv, 200, "b", "answer") // repeated, as its ACK was slow
	if len(w.answers) != 2 || w.early[0] != true || w.early[1] != false {
		t.Errorf("the relay was told %v %v", w.answers, w.early)
	}
	w.take()
	w.advance(10 * time.Second)
	x.caller("BYE", "")
	w.answer(find(t, w.take(), wire.BYE, 0), 200, "b", "")
	w.advance(40 * time.Second)
	if k := w.kinds(); k != "start stop" {
		t.Errorf("events: %s", k)
	}
	if e := w.events[1]; e.At-e.Start != 10_000 || e.Caller.Subscriber != "1" || e.Callee.Subscriber != "2" || e.Code != 200 {
		t.Errorf("stop event %+v", e)
	}
	w.ended()
}

// TestByeTwice: both sides hang up at the same time, and repeat it.
func TestByeTwice(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	x := w.call("c1")
	x.caller("BYE", "")
	x.callee("BYE", "")
	x.callee("BYE", "")
	if l := w.lines(); strings.Count(l, "BYE") != 3 {
		t.Errorf("a BYE of a call that is over was not passed: %s", l)
	}
	if k := w.kinds(); k != "start stop" {
		t.Errorf("events: %s", k)
	}
	w.ended()
}

func TestUnansweredCalls(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(w *world, inv *sent)
		events string
		status int
	}{
		{"busy", func(w *world, inv *sent) { w.answer(inv, 486, "b", "") }, "fail486", 486},
		{"decline", func(w *world, inv *sent) { w.answer(inv, 603, "b", "") }, "fail603", 603},
		{"cancelled", func(w *world, inv *sent) {
			w.answer(inv, 180, "b", "")
			w.cancel(inv)
			w.answer(inv, 487, "b", "")
		}, "fail487", 487},
		{"cancelled, no answer to it", func(w *world, inv *sent) {
			w.answer(inv, 180, "b", "")
			w.cancel(inv)
			w.advance(time.Minute)
		}, "fail487", 487},
		{"no answer", func(w *world, inv *sent) {
			w.answer(inv, 180, "b", "")
			w.advance(4 * time.Minute)
			w.answer(inv, 487, "b", "")
		}, "fail408", 408},
		{"unreachable", func(w *world, inv *sent) { w.advance(time.Minute) }, "fail408", 408},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.register("bob", "sip:bob@192.0.2.20:5070")
			inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
			c.do(w, inv)
			find(t, w.take(), 0, c.status)
			w.advance(time.Minute)
			if k := w.kinds(); k != c.events {
				t.Errorf("events %q, want %q", k, c.events)
			}
			w.ended()
		})
	}
}

// cancel sends the caller's CANCEL for the INVITE that was forwarded as inv.
func (w *world) cancel(inv *sent) {
	w.t.Helper()
	n, _ := inv.CSeq()
	vias := inv.Values(wire.HdrVia)
	vias.Next()
	vias.Next()
	via, err := vias.Via()
	if err != nil {
		w.t.Fatal(err)
	}
	w.receive(w.compose(request{
		method: "CANCEL", uri: "sip:bob@example.com", from: alice, to: "<sip:bob@example.com>", callID: string(inv.CallID()), cseq: int(n),
		branch: string(via.Branch()),
	}))
}

// TestCancelCrossesAnswer: the 2xx wins, and the call is one like any other.
func TestCancelCrossesAnswer(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 180, "b", "")
	w.cancel(inv)
	w.answer(inv, 200, "b", "answer")
	ok := find(t, w.take(), 0, 180)
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, ok)}
	x.ack("b", 2, "")
	x.caller("BYE", "")
	if k := w.kinds(); k != "start stop" {
		t.Errorf("events: %s", k)
	}
	w.ended()
}

// TestFork: two phones ring, one answers, the other is told.
func TestFork(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.register("bob", "sip:bob@192.0.2.21:5070")
	out := w.dial("c1", "bob", "offer")
	if len(out) != 2 || len(w.offers) != 1 {
		t.Fatalf("%d messages, %d offers", len(out), len(w.offers))
	}
	w.answer(out[0], 180, "b1", "")
	w.answer(out[1], 180, "b2", "")
	w.take()
	w.answer(out[1], 200, "b2", "answer 2")
	list := w.take()
	find(t, list, wire.CANCEL, 0)
	find(t, list, 0, 200)
	w.answer(out[0], 487, "b1", "")
	if k := w.kinds(); k != "start" || w.core.calls.Len() != 1 {
		t.Errorf("events: %s, %d records", k, w.core.calls.Len())
	}
}

// TestTwoAnswers: the branch that the caller acknowledged is the one heard.
func TestTwoAnswers(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.register("bob", "sip:bob@192.0.2.21:5070")
	out := w.dial("c1", "bob", "offer")
	w.answer(out[0], 200, "b1", "one")
	w.answer(out[1], 200, "b2", "two")
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, find(t, w.take(), 0, 200))}
	heard := func() string {
		_, rest, _ := strings.Cut(w.answers[len(w.answers)-1], "<")
		return rest[:2]
	}
	if heard() != "b1" {
		t.Errorf("the second answer took the media: %v", w.answers)
	}
	x.ack("b1", 2, "")
	x.ack("b2", 2, "")
	if heard() != "b2" {
		t.Errorf("the caller took both and hears %s", heard())
	}
	x.cseq++
	w.receive(w.compose(request{method: "BYE", uri: "sip:b2@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=b2", callID: "c1", cseq: 11, fields: []string{x.route}}))
	if heard() != "b1" || w.kinds() != "start" {
		t.Errorf("after the BYE to b2 the caller hears %s; events %s", heard(), w.kinds())
	}
	w.receive(w.compose(request{method: "BYE", uri: "sip:b1@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=b1", callID: "c1", cseq: 12, fields: []string{x.route}}))
	if w.kinds() != "start stop" {
		t.Errorf("events: %s", w.kinds())
	}
	w.ended()
}

func TestRefusedCalls(t *testing.T) {
	for _, c := range []struct {
		name   string
		setup  func(w *world)
		to     string
		fields []string
		status int
		events string
	}{
		{name: "nobody of that name", to: "mallory", status: 404, events: "fail404"},
		{name: "not registered", to: "carol", status: 480, events: "fail480"},
		{name: "caller locked", setup: func(w *world) { w.users["alice"].Locked = true }, to: "bob", status: 403, events: "fail403"},
		{name: "callee locked", setup: func(w *world) { w.users["bob"].Locked = true }, to: "bob", status: 403, events: "fail403"},
		{name: "records can not be kept", setup: func(w *world) { w.full = errors.New("full") }, to: "bob", status: 503, events: "fail503"},
		{name: "directory down", setup: func(w *world) { w.down = errors.New("down") }, to: "bob", status: 503},
		// RFC 3261 section 16.7: the 503 of a branch is a 500 for the caller.
		{name: "no ports", setup: func(w *world) { w.mediaErr["offer"] = relay.ErrPorts }, to: "bob", status: 500, events: "fail500"},
		{name: "bad description", setup: func(w *world) { w.mediaErr["offer"] = relay.ErrMismatch }, to: "bob", status: 488, events: "fail488"},
		{name: "a way of its own", to: "bob", fields: []string{"Route: <sip:192.0.2.99;lr>"}, status: 403},
		{name: "unknown extension", to: "bob", fields: []string{"Proxy-Require: magic"}, status: 420},
		{name: "foreign body", to: "bob", fields: []string{"Content-Type: multipart/mixed;boundary=x"}, status: 415, events: "fail415"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.register("bob", "sip:bob@192.0.2.20:5070")
			if c.setup != nil {
				c.setup(w)
			}
			find(t, w.dial("c1", c.to, "offer", c.fields...), 0, c.status)
			if k := w.kinds(); k != c.events {
				t.Errorf("events %q, want %q", k, c.events)
			}
			w.advance(time.Minute)
			w.ended()
		})
	}
}

func TestTestNumber(t *testing.T) {
	w := newWorld(t)
	inv := find(t, w.dial("c1", "9999", "offer"), wire.INVITE, 0)
	if inv.to.Remote.Port() != 5066 || string(inv.Body()) != "relayed offer" {
		t.Errorf("sent to %v with %q", inv.to.Remote, inv.Body())
	}
	delete(w.core.Apps, "announce")
	find(t, w.dial("c2", "9999", "offer"), 0, 503)
}

// TestSameCallID: whoever uses the Call-ID of another call gets media of its
// own and can't end those of the other.
func TestSameCallID(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.call("c1")
	out := w.authorised("carol", request{
		method: "INVITE", uri: "sip:bob@example.com", from: "<sip:carol@example.com>;tag=c", to: "<sip:bob@example.com>", callID: "c1", cseq: 1, body: "offer",
		fields: []string{"Contact: <sip:carol@192.0.2.30>"},
	})
	w.answer(find(t, out, wire.INVITE, 0), 486, "b", "")
	if len(w.live) != 1 || w.kinds() != "start fail486" {
		t.Errorf("%d media sessions, events %s", len(w.live), w.kinds())
	}
}

// TestReoffer: hold and resume in both directions, anchored; a late offer; one
// that is refused.
func TestReoffer(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	x := w.call("c1")
	for _, c := range []struct {
		name string
		send func(method, body string, fields ...string)
		tags string
	}{{"caller", x.caller, "a>b"}, {"callee", x.callee, "b>a"}} {
		for _, method := range []string{"INVITE", "UPDATE"} {
			c.send(method, "hold")
			out := w.take()
			if string(out[0].Body()) != "relayed hold" || !strings.HasPrefix(w.offers[len(w.offers)-1], c.tags+" hold") {
				t.Fatalf("%s %s: offered %q, relay told %v", c.name, method, out[0].Body(), w.offers)
			}
			w.answer(out[0], 200, "x", "held")
			if got := find(t, w.take(), 0, 200); string(got.Body()) != "relayed held" {
				t.Errorf("%s %s: answered %q", c.name, method, got.Body())
			}
		}
	}
	x.caller("INVITE", "")
	w.answer(w.take()[0], 200, "b", "late offer")
	if got := find(t, w.take(), 0, 200); string(got.Body()) != "relayed late offer" {
		t.Errorf("late offer %q", got.Body())
	}
	x.ack("b", x.cseq, "late answer")
	if got := w.take(); string(got[0].Body()) != "relayed late answer" {
		t.Errorf("answer in the ACK %q", got[0].Body())
	}
	if last := w.answers[len(w.answers)-1]; !strings.HasPrefix(last, "b<a late answer") {
		t.Errorf("the relay was told %q", last)
	}
	if w.kinds() != "start" {
		t.Errorf("events: %s", w.kinds())
	}
}

// TestLateOffer: the call begins with an INVITE that has no description.
func TestLateOffer(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", ""), wire.INVITE, 0)
	w.answer(inv, 200, "b", "late offer")
	w.answer(inv, 200, "b", "late offer")
	ok := find(t, w.take(), 0, 200)
	if string(ok.Body()) != "relayed late offer" || len(w.offers) != 1 {
		t.Errorf("offered %q, relay told %v", ok.Body(), w.offers)
	}
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, ok)}
	x.ack("b", 2, "late answer")
	x.ack("b", 2, "late answer")
	if out := w.take(); len(out) != 2 || string(out[1].Body()) != "relayed late answer" || len(w.answers) != 1 {
		t.Errorf("ACKs %d, relay told %v", len(out), w.answers)
	}
}

// TestConfirmedEarlyAnswer: the answer came with a reliable 183, so the 2xx has
// none; the relay must hear of it or it gives the media up.
func TestConfirmedEarlyAnswer(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 183, "b", "answer")
	w.answer(inv, 200, "b", "")
	if len(w.early) != 2 || w.early[1] {
		t.Errorf("the relay was told %v %v", w.answers, w.early)
	}
}

// TestAnswerNotAnchored: a call whose answer the relay can't use ends, since
// its media would pass the relay by.
func TestAnswerNotAnchored(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	w.mediaErr["answer"] = relay.ErrMismatch
	w.answer(inv, 200, "b", "192.0.2.20 port 4000")
	if ok := find(t, w.take(), 0, 200); len(ok.Body()) != 0 || ok.Count(wire.HdrContentType) != 0 {
		t.Errorf("passed\n%s", ok.Bytes())
	}
	w.advance(2 * time.Second)
	out := w.take()
	if n := len(byes(out)); n != 2 {
		t.Errorf("%d BYEs", n)
	}
	if w.kinds() != "start stop" {
		t.Errorf("events: %s", w.kinds())
	}
	w.ended()
}

func byes(list []*sent) map[string]*sent {
	found := map[string]*sent{}
	for _, s := range list {
		if s.Method() == wire.BYE {
			found[string(s.RequestURI())] = s
		}
	}
	return found
}

// TestEndedByUs: session expiry, the end of media and shutdown tell both sides.
func TestEndedByUs(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(w *world)
		events string
	}{
		{"session expired", func(w *world) { w.advance(91 * time.Second) }, "start interim stop(session-expired)"},
		{"media timeout", func(w *world) { w.core.End(w.now, w.core.Calls.List(0)[0].ID, dialog.CauseMediaTimeout) }, "start stop(media-timeout)"},
		{"shutdown", func(w *world) { w.core.Close(w.now) }, "start stop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.register("bob", "sip:bob@192.0.2.20:5070")
			inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
			w.answer(inv, 200, "b", "answer", wire.Field{ID: wire.HdrSessionExpires, Value: []byte("90;refresher=uac")})
			x := &talk{w: w, callID: "c1", route: route(t, find(t, w.take(), 0, 200))}
			x.ack("b", 2, "")
			w.take()
			c.do(w)
			out := byes(w.take())
			toBob, toAlice := out["sip:b@192.0.2.20:5070"], out["sip:alice@192.0.2.10:5060"]
			if toBob == nil || toAlice == nil {
				t.Fatalf("BYEs: %v", out)
			}
			if string(toBob.FromTag()) != "a" || string(toBob.ToTag()) != "b" || string(toAlice.FromTag()) != "b" || string(toAlice.ToTag()) != "a" {
				t.Errorf("tags:\n%s\n%s", toBob.Bytes(), toAlice.Bytes())
			}
			if toAlice.to.Remote != edgeAddr {
				t.Errorf("alice's went to %v", toAlice.to.Remote)
			}
			if k := w.kinds(); k != c.events {
				t.Errorf("events %q", k)
			}
			w.ended()
		})
	}
}

// TestSessionRefreshed: a refresh keeps the call.
func TestSessionRefreshed(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	expires := wire.Field{ID: wire.HdrSessionExpires, Value: []byte("90;refresher=uac")}
	w.answer(inv, 200, "b", "answer", expires)
	x := &talk{w: w, callID: "c1", cseq: 10, route: route(t, find(t, w.take(), 0, 200))}
	x.ack("b", 2, "")
	for range 5 {
		w.take()
		w.advance(60 * time.Second)
		x.caller("UPDATE", "")
		w.answer(find(t, w.take(), wire.UPDATE, 0), 200, "b", "", expires)
	}
	if w.core.calls.Len() != 1 {
		t.Errorf("events: %s", w.kinds())
	}
}

// TestEndWhileRinging: the end of a ringing call is a CANCEL, and an answer
// that crosses it is a call that ends at once, with its record.
func TestEndWhileRinging(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 180, "b", "")
	w.core.End(w.now, w.core.Calls.List(0)[0].ID, dialog.CauseAdministrative)
	find(t, w.take(), wire.CANCEL, 0)
	w.answer(inv, 200, "b", "answer")
	w.advance(2 * time.Second)
	if n := len(byes(w.take())); n != 2 || w.kinds() != "start stop" {
		t.Errorf("%d BYEs, events %s", n, w.kinds())
	}
	w.ended()
}

// TestForged: what is not of the dialog does nothing to it.
func TestForged(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	x := w.call("c1")
	own := x.route
	for _, c := range []struct {
		name, route, callID, tag, method string
		status                           int
	}{
		{"no Route", "Subject: none", "c1", "b", "BYE", 481},
		{"Route of nobody", "Route: <sip:" + selfAddr.String() + ";lr>", "c1", "b", "BYE", 403},
		{"made-up id", "Route: <sip:" + selfAddr.String() + ";lr;did=abc.def>", "c1", "b", "BYE", 403},
		{"id of another call", own, "c2", "b", "BYE", 403},
		{"re-INVITE of no record", own, "c1", "other", "INVITE", 481},
		{"UPDATE of no record", own, "c1", "other", "UPDATE", 481},
	} {
		w.receive(w.compose(request{method: c.method, uri: "sip:b@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=" + c.tag, callID: c.callID, cseq: 20, fields: []string{c.route}}))
		find(t, w.take(), 0, c.status)
	}
	// Not forwarded, so it ends nothing.
	w.receive(w.compose(request{method: "BYE", uri: "sip:b@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=b", callID: "c1", cseq: 21, forwards: "0", fields: []string{own}}))
	find(t, w.take(), 0, 483)
	w.receiveFrom(w.compose(request{method: "BYE", uri: "sip:b@192.0.2.20:5070", from: alice, to: "<sip:bob@example.com>;tag=b", callID: "c1", cseq: 22, fields: []string{own}}), phone)
	find(t, w.take(), 0, 403)
	if w.kinds() != "start" || w.core.calls.Len() != 1 {
		t.Errorf("events: %s", w.kinds())
	}
}

// TestLostDialog: 481 to a re-INVITE means that the far side has forgotten the
// call: it ends on both.
func TestLostDialog(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	x := w.call("c1")
	x.caller("INVITE", "hold")
	w.answer(find(t, w.take(), wire.INVITE, 0), 481, "b", "")
	find(t, w.take(), 0, 481)
	w.advance(2 * time.Second)
	if n := len(byes(w.take())); n != 2 || w.kinds() != "start stop" {
		t.Errorf("%d BYEs, events %s", n, w.kinds())
	}
	w.ended()
}

// TestManyTags: a callee that makes up tags costs a bounded amount.
func TestManyTags(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	for i := range 100 {
		w.answer(inv, 183, fmt.Sprint("b", i), "answer")
	}
	out := w.take()
	if len(w.answers) != maxBranches || len(out[len(out)-1].Body()) != 0 {
		t.Errorf("the relay was told %d answers; the last 183 had %q", len(w.answers), out[len(out)-1].Body())
	}
}

func TestFlowGone(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	// The phone has come back over another flow meanwhile.
	w.register("bob", "sip:bob@192.0.2.20:5070", "Path: <sip:flow2@127.0.0.1:5062;lr>")
	w.answer(inv, 430, "edge", "")
	inv = find(t, w.dial("c2", "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 430, "edge", "")
	w.take()
	find(t, w.dial("c3", "bob", "offer"), 0, 480)
	if w.core.Stats.Changes.Load() == 0 {
		t.Error("no change was told")
	}
	w.advance(time.Minute)
	w.ended()
}

func TestInterims(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.call("c1")
	w.advance(3*time.Minute + time.Second)
	if w.kinds() != "start interim interim interim" || w.events[3].Seq != 3 || w.events[3].Kind != billing.EventInterim {
		t.Errorf("events: %s", w.kinds())
	}
}
