package b2bua

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/wire"
)

func owned(t rapid.TB, cfg Config) *world {
	w := newWorld(t, cfg)
	w.plan.Handler = owner{w}
	return w
}

// Both legs are dialogs of their own; what no rule names passes.
func TestTwoDialogs(t *testing.T) {
	w := owned(t, Config{})
	w.dial("X-Any: kept", "Proxy-Authorization: secret", "Supported: 100rel")
	inv := w.expect("INVITE>bob")[0]
	for id, want := range map[wire.HeaderID]string{
		wire.HdrRecordRoute: record, wire.HdrContact: "<sip:call1@" + host + ">", wire.HdrCSeq: "1 INVITE",
		wire.HdrMaxForwards: "69", wire.HdrProxyAuthorization: "", wire.HdrSupported: "100rel", wire.HdrCallID: "1@alice",
	} {
		if got := inv.value(id); got != want {
			t.Errorf("%v of the INVITE is %q, want %q", id, got, want)
		}
	}
	if string(inv.FromTag()) == "a" || inv.Count(wire.HdrVia) != 1 || string(inv.Body()) != "offer" {
		t.Errorf("the callee's leg is not our own:\n%s", inv.Bytes())
	}
	if h, ok := inv.Find("X-Any"); !ok || string(h.Value) != "kept" {
		t.Error("a header field that no rule names is gone")
	}
	w.respond(inv, 180, "b")
	ring := w.expect("180 INVITE>alice")[0]
	w.respond(inv, 200, "b", wire.Field{Name: "X-Other", Value: []byte("kept")})
	ok := w.expect("200 INVITE>alice")[0]
	if string(ok.ToTag()) == "b" || string(ok.ToTag()) != string(ring.ToTag()) || string(ok.FromTag()) != "a" {
		t.Errorf("tags of the caller's dialog: %s and %s", ring.ToTag(), ok.ToTag())
	}
	if got := strings.Join(values(&ok.Message, wire.HdrRecordRoute), ", "); got != record+", <sip:"+caller+";lr;edge>" {
		t.Errorf("Record-Route of the answer is %q", got)
	}
	if ok.value(wire.HdrCSeq) != "10 INVITE" || ok.value(wire.HdrContact) != "<sip:call1@"+host+">" || string(ok.Body()) != "answer of b" {
		t.Errorf("the answer is not that of the caller's dialog:\n%s", ok.Bytes())
	}
	x := &talk{world: w, toCaller: ok, toCallee: inv}
	x.ack()
	if ack := w.expect("ACK>bob")[0]; ack.value(wire.HdrCSeq) != "1 ACK" || string(ack.ToTag()) != "b" || string(ack.RequestURI()) != "sip:b@"+callee {
		t.Errorf("the ACK is\n%s", ack.Bytes())
	}
	x.byCallee("BYE", "", `Reason: Q.850;cause=16`)
	bye := find(t, w.take(), "BYE>alice")
	if bye.value(wire.HdrReason) != "Q.850;cause=16" || string(bye.RequestURI()) != "sip:alice@"+caller || bye.value(wire.HdrRoute) != "<sip:"+caller+";lr;edge>" {
		t.Errorf("the BYE is\n%s", bye.Bytes())
	}
	if got := w.lines(); got != "answered, ended bye" {
		t.Errorf("told: %s", got)
	}
	w.over()
}

func TestRequestsInside(t *testing.T) {
	x := owned(t, Config{}).talk()
	x.byCaller("INVITE", 11, "hold")
	inv := find(t, x.take(), "INVITE>bob")
	if inv.value(wire.HdrCSeq) != "2 INVITE" || string(inv.Body()) != "hold" || inv.value(wire.HdrContact) != "<sip:call1@"+host+">" {
		t.Errorf("the re-INVITE is\n%s", inv.Bytes())
	}
	x.respond(inv, 200, "b")
	x.expect("200 INVITE>alice")
	x.respond(inv, 200, "b") // again: the caller's ACK is not here yet
	x.expect("200 INVITE>alice")
	x.byCaller("ACK", 11, "")
	x.expect("ACK>bob")
	x.respond(inv, 200, "b") // our ACK was lost
	x.expect("ACK>bob")

	x.byCallee("INFO", "digit")
	info := find(t, x.take(), "INFO>alice")
	if string(info.RequestURI()) != "sip:alice2@"+caller {
		t.Errorf("the target of the re-INVITE is not used: %s", info.RequestURI())
	}
	x.respond(info, 200, "")
	x.expect("200 INFO>bob")
	x.byCallee("REFER", "", "Refer-To: <sip:carol@example.com>")
	refer := find(t, x.take(), "REFER>alice")
	if refer.value(wire.HdrReferTo) != "<sip:carol@example.com>" {
		t.Errorf("Refer-To is %q", refer.value(wire.HdrReferTo))
	}
	x.respond(refer, 202, "")
	x.expect("202 REFER>bob")
	x.byCaller("UPDATE", 11, "") // an old number
	x.expect("500 UPDATE>alice")
	x.byCaller("INVITE", 12, "more")
	x.respond(find(t, x.take(), "INVITE>bob"), 488, "")
	x.expect("ACK>bob, 488 INVITE>alice")
	x.byCaller("BYE", 13, "")
	x.expect("BYE>bob, 200 BYE>alice")
	x.over()
}

// Each callee that rings is a dialog of the caller's too; the second answer is
// ended here.
func TestFork(t *testing.T) {
	w := owned(t, Config{})
	w.plan.Groups[0].Targets = append(w.plan.Groups[0].Targets, proxy.Target{URI: []byte("sip:bob@" + second)})
	w.dial("Supported: 100rel")
	list := w.expect("INVITE>bob, INVITE>bob2")
	w.respond(list[0], 183, "b", wire.Field{ID: wire.HdrRSeq, Value: []byte("7")})
	w.respond(list[1], 180, "c")
	rings := w.expect("183 INVITE>alice, 180 INVITE>alice")
	if string(rings[0].ToTag()) == string(rings[1].ToTag()) {
		t.Error("two callees have one dialog with the caller")
	}
	x := &talk{world: w, toCaller: rings[0], toCallee: list[0]}
	x.byCaller("PRACK", 11, "", "RAck: 7 10 INVITE")
	if prack := find(t, w.take(), "PRACK>bob"); prack.value(wire.HdrRAck) != "7 1 INVITE" {
		t.Errorf("RAck is %q", prack.value(wire.HdrRAck))
	}
	w.respond(list[1], 200, "c")
	w.expect("CANCEL>bob, 200 INVITE>alice")
	w.respond(list[0], 200, "b") // crosses the CANCEL
	w.expect("ACK>bob, BYE>bob")
	w.respond(list[0], 200, "b")
	w.expect("ACK>bob")
	if got := w.lines(); got != "answered" {
		t.Errorf("told: %s", got)
	}
	// The caller never acknowledges: it is told when that is sure.
	w.advance(33 * time.Second)
	if out := short(w.take()); !strings.Contains(out, "BYE>alice") || !strings.Contains(out, "BYE>bob2") {
		t.Errorf("sent %s", out)
	}
	w.over()
}

func TestRefusals(t *testing.T) {
	for _, v := range []struct{ first, second, want int }{
		{486, 404, 486}, {480, 486, 486}, {503, 503, 500}, {600, 486, 600}, {430, 430, 480}, {302, 486, 302},
	} {
		w := owned(t, Config{})
		w.plan.Groups = append(w.plan.Groups, proxy.Group{Targets: []proxy.Target{{URI: []byte("sip:bob@" + second)}}})
		w.dial()
		w.respond(find(t, w.take(), "INVITE>bob"), v.first, "b", wire.Field{Name: "X-Why", Value: []byte("because")})
		var last *sent
		for _, s := range w.take() {
			switch {
			case s.IsRequest() && s.Method() == wire.INVITE:
				w.respond(s, v.second, "c")
				for _, s := range w.take() {
					if !s.IsRequest() {
						last = s
					}
				}
			case !s.IsRequest():
				last = s
			}
		}
		if last == nil || last.Status() != v.want {
			t.Errorf("%d and %d: %v, want %d", v.first, v.second, last, v.want)
			continue
		}
		if got := w.lines(); got != "ended refused" {
			t.Errorf("told: %s", got)
		}
		w.over()
	}
}

// The same INVITE on another way is not a second call.
func TestMerged(t *testing.T) {
	w := owned(t, Config{})
	w.dial()
	w.expect("INVITE>bob")
	w.dial()
	w.expect("482 INVITE>alice")
	if w.b.Len() != 1 {
		t.Errorf("%d calls", w.b.Len())
	}
}

func TestCancel(t *testing.T) {
	w := owned(t, Config{})
	inv := w.dial()
	leg := find(t, w.take(), "INVITE>bob")
	w.respond(leg, 180, "b")
	w.take()
	w.receive(caller, strings.Replace(strings.Replace(inv, "INVITE sip", "CANCEL sip", 1), "10 INVITE", "10 CANCEL", 1))
	w.expect("200 CANCEL>alice, CANCEL>bob, 487 INVITE>alice")
	w.over()
	w.respond(leg, 200, "b") // it crosses the CANCEL
	w.expect("ACK>bob, BYE>bob")
	if got := w.lines(); got != "ended cancelled" {
		t.Errorf("told: %s", got)
	}
}

// An answer that the owner does not accept ends both legs, and so does an end
// while the caller has not acknowledged.
func TestOwnerEnds(t *testing.T) {
	w := owned(t, Config{})
	w.edit = func(_ *Passage, m *wire.Message, _ *wire.Edit) error {
		if m.Status() == 200 {
			return &proxy.Refusal{Status: 488}
		}
		return nil
	}
	w.dial()
	w.respond(find(t, w.take(), "INVITE>bob"), 200, "b")
	w.expect("ACK>bob, BYE>bob, 488 INVITE>alice")
	w.over()

	w = owned(t, Config{})
	w.end = true
	w.dial()
	w.respond(find(t, w.take(), "INVITE>bob"), 200, "b")
	w.expect("ACK>bob, BYE>bob, 503 INVITE>alice")
	w.over()

	w = owned(t, Config{})
	w.dial()
	inv := find(t, w.take(), "INVITE>bob")
	w.respond(inv, 200, "b")
	x := &talk{world: w, toCallee: inv, toCaller: find(t, w.take(), "200 INVITE>alice")}
	w.call.End(w.now, dialog.CauseAdministrative, 0, "SIP;cause=480")
	w.expect("ACK>bob, BYE>bob")
	x.ack()
	if bye := w.expect("BYE>alice")[0]; bye.value(wire.HdrReason) != "SIP;cause=480" {
		t.Errorf("Reason is %q", bye.value(wire.HdrReason))
	}
	w.over()
}

func TestSessionTimer(t *testing.T) {
	w := owned(t, Config{})
	w.dial()
	inv := find(t, w.take(), "INVITE>bob")
	w.respond(inv, 200, "b", wire.Field{ID: wire.HdrSessionExpires, Value: []byte("90;refresher=uac")})
	x := &talk{world: w, toCallee: inv, toCaller: find(t, w.take(), "200 INVITE>alice")}
	x.ack()
	w.advance(60 * time.Second)
	w.take()
	x.byCaller("UPDATE", 11, "")
	w.respond(find(t, w.take(), "UPDATE>bob"), 200, "", wire.Field{ID: wire.HdrSessionExpires, Value: []byte("90;refresher=uac")})
	w.advance(60 * time.Second)
	w.take()
	if w.b.Len() != 1 {
		t.Fatal("a refreshed session is over")
	}
	w.advance(31 * time.Second)
	if got := w.lines(); got != "answered, ended session-expired" {
		t.Errorf("told: %s", got)
	}
}
