package relay

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// farNode is a Media hook whose node answers when it is told to, over a network
// as it were: the same cookie gets the same answer.
type farNode struct {
	mu      sync.Mutex
	down    bool
	asked   map[string]int // by cookie
	answers map[string]string
	seen    []string // what passes, in order
}

func newFarNode() *farNode { return &farNode{asked: map[string]int{}, answers: map[string]string{}} }

// Memo says whether the INVITE had an offer.
const memoOffered = 1

func (n *farNode) Request(leg Leg, m *wire.Message, edit *wire.Edit) Decision {
	d := Decision{Node: leg.Node, Memo: leg.Memo}
	if m.Method() == wire.INVITE && m.ToTag() == nil {
		d.Node = 9
		if len(m.Body()) > 0 {
			d.Memo = memoOffered
		}
	}
	d.Status = n.ask(leg, m, edit)
	return d
}

func (n *farNode) Response(leg Leg, m *wire.Message, edit *wire.Edit) int {
	if m.CSeqMethod() == wire.INVITE && (leg.Node != 9 || leg.Memo != memoOffered) {
		panic(fmt.Sprintf("response on node %d, memo %d", leg.Node, leg.Memo))
	}
	return n.ask(leg, m, edit)
}

func cookieOf(leg Leg, m *wire.Message) string {
	seq, _ := m.CSeq()
	return fmt.Sprintf("%s %d %v %d", leg.Branch, seq, m.CSeqMethod(), m.Status())
}

func (n *farNode) ask(leg Leg, m *wire.Message, edit *wire.Edit) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(m.Body()) > 0 {
		cookie := cookieOf(leg, m)
		answer, ok := n.answers[cookie]
		if !ok {
			n.asked[cookie]++
			if n.down && leg.Last {
				return 488
			}
			return Pending
		}
		edit.SetBody("", []byte(answer))
	}
	what := m.Method().String()
	if !m.IsRequest() {
		what = fmt.Sprint(m.Status(), " ", m.CSeqMethod())
	}
	n.seen = append(n.seen, what)
	return 0
}

// answer has the node answer everything it has been asked.
func (n *farNode) answer(r *Relay) {
	n.mu.Lock()
	for cookie := range n.asked {
		n.answers[cookie] = "by node: " + cookie + "\r\n"
	}
	n.mu.Unlock()
	r.Wake()
}

func (n *farNode) passed() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.seen, ", ")
}

func withBody(msg []byte, body string) []byte {
	return []byte(strings.Replace(string(msg), "Content-Length: 0\r\n\r\n",
		fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1))
}

func runRelay(t *testing.T, n *node) {
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { n.relay.Run(ctx, n.end.Outbox()) })
	t.Cleanup(wg.Wait)
	t.Cleanup(stop)
}

// TestMediaWaits: offer and answer wait for the node, in the order they came,
// and what ends the call behind them.
func TestMediaWaits(t *testing.T) {
	far := newFarNode()
	n := startNode(t, func(c *Config) { c.Media = far })
	runRelay(t, n)
	phone := listenUDP(t)
	invite := withBody(request("INVITE", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", "far"), "offer\r\n")
	cancel := request("CANCEL", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", "far")
	n.write(phone, nodeUDP, invite)
	n.waitParked(1)
	n.write(phone, nodeUDP, invite)
	n.write(phone, nodeUDP, cancel)
	n.write(phone, nodeUDP, request("OPTIONS", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK2", "other"))
	if got := read(t, n.proxy); got.Method() != wire.OPTIONS {
		t.Fatalf("%v has not waited", got.Method())
	}
	n.waitParked(2)
	far.answer(n.relay)
	first := read(t, n.proxy)
	if first.Method() != wire.INVITE || !strings.HasPrefix(string(first.Body()), "by node: "+string(first.TopBranch())+" 1 INVITE 0") {
		t.Fatalf("got\n%s", first.Bytes())
	}
	if got := read(t, n.proxy); got.Method() != wire.CANCEL || string(got.TopBranch()) != string(first.TopBranch()) {
		t.Fatalf("got\n%s", got.Bytes())
	}
	n.write(phone, nodeUDP, invite)
	if again := read(t, n.proxy); string(again.Bytes()) != string(first.Bytes()) {
		t.Fatalf("first\n%s\nthen\n%s", first.Bytes(), again.Bytes())
	}

	n.write(n.proxy, nodeInternal, withBody(echo(t, first, 183), "answer\r\n"))
	n.waitParked(1)
	n.write(n.proxy, nodeInternal, echo(t, first, 487))
	n.waitParked(2)
	far.answer(n.relay)
	if got := read(t, phone); got.Status() != 183 || !strings.HasPrefix(string(got.Body()), "by node: ") {
		t.Fatalf("got\n%s", got.Bytes())
	}
	if got := read(t, phone); got.Status() != 487 {
		t.Fatalf("got\n%s", got.Bytes())
	}
	if got, want := far.passed(), "INVITE, CANCEL, INVITE, 183 INVITE, 487 INVITE"; got != want {
		t.Errorf("the hook let pass %s, want %s", got, want)
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(RequestIn) == 4 && st.Count(ResponseOut) == 2 })
	n.waitParked(0)
	if k := &n.relay.parked; k.count != 0 || k.bytes != 0 || len(k.waiting) != 0 {
		t.Errorf("what is gone still counts: %d messages, %d octets, %d calls", k.count, k.bytes, len(k.waiting))
	}
}

// waitParked waits until so many messages wait for media nodes.
func (n *node) waitParked(count int32) {
	n.t.Helper()
	for end := time.Now().Add(20 * time.Second); n.relay.parked.calls.Load() != count; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("%d messages wait, want %d", n.relay.parked.calls.Load(), count)
		}
	}
}

// TestMediaSilent: a node that does not answer costs the call, not the edge; what
// ends a call passes all the same.
func TestMediaSilent(t *testing.T) {
	for status, down := range map[int]bool{503: false, 488: true} {
		far := newFarNode()
		far.down = down
		n := startNode(t, func(c *Config) { c.Media = far })
		phone := listenUDP(t)
		n.write(phone, nodeUDP, withBody(request("INVITE", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", "far"), "offer"))
		waitFor(t, n.relay, func(st Stats) bool { return st.Count(Anchoring) == 1 })
		n.write(phone, nodeUDP, withBody(request("CANCEL", "SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", "far"), "odd"))
		waitFor(t, n.relay, func(st Stats) bool { return st.Count(Anchoring) == 2 })
		out := n.end.Outbox()
		n.relay.Tick(time.Now(), out)
		n.relay.Tick(time.Now().Add(maxParkedTime+time.Second), out)
		out.Flush()
		if got := read(t, phone); got.Status() != status {
			t.Fatalf("want %d, got\n%s", status, got.Bytes())
		}
		if got := read(t, n.proxy); got.Method() != wire.CANCEL {
			t.Fatalf("got\n%s", got.Bytes())
		}
	}
}

// TestMediaForks: each fork of a proxy has a branch of its own, which its answer
// has as well.
func TestMediaForks(t *testing.T) {
	var legs []string
	r := testRelay(t, func(c *Config) { c.Media = &witness{see: func(leg Leg) { legs = append(legs, string(leg.Branch)) }} })
	inside := testFlow(t, "int", proxyA.String(), 0)
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	path := setUp(t, r, client, "mine").path
	legs = nil
	for _, fork := range []string{"1", "2", "1"} {
		o := handle(t, r, inside, request("INVITE", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKfork"+fork, "f", "Route: <sip:"+path+"@10.0.0.1:5070;lr>"))
		m := parsed(t, o.Data)
		if o := handle(t, r, client, echo(t, m, 200)); o.Cause != ResponseIn {
			t.Fatal(o.Cause)
		}
	}
	if len(legs) != 6 || legs[0] != legs[1] || legs[2] != legs[3] || legs[0] == legs[2] || legs[0] != legs[4] {
		t.Errorf("%q", legs)
	}
}

// witness is a Media that lets everything pass on node 2, with a memo.
type witness struct{ see func(Leg) }

func (w *witness) Request(leg Leg, _ *wire.Message, _ *wire.Edit) Decision {
	w.see(leg)
	return Decision{Node: 2, Memo: 200}
}

func (w *witness) Response(leg Leg, _ *wire.Message, _ *wire.Edit) int {
	w.see(leg)
	return 0
}

// TestMediaMark: node and memo come back with responses and in the dialog, and
// can't be changed by whoever carries them.
func TestMediaMark(t *testing.T) {
	var last Leg
	r := testRelay(t, func(c *Config) { c.Media = &witness{see: func(leg Leg) { last = leg }} })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	o := handle(t, r, client, request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c"))
	m := parsed(t, o.Data)
	top, _ := m.TopVia()
	rr := ""
	for v := m.Values(wire.HdrRecordRoute); v.Next(); {
		rr = string(v.Value())
	}
	if const200 := ";mn=51202"; !strings.Contains(string(top.Raw), const200) || !strings.Contains(rr, const200) {
		t.Fatalf("Via %s, Record-Route %s", top.Raw, rr)
	}
	_, sealed, _ := strings.Cut(rr, "sip:")
	sealed, _, _ = strings.Cut(sealed, "@")
	for mn, holds := range map[string]bool{"51202": true, "51203": false, "": false} {
		if _, err := r.ring.Open([]byte(sealed), token.RecordRoute, BoundTo(m.CallID(), []byte(mn))); (err == nil) != holds {
			t.Errorf("mn %q: %v", mn, err)
		}
	}
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	for _, c := range []struct {
		name string
		flow transport.Flow
		msg  []byte
		want Cause
	}{
		{"response", inside, response(string(top.Raw), below), ResponseOut},
		{"BYE", client, bye("c", rr, inner, proxy), RequestIn},
		{"response with another memo", inside, response(strings.Replace(string(top.Raw), "mn=51202", "mn=51458", 1), below), ForeignVia},
		{"response without", inside, response(strings.Replace(string(top.Raw), ";mn=51202", "", 1), below), ForeignVia},
		{"BYE with another node", client, bye("c", strings.Replace(rr, "mn=51202", "mn=51203", 1), inner, proxy), BadToken},
		{"BYE with a mark out of range", client, bye("c", strings.Replace(rr, "mn=51202", "mn=99999", 1), inner, proxy), BadToken},
		{"BYE without", client, bye("c", strings.Replace(rr, ";mn=51202", "", 1), inner, proxy), BadToken},
	} {
		last = Leg{}
		if o := handle(t, r, c.flow, c.msg); o.Cause != c.want {
			t.Errorf("%s: %v, want %v", c.name, o.Cause, c.want)
		}
		if c.want.Relayed() && (last.Node != 2 || last.Memo != 200) {
			t.Errorf("%s: %+v", c.name, last)
		}
	}
}
