package call

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/sip/b2bua"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

// purse is the Credit of a world: it lets calls last for so long.
type purse struct {
	last   time.Duration
	refuse error
	used   []time.Duration
	until  time.Time
}

func (p *purse) Spender(context.Context, billing.Side, *billing.Event) (Spender, error) {
	return p, p.refuse
}
func (p *purse) Begin(now time.Time, t Talk) {
	t.Granted(now, b2bua.Grant{Total: p.last, Final: true})
}
func (p *purse) Renew(time.Time, Talk, time.Duration) {}
func (p *purse) End(_ time.Time, t Talk) {
	used := time.Duration(0)
	if !t.Answered().IsZero() {
		used = t.Ended().Sub(t.Answered())
	}
	p.used = append(p.used, used)
}
func (p *purse) Until(at time.Time) { p.until = at }

// prepaid is a world whose alice pays before.
func prepaid(t testing.TB, p *purse) *world {
	w := newWorld(t)
	w.users["alice"].Prepaid = true
	w.core.Credit = p
	w.register("bob", "sip:bob@192.0.2.20:5070")
	return w
}

func TestPrepaidCut(t *testing.T) {
	p := &purse{last: 6 * time.Second}
	w := prepaid(t, p)
	x := w.limitedCall("1")
	if got := strings.Join(w.offers, "; ") + strings.Join(w.answers, "; "); strings.Count(got, "a>") != 1 || strings.Count(got, "a<") != 1 {
		t.Errorf("the relay was told %s", got)
	}
	if n := w.core.Calls.Len(); n != 1 {
		t.Errorf("%d calls are shown", n)
	}
	w.advance(6*time.Second - time.Millisecond)
	if got := w.lines(); strings.Contains(got, "BYE") {
		t.Errorf("sent %s before the end", got)
	}
	w.advance(time.Millisecond)
	byes := 0
	for _, s := range w.take() {
		if s.Method() == wire.BYE {
			byes++
			if got := header(s, wire.HdrReason); !strings.Contains(got, "cause=402") {
				t.Errorf("Reason is %q", got)
			}
			w.answer(s, 200, "", "")
		}
	}
	if byes != 2 {
		t.Errorf("%d BYEs", byes)
	}
	if got := w.kinds(); got != "start stop" {
		t.Errorf("events: %s", got)
	}
	if d := w.events[1].At - w.events[0].Start; d != 6000 || len(p.used) != 1 || p.used[0] != 6*time.Second || p.until.IsZero() {
		t.Errorf("the record says %d ms, the account %v", d, p.used)
	}
	w.ended()
	x.caller("INVITE", "late", 3)
	if got := w.lines(); got != "481 INVITE" {
		t.Errorf("sent %s", got)
	}
}

func TestPrepaidTalk(t *testing.T) {
	p := &purse{last: time.Hour}
	w := prepaid(t, p)
	inv := find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0)
	if string(inv.FromTag()) == "a" || header(inv, wire.HdrProxyAuthorization) != "" || string(inv.Body()) != "relayed offer" {
		t.Errorf("the callee's leg is\n%s", inv.Bytes())
	}
	w.answer(inv, 200, "b", "answer")
	ok := find(t, w.take(), 0, 200)
	x := w.limitedTalk("1", inv, ok)
	x.caller("INVITE", "hold", 3)
	again := find(t, w.take(), wire.INVITE, 0)
	if string(again.Body()) != "relayed hold" {
		t.Errorf("the second offer is %q", again.Body())
	}
	w.answer(again, 200, "b", "held")
	if got := string(find(t, w.take(), 0, 200).Body()); got != "relayed held" {
		t.Errorf("the second answer is %q", got)
	}
	x.caller("ACK", "", 3)
	w.take()
	w.advance(70 * time.Second)
	w.take()
	x.callee("BYE", 1)
	if got := w.lines(); !strings.Contains(got, "200 BYE") || !strings.Contains(got, "BYE sip:alice") {
		t.Errorf("sent %s", got)
	}
	if got := w.kinds(); got != "start interim stop" || len(p.used) != 1 || p.used[0] != 70*time.Second {
		t.Errorf("events: %s, used %v", got, p.used)
	}
	w.ended()
}

// limitedCall makes an answered call from alice to bob.
func (w *world) limitedCall(callID string) *limitedTalk {
	w.t.Helper()
	inv := find(w.t, w.dial(callID, "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 200, "b", "answer")
	return w.limitedTalk(callID, inv, find(w.t, w.take(), 0, 200))
}

// limitedTalk acknowledges an answer.
func (w *world) limitedTalk(callID string, inv, ok *sent) *limitedTalk {
	w.t.Helper()
	x := &limitedTalk{talk: &talk{w: w, callID: callID, route: route(w.t, ok)}, inv: inv, ok: ok}
	n, _ := ok.CSeq()
	x.caller("ACK", "", int(n))
	w.take()
	return x
}

// limitedTalk is a call whose dialogs have tags of ours.
type limitedTalk struct {
	*talk
	inv, ok *sent
}

func (x *limitedTalk) caller(method, body string, cseq int) {
	x.w.receive(x.w.compose(request{
		method: method, uri: "sip:x@" + selfAddr.String(), from: alice, to: header(x.ok, wire.HdrTo), callID: x.callID, cseq: cseq, body: body,
		fields: []string{x.route, "Contact: <sip:alice@" + phone.String() + ">"},
	}))
}

func (x *limitedTalk) callee(method string, cseq int) {
	x.w.receive(x.w.compose(request{
		method: method, uri: "sip:x@" + selfAddr.String(), from: "<sip:bob@example.com>;tag=b", to: header(x.inv, wire.HdrFrom), callID: x.callID, cseq: cseq,
		fields: []string{x.route, "Contact: <sip:b@192.0.2.20:5070>"},
	}))
}

func TestPrepaidRefused(t *testing.T) {
	w := prepaid(t, &purse{})
	find(t, w.dial("1", "bob", "offer"), 0, 402)
	if got := w.kinds(); got != "fail402" {
		t.Errorf("events: %s", got)
	}
	w.ended()

	w = prepaid(t, &purse{refuse: &proxy.Refusal{Status: 403}})
	find(t, w.dial("1", "bob", "offer"), 0, 403)
	w.core.Credit = nil
	find(t, w.dial("2", "bob", "offer"), 0, 503)
	if got := w.kinds(); got != "fail403 fail503" {
		t.Errorf("events: %s", got)
	}
}

// Ends from outside: by the operator, and with the element.
func TestPrepaidEnded(t *testing.T) {
	w := prepaid(t, &purse{last: time.Hour})
	w.limitedCall("1")
	for _, c := range w.core.Calls.List(0) {
		w.core.End(w.now, c.ID, 0)
	}
	if got := w.lines(); strings.Count(got, "BYE") != 2 {
		t.Errorf("sent %s", got)
	}
	w.limitedCall("2")
	w.core.Close(w.now)
	if got := w.lines(); strings.Count(got, "BYE") != 2 {
		t.Errorf("sent %s", got)
	}
	w.ended()
}

// A phone's order to send the call on is followed here as well.
func TestPrepaidForward(t *testing.T) {
	w := prepaid(t, &purse{last: time.Hour})
	w.register("carol", "sip:carol@192.0.2.30:5070")
	inv := find(t, w.dial("1", "bob", "offer"), wire.INVITE, 0)
	w.moved(inv, "sip:carol@example.com")
	next := find(t, w.take(), wire.INVITE, 0)
	w.answer(next, 200, "c", "answer")
	x := w.limitedTalk("1", next, find(t, w.take(), 0, 200))
	w.advance(10 * time.Second)
	x.caller("BYE", "", 3)
	if got, want := w.bill(), "0 call alice-101>bob ok 10, 1 cfr bob-102>carol ok 10"; got != want {
		t.Errorf("records: %s, want %s", got, want)
	}
	w.ended()
}

// watching counts the calls that a limit can cut.
type watching int

func (n *watching) Answered(string, *billing.Event) { *n++ }
func (n *watching) Ended(string)                    {}

// TestEmergency: neither locks, credit nor limits keep a call from an emergency
// service, nor that it can not be recorded now.
func TestEmergency(t *testing.T) {
	p := &purse{refuse: &proxy.Refusal{Status: 402}}
	w := prepaid(t, p)
	limits := watching(0)
	w.core.Watch = &limits
	w.users["alice"].Locked, w.users["bob"].Locked = true, true
	w.full = errors.New("full")
	find(t, w.dial("1", "bob", "offer"), 0, 403)
	w.core.Router.Emergency = func(uri []byte) bool { return strings.HasPrefix(string(uri), "sip:bob@") }
	inv := find(t, w.dial("2", "bob", "offer"), wire.INVITE, 0)
	w.answer(inv, 200, "b", "answer")
	find(t, w.take(), 0, 200)
	if limits != 0 || len(p.used) != 0 || w.kinds() != "fail403 start" {
		t.Errorf("%d calls are limited, %v was used, events %s", limits, p.used, w.kinds())
	}
}
