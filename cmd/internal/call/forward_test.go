package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/billing"
	"github.com/class5-go/class5/billing/mediate"
	"github.com/class5-go/class5/sip/wire"
)

// moved answers an INVITE with 302 to another user.
func (w *world) moved(inv *sent, contact string) {
	w.t.Helper()
	b, err := wire.AppendResponse(nil, &inv.Message, 302, "", "m", wire.Field{ID: wire.HdrContact, Value: []byte("<" + contact + ">")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.receive(string(b))
}

// bill makes records of the events so far.
func (w *world) bill() string {
	w.t.Helper()
	m := mediate.New(mediate.Config{})
	var list []billing.CDR
	for i, e := range w.events {
		var err error
		if list, err = m.Feed(list, uint64(i), e); err != nil {
			w.t.Fatal(err)
		}
	}
	if m.Open() != 0 {
		w.t.Errorf("%d legs without an end", m.Open())
	}
	var out []string
	for _, c := range list {
		out = append(out, fmt.Sprintf("%d %s %s-%s>%s %s %d", c.Leg, c.Type, c.Caller.User, c.Caller.Account, c.Callee.User, c.Status, c.Duration/1000))
	}
	return strings.Join(out, ", ")
}

// TestForwardByPhone: the callee's phone sends the call on, the callee pays
// for the way from there.
func TestForwardByPhone(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.register("carol", "sip:carol@192.0.2.30:5070")
	inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
	w.moved(inv, "sip:4930102@example.com")
	out := w.take()
	next := find(t, out, wire.INVITE, 0)
	if string(next.RequestURI()) != "sip:carol@192.0.2.30:5070" || string(next.Body()) != "relayed offer" {
		t.Fatalf("sent on to %s", next.RequestURI())
	}
	for _, s := range out {
		if s.Status() == 302 {
			t.Error("the caller was told to call somebody else")
		}
	}
	w.answer(next, 200, "c", "answer")
	if k := w.kinds(); k != "forward start start" {
		t.Errorf("events when the 2xx has passed: %s", k)
	}
	x := &talk{w: w, callID: "c1", cseq: 100, route: route(t, find(t, w.take(), 0, 200))}
	x.ack("c", 2, "")
	w.advance(61 * time.Second)
	x.w.receive(x.w.compose(request{
		method: "BYE", uri: "sip:c@192.0.2.30:5070", from: alice, to: "<sip:bob@example.com>;tag=c", callID: "c1", cseq: 101, fields: []string{x.route},
	}))
	w.answer(find(t, w.take(), wire.BYE, 0), 200, "c", "")
	w.advance(40 * time.Second)
	if k := w.kinds(); k != "forward start start interim interim stop stop" {
		t.Errorf("events: %s", k)
	}
	if got, want := w.bill(), "0 call alice-101>bob ok 61, 1 cfr bob-102>carol ok 61"; got != want {
		t.Errorf("records: %s", got)
	}
	if e := w.events[1]; e.Leg != 1 || e.Caller.Number != "4930101" || e.Callee.Number != "4930102" || e.Callee.Dialled != "4930102" {
		t.Errorf("leg of the forward: %+v", e)
	}
	w.ended()
}

// TestForwards: what becomes of redirections of all kinds.
func TestForwards(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world, inv *sent)
		want string // the last that the caller hears, and records
	}{
		{"busy there", func(w *world, inv *sent) {
			w.moved(inv, "sip:carol@example.com")
			w.answer(find(t, w.take(), wire.INVITE, 0), 486, "c", "")
		}, "486: 0 call alice-101>bob busy 0, 1 cfr bob-102>carol busy 0"},
		{"to oneself", func(w *world, inv *sent) { w.moved(inv, "sip:bob@example.com") }, "302: 0 call alice-101>bob other 0"},
		{"back", func(w *world, inv *sent) {
			w.moved(inv, "sip:carol@example.com")
			w.moved(find(t, w.take(), wire.INVITE, 0), "sip:bob@example.com")
		}, "302: 0 call alice-101>bob other 0, 1 cfr bob-102>carol other 0"},
		{"elsewhere", func(w *world, inv *sent) { w.moved(inv, "sip:bob@elsewhere.example") }, "302: 0 call alice-101>bob other 0"},
		{"nobody", func(w *world, inv *sent) { w.moved(inv, "sip:nobody@example.com") }, "302: 0 call alice-101>bob other 0"},
		{"no URI", func(w *world, inv *sent) { w.moved(inv, "tel:+4930102") }, "302: 0 call alice-101>bob other 0"},
		{"cancelled there", func(w *world, inv *sent) {
			w.moved(inv, "sip:carol@example.com")
			next := find(t, w.take(), wire.INVITE, 0)
			w.answer(next, 180, "c", "")
			w.cancel(inv)
			w.answer(next, 487, "c", "")
		}, "487: 0 call alice-101>bob cancel 0, 1 cfr bob-102>carol cancel 0"},
		{"to the test number", func(w *world, inv *sent) {
			w.moved(inv, "sip:9999@example.com")
			w.answer(find(t, w.take(), wire.INVITE, 0), 603, "x", "")
		}, "603: 0 call alice-101>bob other 0, 1 cfr bob-102>9999 other 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.register("bob", "sip:bob@192.0.2.20:5070")
			w.register("carol", "sip:carol@192.0.2.30:5070")
			inv := find(t, w.dial("c1", "bob", "offer"), wire.INVITE, 0)
			c.do(w, inv)
			last := 0
			for _, s := range w.take() {
				if _, method := s.CSeq(); !s.IsRequest() && string(method) == "INVITE" && s.Status() >= 300 {
					last = s.Status()
				}
			}
			if got := fmt.Sprintf("%d: %s", last, w.bill()); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			w.advance(time.Minute)
			w.ended()
		})
	}
}

// TestTransfer: bob asks alice to call carol. That is a call of alice's, and
// the records say that it goes on in place of the other.
func TestTransfer(t *testing.T) {
	w := newWorld(t)
	w.register("bob", "sip:bob@192.0.2.20:5070")
	w.register("carol", "sip:carol@192.0.2.30:5070")
	x := w.call("c1")
	x.callee("REFER", "", "Refer-To: <sip:carol@example.com>")
	refer := find(t, w.take(), wire.REFER, 0)
	w.answer(refer, 202, "a", "")
	w.take()
	inv := find(t, w.dial("c2", "carol", "offer"), wire.INVITE, 0)
	if k := w.kinds(); k != "start transfer" || w.events[1].Refer != "c2" || w.events[1].CallID != "c1" {
		t.Errorf("events: %s, %+v", k, w.events[len(w.events)-1])
	}
	w.answer(inv, 486, "c", "")
	w.take()
	x.callee("BYE", "")
	w.take()
	w.dial("c3", "carol", "offer") // asked once, not twice
	if k := w.kinds(); k != "start transfer fail486 stop" {
		t.Errorf("events: %s", k)
	}
}

// TestReferrals: what is remembered of them is bounded and ends.
func TestReferrals(t *testing.T) {
	var r referrals
	for i := range 2 * maxReferrals {
		r.add(t0, fmt.Sprint(i), referral{target: "x", until: t0.Add(referralTime)})
	}
	if r.length != maxReferrals || len(r.asked) != maxReferrals {
		t.Errorf("%d of %d", len(r.asked), r.length)
	}
	if _, ok := r.take(t0, "1", "y"); ok {
		t.Error("asked for somebody else")
	}
	if _, ok := r.take(t0.Add(referralTime), "1", "x"); ok {
		t.Error("too late")
	}
	if _, ok := r.take(t0, "1", "x"); !ok {
		t.Error("forgotten")
	}
	later := t0.Add(2 * referralTime)
	for range 2 * maxPerUser {
		r.add(later, "one", referral{target: "x", until: later.Add(referralTime)})
	}
	r.add(later, "two", referral{target: "x", until: later.Add(referralTime)})
	n := 0
	for _, ok := r.take(later, "one", "x"); ok; _, ok = r.take(later, "one", "x") {
		n++
	}
	if n != maxPerUser {
		t.Errorf("%d for one subscriber", n)
	}
}
