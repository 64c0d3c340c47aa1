package b2bua

import (
	"errors"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

// TestInform: requests of our own are one sequence with those that are passed,
// and what comes of them is told once.
func TestInform(t *testing.T) {
	w := owned(t, Config{})
	w.dial()
	inv := find(t, w.take(), "INVITE>bob")
	var got []int
	done := func(_ time.Time, status int) { got = append(got, status) }
	inform := func(to dialog.Side) error { return w.call.Inform(w.now, to, "text/x", []byte("5"), done) }
	if err := inform(dialog.Callee); !errors.Is(err, ErrEarly) {
		t.Errorf("before the answer: %v", err)
	}
	w.respond(inv, 200, "b")
	x := &talk{world: w, toCallee: inv, seqA: 10}
	x.toCaller = find(t, w.take(), "200 INVITE>alice")
	if err := inform(dialog.Caller); !errors.Is(err, ErrEarly) {
		t.Errorf("before the ACK: %v", err)
	}
	x.ack()
	w.expect("ACK>bob")

	x.byCaller("UPDATE", 11, "")
	passed := find(t, w.take(), "UPDATE>bob")
	if err := inform(dialog.Callee); err != nil {
		t.Fatal(err)
	}
	w.respond(passed, 200, "b")
	own := find(t, w.take(), "INFO>bob")
	before, _ := passed.CSeq()
	if n, _ := own.CSeq(); n != before+1 || string(own.Body()) != "5" || own.value(wire.HdrContentType) != "text/x" ||
		string(own.ToTag()) != "b" || string(own.FromTag()) != string(inv.FromTag()) || string(own.RequestURI()) != "sip:b@"+callee {
		t.Errorf("the INFO is\n%s", own.Bytes())
	}
	w.respond(own, 200, "")
	w.respond(own, 200, "")
	if err := inform(dialog.Caller); err != nil {
		t.Fatal(err)
	}
	own = find(t, w.take(), "INFO>alice")
	if own.value(wire.HdrTo) == "" || string(own.ToTag()) != "a" || own.value(wire.HdrRoute) == "" {
		t.Errorf("the INFO is\n%s", own.Bytes())
	}
	w.respond(own, 481, "")
	if err := inform(dialog.Caller); err != nil { // nobody answers
		t.Fatal(err)
	}
	w.advance(40 * time.Second)
	if len(got) != 3 || got[0] != 200 || got[1] != 481 || got[2] != 408 {
		t.Errorf("told %v", got)
	}
	if err := inform(dialog.Callee); err != nil {
		t.Fatal(err)
	}
	open := find(t, w.take(), "INFO>bob")
	w.call.End(w.now, dialog.CauseAdministrative, 480, "")
	w.respond(open, 200, "")
	if len(got) != 3 {
		t.Errorf("told %v after the end", got)
	}
	if err := inform(dialog.Callee); !errors.Is(err, ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
}
