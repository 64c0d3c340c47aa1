package call

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// TestRandomCalls: whatever is lost, repeated or comes in another order, each
// call has either one start and one stop or one failure, its media end once,
// and nothing is left of it.
func TestRandomCalls(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		if rapid.Bool().Draw(rt, "digits") {
			w.core.Keys, w.core.Digits.Domains = &keyboard{}, map[string]Digits{"example.com": DigitsRTP}
		}
		w.register("bob", "sip:bob@192.0.2.20:5070")
		w.register("bob", "sip:bob@192.0.2.21:5070")
		a := &actors{world: w}
		for i := range rapid.IntRange(1, 3).Draw(rt, "calls") {
			a.dial(fmt.Sprint("c", i))
		}
		if rapid.Bool().Draw(rt, "elsewhere") {
			w.besides()
			w.slow = true
		}
		w.lost = func() bool { return rapid.IntRange(0, 9).Draw(rt, "lost") < 2 }
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			a.step(rt)
			a.forwarded()
		}
		w.lost, w.slow = nil, false
		if rapid.Bool().Draw(rt, "shutdown") {
			w.core.Close(w.now)
		} else {
			w.settle()
			w.advance(13 * time.Hour) // the longest call
		}
		w.take()
		a.check(rt)
	})
}

type party struct {
	callID, route string
	invites       []*sent // that were forwarded
	cseq          int
}

type actors struct {
	*world
	calls []*party
}

func (a *actors) dial(callID string) {
	p := &party{callID: callID, cseq: 10}
	for _, s := range a.world.dial(callID, "bob", "offer") {
		if s.Method() == wire.INVITE {
			p.invites = append(p.invites, s)
			p.route = route(a.t, s)
		}
	}
	a.calls = append(a.calls, p)
}

// begin dials when the relay may be slow to answer.
func (a *actors) begin(callID string) {
	a.receive(a.invitation(callID, "offer"))
	if len(a.core.Calls.ByCallID(callID)) > 0 { // else the nonce is stale
		a.calls = append(a.calls, &party{callID: callID, cseq: 10})
	}
}

// forwarded finds the INVITEs of calls that have waited.
func (a *actors) forwarded() {
	for _, s := range a.out {
		for _, p := range a.calls {
			if s.Method() == wire.INVITE && len(s.ToTag()) == 0 && string(s.CallID()) == p.callID && len(p.invites) < 2 && !slices.Contains(p.invites, s) {
				p.invites, p.route = append(p.invites, s), route(a.t, s)
			}
		}
	}
}

// relay has a relay answer, or fail to.
func (a *actors) relay(rt *rapid.T) {
	if len(a.asked) == 0 {
		return
	}
	i := rapid.IntRange(0, len(a.asked)-1).Draw(rt, "question")
	if rapid.IntRange(0, 4).Draw(rt, "fails") == 0 {
		a.mediaErr["offer"], a.mediaErr["answer"] = context.DeadlineExceeded, context.DeadlineExceeded
		defer clear(a.mediaErr)
	}
	a.reply(i)
}

// step is one thing that a party, the network, the relay or the clock does.
func (a *actors) step(rt *rapid.T) {
	p := rapid.SampledFrom(a.calls).Draw(rt, "call")
	if what := rapid.IntRange(0, 9).Draw(rt, "what"); a.slow && what < 3 {
		a.relay(rt)
		return
	} else if a.slow && what == 3 && len(a.calls) < 6 {
		a.begin(fmt.Sprint("s", a.count))
		return
	}
	if len(p.invites) == 0 {
		if rapid.Bool().Draw(rt, "gives up") {
			a.cancelled(p.callID)
		}
		return
	}
	inv := rapid.SampledFrom(p.invites).Draw(rt, "branch")
	tag := rapid.SampledFrom([]string{"b1", "b2"}).Draw(rt, "tag")
	x := &talk{w: a.world, callID: p.callID, route: p.route}
	in := func(method, from, to, body string) {
		p.cseq++
		a.receive(a.compose(request{
			method: method, uri: "sip:b@192.0.2.20:5070", from: "<sip:x@example.com>;tag=" + from, to: "<sip:y@example.com>;tag=" + to,
			callID: p.callID, cseq: p.cseq, body: body, fields: append([]string{p.route}, map[string][]string{"INFO": {"Content-Type: application/dtmf"}}[method]...),
		}))
	}
	switch do := rapid.SampledFrom([]string{
		"180", "183", "200", "200", "486", "cancel", "ack", "ack", "bye", "bye back", "reinvite", "reinvite back", "info", "info back", "answer", "481", "wait", "wait long", "end",
	}).Draw(rt, "do"); do {
	case "180", "486":
		a.answer(inv, map[string]int{"180": 180, "486": 486}[do], tag, "")
	case "183", "200":
		a.answer(inv, map[string]int{"183": 183, "200": 200}[do], tag, rapid.SampledFrom([]string{"", "answer"}).Draw(rt, "body"),
			wire.Field{ID: wire.HdrSessionExpires, Value: []byte("90")})
	case "cancel":
		a.cancel(inv)
	case "ack":
		x.ack(tag, 2, "")
	case "bye":
		in("BYE", "a", tag, "")
	case "bye back":
		in("BYE", tag, "a", "")
	case "reinvite":
		in("INVITE", "a", tag, rapid.SampledFrom([]string{"", "hold"}).Draw(rt, "body"))
	case "info":
		in("INFO", "a", tag, "5")
	case "info back":
		in("INFO", tag, "a", "5")
	case "reinvite back":
		in("INVITE", tag, "a", "hold")
	case "answer", "481":
		for _, s := range a.take() { // what is on its way to the phones
			if s.IsRequest() && s.Method() != wire.ACK {
				a.answer(s, map[string]int{"answer": 200, "481": 481}[do], tag, "held")
			}
		}
	case "wait":
		a.advance(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond)
	case "wait long":
		a.advance(time.Duration(rapid.IntRange(10, 300).Draw(rt, "s")) * time.Second)
	case "end":
		for _, c := range a.core.Calls.ByCallID(p.callID) {
			a.core.End(a.now, c.ID, dialog.CauseMediaTimeout)
		}
	}
}

func (a *actors) check(rt *rapid.T) {
	count := map[string]map[billing.EventKind]int{}
	for _, e := range a.events {
		if count[e.CallID] == nil {
			count[e.CallID] = map[billing.EventKind]int{}
		}
		count[e.CallID][e.Kind]++
		if e.Kind == billing.EventStop && (e.At < e.Start || e.Start < e.Init) {
			rt.Errorf("%s: times run backwards: %d %d %d", e.CallID, e.Init, e.Start, e.At)
		}
	}
	for _, p := range a.calls {
		n := count[p.callID]
		if n[billing.EventStart] != n[billing.EventStop] || n[billing.EventStart]+n[billing.EventFail] != 1 {
			rt.Errorf("%s: events %v", p.callID, n)
		}
	}
	if n := a.core.calls.Len() + a.core.Calls.Len() + len(a.live); n != 0 {
		rt.Errorf("%d records, %d calls shown, %d media sessions left", a.core.calls.Len(), a.core.Calls.Len(), len(a.live))
	}
	if len(a.deleted) != len(a.begun) || len(a.asked) != 0 || a.core.Busy() {
		rt.Errorf("media of %d calls deleted, of %d; %d questions left", len(a.deleted), len(a.begun), len(a.asked))
	}
	for id, n := range a.deleted {
		if n != 1 {
			rt.Errorf("media of %s deleted %d times", id, n)
		}
	}
	if s := a.core.layer.Stats(); a.core.layer != nil && a.now.Sub(t0) > 13*time.Hour && s.Servers+s.Clients != 0 {
		rt.Errorf("%d server and %d client transactions left", s.Servers, s.Clients)
	}
}
