package dialog

import (
	"fmt"
	"testing"
	"time"
)

// TestIgnoredAnswer: a caller that never acknowledges the second answer to a
// fork ends its call by one BYE.
func TestIgnoredAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		acked  []string
		bye    string
		closed bool
		left   string
	}{
		{name: "the acknowledged one ends", acked: []string{"b1"}, bye: "b1", closed: true},
		{name: "the ignored one ends", acked: []string{"b1"}, bye: "b2", left: "b1"},
		{name: "both are taken, the first ends", acked: []string{"b1", "b2"}, bye: "b1", left: "b2"},
		{name: "no ACK has come yet", bye: "b2", left: "b1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, r, o := begin(t, Config{})
			for _, tag := range []string{"b1", "b2"} {
				tr.Response(t0, r, parse(t, response(200, "7 INVITE", tag, "")))
			}
			for _, tag := range c.acked {
				tr.Request(t0, parse(t, request("ACK", 7, "a1", tag, "")))
			}
			tr.Request(t0.Add(time.Minute), parse(t, request("BYE", 8, "a1", c.bye, "")))
			if closed := len(o.closed) == 1; closed != c.closed {
				t.Fatalf("closed: %v", closed)
			}
			if !c.closed && r.Legs[Callee].Tag != c.left {
				t.Errorf("the callee is %q now, want %q", r.Legs[Callee].Tag, c.left)
			}
		})
	}
}

// TestManyAnswers: a callee that makes up tags gets no memory for them.
func TestManyAnswers(t *testing.T) {
	tr, r, _ := begin(t, Config{})
	for i := range 1000 {
		tr.Response(t0, r, parse(t, response(200, "7 INVITE", fmt.Sprint("b", i), "")))
	}
	if len(r.open) != maxEnds {
		t.Errorf("%d dialogs kept", len(r.open))
	}
}
