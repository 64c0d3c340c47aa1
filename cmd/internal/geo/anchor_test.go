package geo

import (
	"slices"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/relay"
)

// step is a message and what the relay is asked because of it, with C for the
// name of the session; "" for nothing.
type step struct {
	inward      bool
	start, tags string
	body        bool
	branch      string
	want        string
}

const (
	in  = true
	out = false
)

var flows = map[string][]step{
	"offer and answer": {
		{in, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 pub>priv from 203.0.113.7"},
		{out, "100 INVITE", "a", false, "z1", ""},
		{out, "180 INVITE", "a b", false, "z1", ""},
		{out, "183 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1 SIP-code=183"},
		{out, "200 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1"},
		{in, "ACK", "a b", false, "z2", ""},
		{out, "INVITE", "b a", true, "z3", "offer C b=a priv>pub"},
		{in, "200 INVITE", "b a", true, "z3", "answer C b=a from 203.0.113.7"},
		{in, "UPDATE", "a b", true, "z4", "offer C a=b pub>priv from 203.0.113.7"},
		{out, "200 UPDATE", "a b", true, "z4", "answer C a=b"},
		{in, "BYE", "a b", false, "z5", ""},
		{out, "200 BYE", "a b", false, "z5", "delete C a=b"},
	},
	"to a client": {
		{out, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 priv>pub"},
		{in, "200 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1 from 203.0.113.7"},
		{out, "BYE", "a b", false, "z2", ""},
		{in, "481 BYE", "a b", false, "z2", "delete C a=b"},
	},
	"late offer": {
		{in, "INVITE", "a", false, "z1", ""},
		{out, "200 INVITE", "a b", true, "z1", "offer C b=a priv>pub"},
		{in, "ACK", "a b", true, "z2", "answer C b=a from 203.0.113.7"},
	},
	"late offer, reliably": {
		{in, "INVITE", "a", false, "z1", ""},
		{out, "183 INVITE", "a b", true, "z1", "offer C b=a priv>pub"},
		{in, "PRACK", "a b", true, "z2", "answer C b=a from 203.0.113.7"},
		{out, "200 PRACK", "a b", false, "z2", ""},
		{out, "200 INVITE", "a b", false, "z1", ""},
	},
	"early media, reliably": {
		{in, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 pub>priv from 203.0.113.7"},
		{out, "183 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1 SIP-code=183"},
		{in, "PRACK", "a b", true, "z2", "offer C a=b pub>priv from 203.0.113.7"},
		{out, "200 PRACK", "a b", true, "z2", "answer C a=b"},
		{out, "200 INVITE", "a b", false, "z1", "answer C a=b"},
	},
	"a re-INVITE fails, and a BYE is challenged": {
		{in, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 pub>priv from 203.0.113.7"},
		{out, "200 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1"},
		{in, "INVITE", "a b", true, "z2", "offer C a=b pub>priv from 203.0.113.7"},
		{out, "488 INVITE", "a b", false, "z2", ""},
		{in, "BYE", "a b", false, "z3", ""},
		{out, "407 BYE", "a b", false, "z3", ""},
	},
	"late offer in a dialog": {
		{in, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 pub>priv from 203.0.113.7"},
		{out, "200 INVITE", "a b", true, "z1", "answer C a=b via-branch=z1"},
		{in, "INVITE", "a b", false, "z2", ""},
		{out, "200 INVITE", "a b", true, "z2", "offer C b=a priv>pub"},
		{in, "ACK", "a b", true, "z3", "answer C b=a from 203.0.113.7"},
	},
	"cancelled": {
		{in, "INVITE", "a", true, "z1", "offer C a= via-branch=z1 pub>priv from 203.0.113.7"},
		{in, "CANCEL", "a", false, "z1", ""},
		{out, "487 INVITE", "a b", false, "z1", "delete C a= via-branch=z1 delete-delay=0"},
	},
}

// TestFlows: what the messages of calls ask of the relay. Each is shown to
// another of two edges, which have nothing in common but their configuration.
func TestFlows(t *testing.T) {
	for name, steps := range flows {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, "one")
			edges := []*edge{newEdge(t, nil, f.url), newEdge(t, nil, f.url)}
			var dialog relay.Decision // in the tokens of the dialog
			byBranch := map[string]relay.Decision{}
			for i, s := range steps {
				e := edges[i%2]
				body := ""
				if s.body {
					body = sdp
				}
				m := message(t, s.start, s.tags, body)
				var left string
				if m.IsRequest() {
					mark := dialog
					if s.start == "CANCEL" {
						mark = relay.Decision{}
					}
					var d relay.Decision
					if d, left = e.request(leg(s.inward, s.branch, mark), m); d.Status != 0 {
						t.Fatalf("step %d: refused with %d", i, d.Status)
					}
					if byBranch[s.branch] = d; s.start == "INVITE" && m.ToTag() == nil {
						dialog = d
					} else if s.start == "CANCEL" {
						byBranch[s.branch] = dialog
					}
				} else {
					var status int
					if status, left = e.response(leg(s.inward, s.branch, byBranch[s.branch]), m); status != 0 {
						t.Fatalf("step %d: dropped with %d", i, status)
					}
				}
				e.settled()
				got := strings.Join(f.said(), "; ")
				got = strings.Replace(got, memo(dialog.Memo).name([]byte("call@x")), "C", 1)
				if got != s.want {
					t.Errorf("step %d, %s: asked %q, want %q", i, s.start, got, s.want)
				}
				if anchored := strings.Contains(left, "s=one"); anchored != s.body || strings.Contains(left, "203.0.113.7") {
					t.Errorf("step %d, %s: leaves with %q", i, s.start, left)
				}
			}
		})
	}
}

// TestRetransmissions get the same octets, and the relay does nothing twice.
func TestRetransmissions(t *testing.T) {
	f := newFar(t, "one")
	e, other := newEdge(t, nil, f.url), newEdge(t, nil, f.url)
	m := message(t, "INVITE", "a", sdp)
	first, body := e.request(leg(in, "z1", relay.Decision{}), m)
	for _, e := range []*edge{e, other, e} {
		if d, again := e.request(leg(in, "z1", relay.Decision{}), m); d != first || again != body {
			t.Errorf("at first %v %q, then %v %q", first, body, d, again)
		}
	}
	if said := f.said(); len(said) != 1 {
		t.Errorf("asked %q", said)
	}
	// Another branch, CSeq, status, tag or body is another message.
	for _, m := range []string{"183 INVITE", "200 INVITE"} {
		for _, tags := range []string{"a b", "a c"} {
			e.response(leg(out, "z1", first), message(t, m, tags, sdp))
		}
	}
	e.response(leg(out, "z1", first), message(t, "200 INVITE", "a b", sdp+"s=x\r\n"))
	e.request(leg(in, "z2", relay.Decision{}), m)
	if said := f.said(); len(said) != 6 {
		t.Errorf("asked %q", said)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.questions) != 0 {
		t.Errorf("%d questions are remembered", len(e.questions))
	}
}

// TestForks: branches to clients are one session, which ends branch by branch.
func TestForks(t *testing.T) {
	f := newFar(t, "one")
	e := newEdge(t, nil, f.url)
	m := message(t, "INVITE", "a", sdp)
	one, _ := e.request(leg(out, "z1", relay.Decision{}), m)
	two, _ := e.request(leg(out, "z2", relay.Decision{}), m)
	if one != two || one.Node != 1 {
		t.Fatalf("%+v, %+v", one, two)
	}
	e.response(leg(in, "z1", one), message(t, "200 INVITE", "a b", sdp))
	e.response(leg(in, "z2", one), message(t, "487 INVITE", "a c", ""))
	said := f.said()
	if len(said) != 4 || !strings.Contains(said[2], "a=b via-branch=z1") || !strings.HasPrefix(said[3], "delete") || !strings.Contains(said[3], "via-branch=z2") {
		t.Errorf("%q", said)
	}
}

// TestSessionsApart: the passages of one call have different names, and so have
// calls with the same Call-ID from most other addresses.
func TestSessionsApart(t *testing.T) {
	names := map[string]int{}
	for i := range 64 {
		l := leg(in, "z", relay.Decision{})
		l.Client.Remote = addr(i)
		names[newMemo(&l, 1).name([]byte("c"))]++
	}
	l := leg(out, "z", relay.Decision{})
	toClient := newMemo(&l, 1).name([]byte("c"))
	if len(names) < 20 || names[toClient] != 0 {
		t.Errorf("%d names of 64 addresses, and %s: %v", len(names), toClient, names)
	}
	for name := range names {
		if len(name) != 4 || !strings.HasPrefix(name, "c/") {
			t.Errorf("name %q", name)
		}
	}
	if got := (offered | forming | inward).name([]byte("c")); got != (inward).name([]byte("c")) || slices.Contains([]string{toClient}, got) {
		t.Errorf("name %q", got)
	}
}
