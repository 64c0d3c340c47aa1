package routing

import (
	"context"
	"strings"
	"testing"
)

// locks is a directory with a subscriber of each lock level, "lock0" to
// "lock9", in two domains.
type locks struct{}

func (locks) LocalDomain(_ context.Context, domain string) (bool, error) {
	return domain == "example.com" || domain == "example.net", nil
}

func (locks) Destination(_ context.Context, user, _, domain string) (Destination, error) {
	if user == "5000" {
		return Destination{Application: "echo"}, nil
	}
	return Destination{Subscriber: &Subscriber{Username: user, Domain: domain, Lock: Lock(user[len(user)-1] - '0')}}, nil
}

func TestLocks(t *testing.T) {
	for level, want := range map[Lock]string{ // own domain, other domain, application, received
		LockNone:     "yyyy",
		LockForeign:  "ynyy",
		LockOutgoing: "nnny",
		LockAll:      "nnnn",
		LockGlobal:   "nnnn",
		LockPorted:   "nnnn",
		9:            "nnnn",
	} {
		me := &Subscriber{Username: "me", Domain: "Example.com", Lock: level}
		got := ""
		for _, c := range []Facts{
			{Caller: me, RequestURI: []byte("sip:bob0@example.com")},
			{Caller: me, RequestURI: []byte("sip:bob0@example.net")},
			{Caller: me, RequestURI: []byte("sip:5000@example.com")},
			{Caller: &Subscriber{Username: "bob", Domain: "example.net"}, RequestURI: []byte("sip:lock" + string('0'+byte(level)) + "@example.com")},
		} {
			p := New(locks{}).Plan(context.Background(), c)
			switch {
			case p.Outcome != Refuse:
				got += "y"
			case p.Status == 403 && strings.Contains(p.Trace[len(p.Trace)-1].Why, level.String()):
				got += "n"
			default:
				got += "?"
			}
		}
		if got != want {
			t.Errorf("level %v: %s, want %s", level, got, want)
		}
	}
}

// TestEmergency: locks of caller and callee don't count for an emergency
// service; that it is not to be found still does.
func TestEmergency(t *testing.T) {
	r := New(locks{})
	r.Emergency = func(uri []byte) bool { return strings.Contains(string(uri), "lock5") }
	for _, c := range []Facts{
		{Caller: &Subscriber{Username: "me", Domain: "example.com", Lock: LockPorted}, RequestURI: []byte("sip:lock5@example.com")},
		{Caller: &Subscriber{Username: "me", Domain: "example.com", Locked: true}, RequestURI: []byte("sip:lock5@example.net")},
	} {
		if p := r.Plan(context.Background(), c); p.Outcome != Deliver || !p.Emergency {
			t.Errorf("%s: %+v", c.RequestURI, p)
		}
		c.RequestURI = []byte("sip:lock0@example.com")
		if p := r.Plan(context.Background(), c); p.Status != 403 || p.Emergency {
			t.Errorf("%s: %+v", c.RequestURI, p)
		}
	}
	if p := r.Plan(context.Background(), Facts{RequestURI: []byte("sip:lock5@example.org")}); p.Status != 404 {
		t.Errorf("a foreign domain: %+v", p)
	}
}
