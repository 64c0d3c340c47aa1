package geo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/wire"
)

func addr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 5060)
}

// nowhere is a port of this machine where nobody listens.
const nowhere = "udp://127.0.0.1:9"

// TestNextRelay: new calls go to a relay that answers and has room, and stay with
// it.
func TestNextRelay(t *testing.T) {
	full, ok := newFar(t, "full"), newFar(t, "ok")
	full.fail(&ng.LoadLimitError{Err: errors.New("full")})
	e := newEdge(t, nil, nowhere, full.url, ok.url)
	for i := range 20 {
		d, body := e.request(leg(in, fmt.Sprint("z", i), relay.Decision{}), message(t, "INVITE", "a", sdp, fmt.Sprint("X-Call: ", i)))
		if d.Status != 0 || d.Node != 3 || !strings.Contains(body, "s=ok") {
			t.Fatalf("%+v %q", d, body)
		}
	}
	if s := e.Stats(); s.Nodes[1].Counts[Offer].OK != 0 || s.Nodes[2].Counts[Offer].OK != 20 || !s.Nodes[1].Up || s.Unavailable != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSpread: calls are spread by weight, and alike at both edges.
func TestSpread(t *testing.T) {
	weights := func(c *Config) { c.Relays[0].Weight, c.Relays[2].Weight = 3, -1 }
	e, other := newEdge(t, weights, nowhere, nowhere+"1", nowhere+"2"), newEdge(t, weights, nowhere, nowhere+"1", nowhere+"2")
	first := 0
	for i := range 1000 {
		id := fmt.Appendf(nil, "call%d", i)
		order := e.choose(id)
		if len(order) != 2 || order[0] == 2 || fmt.Sprint(order) != fmt.Sprint(other.choose(id)) {
			t.Fatalf("%v and %v", order, other.choose(id))
		}
		if order[0] == 0 {
			first++
		}
	}
	if first < 700 || first > 800 {
		t.Errorf("%d of 1000 calls at a relay with three of four shares", first)
	}
}

// TestNoRelay: media does not pass by, and what ends calls is not held up.
func TestNoRelay(t *testing.T) {
	e := newEdge(t, nil, nowhere)
	if d, _ := e.request(leg(in, "z1", relay.Decision{}), message(t, "INVITE", "a", sdp)); d.Status != 503 {
		t.Errorf("%+v", d)
	}
	if s := e.Stats(); s.Nodes[0].Up || s.Nodes[0].Counts[Offer].Failed != 1 || s.Unavailable != 1 {
		t.Errorf("%+v", s)
	}
	dialog := relay.Decision{Node: 1, Memo: uint8(forming | offered | inward)}
	for _, c := range []struct {
		name, start, tags, body string
		want                    int
		left                    string
	}{
		{"late offer", "INVITE", "a", "", 503, ""},
		{"in a dialog", "INVITE", "a b", sdp, 503, sdp},
		{"without a description", "INVITE", "a b", "", 0, ""},
		{"UPDATE", "UPDATE", "a b", sdp, 503, sdp},
		{"PRACK", "PRACK", "a b", sdp, 503, sdp},
		{"ACK", "ACK", "a b", sdp, 0, ""},
		{"BYE", "BYE", "a b", "", 0, ""},
		{"CANCEL", "CANCEL", "a", "", 0, ""},
		{"INFO", "INFO", "a b", "", 0, ""},
		{"answer", "200 INVITE", "a b", sdp, 503, sdp},
		{"ringing", "180 INVITE", "a b", "", 0, ""},
		{"busy", "486 INVITE", "a b", "", 0, ""},
		{"end", "200 BYE", "a b", "", 0, ""},
	} {
		m, mark := message(t, c.start, c.tags, c.body), dialog
		if strings.HasPrefix(c.start, "CANCEL") || c.name == "late offer" {
			mark = relay.Decision{}
		}
		var status int
		var left string
		if m.IsRequest() {
			var d relay.Decision
			d, left = e.request(leg(in, "z", mark), m)
			status = d.Status
		} else {
			status, left = e.response(leg(out, "z", mark), m)
		}
		if status != c.want || left != c.left {
			t.Errorf("%s: %d with %q, want %d", c.name, status, left, c.want)
		}
	}
	// A call of a relay that is not in the list any more, and one without.
	if d, _ := e.request(leg(in, "z", relay.Decision{Node: 9}), message(t, "INVITE", "a b", sdp)); d.Status != 503 {
		t.Errorf("%+v", d)
	}
	if d, left := e.request(leg(in, "z", relay.Decision{}), message(t, "INVITE", "a b", sdp)); d.Status != 0 || left != sdp {
		t.Errorf("%+v", d)
	}
}

// TestRefused: what the relay does not like is not acceptable here, and costs
// the relay nothing.
func TestRefused(t *testing.T) {
	f := newFar(t, "one")
	f.fail(errBad)
	e := newEdge(t, nil, f.url)
	if d, _ := e.request(leg(in, "z1", relay.Decision{}), message(t, "INVITE", "a", sdp)); d.Status != 488 {
		t.Errorf("%+v", d)
	}
	if status, _ := e.response(leg(out, "z1", relay.Decision{Node: 1, Memo: uint8(offered)}), message(t, "200 INVITE", "a b", sdp)); status != 488 {
		t.Errorf("%d", status)
	}
	if d, left := e.request(leg(in, "z1", relay.Decision{Node: 1}), message(t, "ACK", "a b", sdp)); d.Status != 0 || left != "" {
		t.Errorf("%+v %q", d, left)
	}
	if s := e.Stats(); !s.Nodes[0].Up || s.Unacceptable != 3 || s.Nodes[0].Counts[Offer].Refused != 1 || s.Nodes[0].Counts[Answer].Refused != 2 {
		t.Errorf("%+v", s)
	}
}

// TestRecovery: a relay that answers again gets calls again.
func TestRecovery(t *testing.T) {
	f := newFar(t, "one")
	e := newEdge(t, func(c *Config) { c.Recheck = 5 * time.Millisecond }, f.url)
	e.nodes[0].down.Store(true)
	if d, _ := e.request(leg(in, "z1", relay.Decision{}), message(t, "INVITE", "a", sdp)); d.Status != 503 {
		t.Fatalf("%+v", d)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx) })
	for end := time.Now().Add(10 * time.Second); !e.Stats().Nodes[0].Up; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not found again")
		}
	}
	stop()
	wg.Wait()
	if d, _ := e.request(leg(in, "z1", relay.Decision{}), message(t, "INVITE", "a", sdp)); d.Status != 0 {
		t.Errorf("%+v", d)
	}
}

// TestLimits: questions are bounded, a message that has waited its time is
// refused, and what comes late is forgotten.
func TestLimits(t *testing.T) {
	f := newFar(t, "one")
	hold := make(chan struct{})
	f.mu.Lock()
	f.hold = hold
	f.mu.Unlock()
	e := newEdge(t, nil, f.url)
	l := leg(in, "z1", relay.Decision{})
	m := message(t, "INVITE", "a", sdp)
	if d := e.Request(l, m, new(wire.Edit)); d.Status != relay.Pending {
		t.Fatalf("%+v", d)
	}
	l.Last = true
	if d := e.Request(l, m, new(wire.Edit)); d.Status != 503 {
		t.Errorf("in the end: %+v", d)
	}
	for i := range maxQuestions - 1 {
		if d := e.Request(leg(in, fmt.Sprint("y", i), relay.Decision{}), m, new(wire.Edit)); d.Status != relay.Pending {
			t.Fatalf("%d: %+v", i, d)
		}
	}
	if d := e.Request(leg(in, "one more", relay.Decision{}), m, new(wire.Edit)); d.Status != 503 {
		t.Errorf("one more: %+v", d)
	}
	if s := e.Stats(); s.Shed != 1 || s.Open != maxQuestions {
		t.Errorf("%+v", s)
	}
	close(hold)
	e.settled()
	e.expire()
	e.mu.Lock()
	for _, q := range e.questions {
		q.since = q.since.Add(-2 * unfetched)
	}
	left := len(e.questions)
	e.mu.Unlock()
	e.expire()
	if left != maxQuestions-1 || len(e.questions) != 0 {
		t.Errorf("%d answers were kept, then %d", left, len(e.questions))
	}
}
