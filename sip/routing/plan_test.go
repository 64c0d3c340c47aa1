package routing

import (
	"context"
	"errors"
	"testing"
)

type directory struct{ down bool }

func (d directory) LocalDomain(_ context.Context, domain string) (bool, error) {
	return domain == "example.com", nil
}

func (d directory) Destination(_ context.Context, user, number, _ string) (Destination, error) {
	switch {
	case d.down:
		return Destination{}, errors.New("connection refused")
	case user == "alice", number == "431001":
		return Destination{Subscriber: &Subscriber{ID: "1", Username: "alice", Domain: "example.com", Number: "431001"}}, nil
	case user == "locked":
		return Destination{Subscriber: &Subscriber{ID: "2", Username: "locked", Domain: "example.com", Locked: true}}, nil
	case number == "5000":
		return Destination{Application: "echo"}, nil
	}
	return Destination{}, ErrNotFound
}

func TestPlan(t *testing.T) {
	locked := &Subscriber{Username: "x", Domain: "example.com", Locked: true}
	for _, c := range []struct {
		name, uri string
		caller    *Subscriber
		outcome   Outcome
		status    int
		number    string
	}{
		{"user name", "sip:alice@example.com", nil, Deliver, 0, "431001"},
		{"host case and port", "sip:alice@EXAMPLE.com:5060;transport=udp", nil, Deliver, 0, "431001"},
		{"alias with plus", "sip:+43(1)001@example.com", nil, Deliver, 0, "431001"},
		{"alias with 00", "sip:00431001@example.com;user=phone", nil, Deliver, 0, "431001"},
		{"escaped user", "sip:%61lice@example.com", nil, Deliver, 0, "431001"},
		{"user names keep their case", "sip:Alice@example.com", nil, Refuse, 404, "Alice"},
		{"application", "sip:5000@example.com", nil, Application, 0, "5000"},
		{"foreign domain", "sip:alice@elsewhere.net", nil, Refuse, 404, ""},
		{"no user", "sip:example.com", nil, Refuse, 404, ""},
		{"scheme", "mailto:alice@example.com", nil, Refuse, 416, ""},
		{"locked callee", "sip:locked@example.com", nil, Refuse, 403, "locked"},
		{"locked caller", "sip:alice@example.com", locked, Refuse, 403, ""},
	} {
		p := New(directory{}).Plan(context.Background(), Facts{Caller: c.caller, RequestURI: []byte(c.uri)})
		if p.Outcome != c.outcome || p.Status != c.status || p.Number != c.number {
			t.Errorf("%s: %+v", c.name, p)
		}
		if len(p.Trace) == 0 {
			t.Errorf("%s: no trace", c.name)
		}
	}
}

func TestDirectoryDown(t *testing.T) {
	p := New(directory{down: true}).Plan(context.Background(), Facts{RequestURI: []byte("sip:alice@example.com")})
	if p.Outcome != Refuse || p.Status != 503 {
		t.Errorf("%+v", p)
	}
}

func TestE164(t *testing.T) {
	for in, want := range map[string]string{
		"+4312345": "4312345", "004312345": "4312345", "43-1-2345": "4312345", "5000": "5000", "0043": "0043",
		"alice": "", "": "", "+": "", "12a": "", "1+2": "", "123456789012345678901": "", "-1": "",
	} {
		got, ok := E164(in)
		if got != want || ok != (want != "") {
			t.Errorf("E164(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("sip:alice@example.com")
	f.Add("sip:%00@[::1]:5060")
	f.Add("urn:service:sos.police")
	f.Fuzz(func(t *testing.T, uri string) {
		r := New(directory{})
		r.Services = Services{"sos": "112"}
		p := r.Plan(context.Background(), Facts{RequestURI: []byte(uri)})
		if p.Outcome == Refuse && (p.Status < 400 || p.Status > 699) {
			t.Fatalf("refused with %d", p.Status)
		}
	})
}
