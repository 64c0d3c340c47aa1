package routing

import (
	"context"
	"strings"
	"testing"
)

// TestServices: URNs of emergency services go to their numbers, from locked
// callers too; what is no emergency service is no way.
func TestServices(t *testing.T) {
	alice := &Subscriber{Username: "alice", Domain: "example.com", Locked: true}
	for _, c := range []struct {
		uri     string
		caller  *Subscriber
		outcome Outcome
		status  int
		number  string
	}{
		{"urn:service:sos", alice, Outward, 0, "112"},
		{"URN:Service:SOS", alice, Outward, 0, "112"},
		{"urn:service:sos.ambulance", alice, Outward, 0, "112"},
		{"urn:service:sos.police", alice, Application, 0, "5000"},
		{"urn:service:sos.police.traffic", alice, Application, 0, "5000"},
		{"urn:service:sos.police", nil, Outward, 0, "5000"}, // from a foreign network
		{"urn:service:counseling", alice, Refuse, 416, ""},
		{"urn:service:sosx", alice, Refuse, 416, ""},
		{"urn:service:sos.", alice, Refuse, 416, ""},
		{"urn:service:sos.a;b", alice, Refuse, 416, ""},
		{"urn:isbn:1", alice, Refuse, 416, ""},
		{"urn:service:sos." + strings.Repeat("a", 200), alice, Refuse, 416, ""},
	} {
		r := New(directory{})
		r.Services, r.Peers = Services{"sos": "112", "sos.police": "5000"}, peers{}
		p := r.Plan(context.Background(), Facts{Caller: c.caller, RequestURI: []byte(c.uri)})
		if p.Outcome != c.outcome || p.Status != c.status || p.Number != c.number || p.Emergency != (c.status == 0) || len(p.Trace) == 0 {
			t.Errorf("%s: %+v", c.uri, p)
		}
	}
	p := New(directory{}).Plan(context.Background(), Facts{Caller: alice, RequestURI: []byte("urn:service:sos")})
	if p.Outcome != Refuse || p.Status != 404 || p.Reason != "Emergency Service Not Configured" || !p.Emergency {
		t.Errorf("without a number: %+v", p)
	}
}

type peers struct{}

func (peers) Peer(context.Context, string, string) (Peer, error) {
	return Peer{Name: "rescue", Gateway: "gw.example"}, nil
}

func TestParseService(t *testing.T) {
	for in, want := range map[string]string{
		"sos": "sos", "urn:service:sos.police": "sos.police", "URN:SERVICE:SOS.Fire": "sos.fire",
		"": "", "police": "", "sos..a": "", "sos.-a": "", "urn:service:": "", "sos.ä": "",
	} {
		if got, err := ParseService(in); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}
