package b2bua

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/wire"
)

func limited(t rapid.TB, cfg Config, g *Grant) *world {
	w := owned(t, cfg)
	w.plan.Authorizer, w.grant = bank{w}, g
	return w
}

func TestNoCredit(t *testing.T) {
	w := limited(t, Config{}, &Grant{})
	w.dial()
	w.expect("402 INVITE>alice")
	if got := w.lines(); got != "begin, ended refused, used 0s" {
		t.Errorf("told: %s", got)
	}
	w.over()

	w = limited(t, Config{}, nil) // the answer takes its time
	w.dial()
	w.expect("")
	w.advance(time.Second)
	w.expect("100 INVITE>alice")
	w.call.Refused(w.now, 503, "No Ledger")
	w.expect("503 INVITE>alice")
	w.call.Granted(w.now, Grant{Total: time.Minute}) // too late
	w.expect("")
	w.over()
}

// The call is cut at the granted second, on both legs, and warned before.
func TestCutOff(t *testing.T) {
	x := limited(t, Config{}, &Grant{Total: 40 * time.Second, Final: true}).talk()
	x.advance(10*time.Second - time.Millisecond)
	if got := x.lines(); got != "begin, answered" {
		t.Errorf("told: %s", got)
	}
	x.advance(time.Millisecond)
	if got := x.lines(); got != "warned 30s" {
		t.Errorf("told: %s", got)
	}
	x.advance(30*time.Second - time.Millisecond)
	x.expect("")
	x.advance(2 * time.Millisecond)
	for _, bye := range x.expect("BYE>bob, BYE>alice") {
		if bye.value(wire.HdrReason) != cutReason {
			t.Errorf("Reason is %q", bye.value(wire.HdrReason))
		}
	}
	if got := x.lines(); got != "ended credit, used 40s" {
		t.Errorf("told: %s", got)
	}
	x.over()
}

func TestRenewal(t *testing.T) {
	x := limited(t, Config{}, &Grant{Total: time.Minute, Renew: 50 * time.Second, Expected: 100 * time.Second}).talk()
	x.lines()
	x.grant = nil
	x.advance(50 * time.Second)
	if got := x.lines(); got != "renew 50s" {
		t.Errorf("told: %s", got)
	}
	x.call.Granted(x.now, Grant{Total: 100 * time.Second, Final: true})
	x.advance(49 * time.Second)
	if got := x.lines(); got != "warned 30s" {
		t.Errorf("told: %s", got)
	}
	x.call.Granted(x.now, Grant{Total: 200 * time.Second, Final: true}) // a top-up
	x.advance(100 * time.Second)
	if got := x.lines(); got != "warned 30s" {
		t.Errorf("told: %s", got)
	}
	x.advance(2 * time.Second)
	if got := x.lines(); got != "ended credit, used 3m20s" {
		t.Errorf("told: %s", got)
	}
}

// A renewal without an answer ends the call with its grant, or some time after.
func TestSilence(t *testing.T) {
	for overrun, want := range map[time.Duration]string{0: "used 1m0s", 20 * time.Second: "used 1m20s"} {
		x := limited(t, Config{Overrun: overrun}, &Grant{Total: time.Minute, Renew: 50 * time.Second}).talk()
		x.grant = nil
		x.advance(2 * time.Minute)
		if got := x.lines(); !strings.HasSuffix(got, want) {
			t.Errorf("overrun %v: %s, want %s", overrun, got, want)
		}
	}
}

// While it rings the reservation is renewed; after a long ring the first
// renewal is before the reservation ends.
func TestRinging(t *testing.T) {
	w := limited(t, Config{}, nil)
	valid := func(g Grant) *Grant { g.ValidUntil = w.now.Add(90 * time.Second); return &g }
	g := Grant{Total: time.Minute, Renew: 50 * time.Second}
	w.dial()
	w.call.Granted(w.now, *valid(g))
	inv := find(t, w.take(), "INVITE>bob")
	w.respond(inv, 180, "b")
	w.take()
	w.advance(79 * time.Second)
	if got := w.lines(); got != "begin" {
		t.Errorf("told: %s", got)
	}
	w.advance(time.Second)
	if got := w.lines(); got != "renew 0s" {
		t.Errorf("told: %s", got)
	}
	w.call.Granted(w.now, *valid(g))
	w.advance(60 * time.Second)
	w.respond(inv, 200, "b")
	w.advance(20 * time.Second)
	if got := w.lines(); got != "answered, renew 20s" {
		t.Errorf("told: %s", got)
	}
	w.call.End(w.now, dialog.CauseAdministrative, 0, "")
}
