package relay

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// lossy is a network in virtual time: clients on connections, which lose
// nothing, an edge, and a proxy behind UDP that drops, doubles and reorders.
type lossy struct {
	tb      testing.TB
	relay   *Relay
	scratch Scratch
	random  *rand.Rand
	now     time.Time
	events  eventHeap
	count   int

	started  map[string]time.Time     // by Call-ID
	done     map[string]time.Duration // what succeeded, and when
	answered map[string][]byte        // by the proxy, by branch and method
	acked    map[string]bool          // Call-IDs whose ACK reached the proxy
	ended    map[string]bool          // branches whose response reached the proxy
	seen     map[string]bool          // what a client over TCP takes for new only once
	doubled  int
}

type event struct {
	at time.Time
	n  int
	do func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].n < h[j].n
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	e := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return e
}

func newLossy(tb testing.TB, repair *Repair) *lossy {
	return &lossy{
		tb: tb, relay: testRelay(tb, func(c *Config) { c.Repair = repair }), random: rand.New(rand.NewPCG(3, 14)), now: repairStart,
		started: map[string]time.Time{}, done: map[string]time.Duration{}, answered: map[string][]byte{},
		acked: map[string]bool{}, ended: map[string]bool{}, seen: map[string]bool{},
	}
}

func (n *lossy) after(d time.Duration, do func()) {
	n.count++
	heap.Push(&n.events, event{n.now.Add(d), n.count, do})
}

// run lets time pass.
func (n *lossy) run(d time.Duration) {
	for end := n.now.Add(d); len(n.events) > 0 && n.events[0].at.Before(end); {
		e := heap.Pop(&n.events).(event)
		n.now = e.at
		e.do()
	}
}

// tick drives the Repair.
func (n *lossy) tick() {
	n.relay.repair.Due(n.now, func() []byte { return nil }, func(m Resend) (Resend, bool) {
		n.carry(m.Flow, m.Data)
		return m, true
	})
	n.after(tickEvery, n.tick)
}

// atEdge brings a message to the edge, and what it makes of it on the way.
func (n *lossy) atEdge(flow transport.Flow, msg []byte) {
	p := transport.Packet{Data: msg, Flow: flow, At: n.now}
	o := n.relay.Handle(&n.scratch, p, nil)
	if n.relay.repair != nil && o.Cause.Relayed() {
		o = n.relay.notice(&n.scratch, o)
	}
	if o.Data == nil {
		return
	}
	n.carry(o.Flow, o.Data)
	if n.relay.repair != nil {
		n.relay.remember(&n.scratch, o)
	}
}

// carry takes what the edge sends to where it goes.
func (n *lossy) carry(flow transport.Flow, msg []byte) {
	if flow.Protocol != transport.UDP {
		n.after(time.Millisecond, func() { n.client(flow, msg) })
		return
	}
	n.udp(func() { n.proxy(flow, msg) })
}

// udp delivers by way of the lossy leg.
func (n *lossy) udp(deliver func()) {
	copies := 1
	switch x := n.random.IntN(100); {
	case x < 5:
		copies = 0
	case x < 7:
		copies = 2
	}
	for range copies {
		n.after(time.Duration(1+n.random.IntN(20))*time.Millisecond, deliver)
	}
}

// fromProxy sends to the edge over and over (RFC 3261 timers A, E, G and that of
// the 2xx) until done.
func (n *lossy) fromProxy(msg []byte, done func() bool) {
	var again func(wait time.Duration, left time.Duration)
	again = func(wait, left time.Duration) {
		if done() || left <= 0 {
			return
		}
		n.udp(func() { n.atEdge(testFlow(n.tb, "int", proxyA.String(), 0), msg) })
		n.after(wait, func() { again(min(2*wait, 4*time.Second), left-wait) })
	}
	again(500*time.Millisecond, 32*time.Second)
}

// once sends to the edge once.
func (n *lossy) once(msg []byte) {
	n.udp(func() { n.atEdge(testFlow(n.tb, "int", proxyA.String(), 0), msg) })
}

func (n *lossy) succeed(callID string) {
	if _, ok := n.done[callID]; !ok {
		n.done[callID] = n.now.Sub(n.started[callID])
	}
}

// proxy is a server that repeats its last response to what it knows.
func (n *lossy) proxy(flow transport.Flow, msg []byte) {
	m := parsed(n.tb, msg)
	callID, branch := string(m.CallID()), string(m.TopBranch())
	if !m.IsRequest() {
		n.ended[branch] = n.ended[branch] || m.Status() >= 200
		if n.ended[branch] {
			n.succeed(callID)
			if m.CSeqMethod() == wire.INVITE && m.Status() >= 300 { // hop by hop, as the INVITE was
				n.once(replaceAll(replaceAll(n.answered[branch], "INVITE sip", "ACK sip"), "1 INVITE", "1 ACK"))
			}
		}
		return
	}
	key := branch + m.Method().String()
	if m.Method() == wire.ACK {
		n.acked[callID] = true
		if strings.HasPrefix(callID, "busy") {
			n.succeed(callID)
		} else if !n.seen["bye"+callID] {
			n.seen["bye"+callID] = true
			bye := n.toClient("BYE", callID, n.answered["route"+callID])
			n.fromProxy(bye, func() bool { return n.ended["z9hG4bKproxy"+callID] })
		}
		return
	}
	if last, ok := n.answered[key]; ok {
		n.once(last)
		return
	}
	reply := func(code int) []byte {
		b, err := wire.AppendResponse(nil, m, code, "", "p")
		if err != nil {
			n.tb.Fatal(err)
		}
		n.answered[key] = b
		return b
	}
	if m.Method() != wire.INVITE {
		n.once(reply(200))
		return
	}
	n.once(reply(100))
	n.answered["route"+callID] = slices.Clone(msg)
	code := 200
	if strings.HasPrefix(callID, "busy") {
		code = 486
	}
	n.after(100*time.Millisecond, func() { n.fromProxy(reply(code), func() bool { return n.acked[callID] }) })
}

// toClient makes a request back along the Record-Route of an INVITE.
func (n *lossy) toClient(method, callID string, invite []byte) []byte {
	l := []string{method + " sip:a@203.0.113.7 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKproxy" + callID}
	for v := parsed(n.tb, invite).Values(wire.HdrRecordRoute); v.Next(); {
		l = append(l, "Route: "+string(v.Value()))
	}
	return lines(append(l, "From: <sip:b@example.com>;tag=p", "To: <sip:a@example.com>;tag=1", "Call-ID: "+callID, "CSeq: 1 "+method, "Content-Length: 0")...)
}

// client answers as one over TCP does, that believes nothing gets lost.
func (n *lossy) client(flow transport.Flow, msg []byte) {
	m := parsed(n.tb, msg)
	callID := string(m.CallID())
	send := func(msg []byte) { n.after(time.Millisecond, func() { n.atEdge(flow, msg) }) }
	if m.IsRequest() {
		key := string(m.TopBranch()) + m.Method().String()
		if m.Method() == wire.ACK {
			return
		}
		if n.seen[key] {
			n.doubled++
		}
		n.seen[key] = true
		code := 200
		if m.Method() == wire.INVITE {
			code = 486
		}
		b, err := wire.AppendResponse(nil, m, code, "", "c")
		if err != nil {
			n.tb.Fatal(err)
		}
		send(b)
		return
	}
	switch {
	case m.CSeqMethod() != wire.INVITE:
		n.succeed(callID)
	case m.Status() >= 300 && !n.seen["final"+callID]: // the transaction ends here, timer D is zero
		n.seen["final"+callID] = true
		send(clientRequest("ACK", callID, "z9hG4bK"+callID, ";tag=p"))
	case m.Status() >= 200 && m.Status() < 300:
		var routes []string
		for v := m.Values(wire.HdrRecordRoute); v.Next(); {
			routes = append(routes, string(v.Value()))
		}
		slices.Reverse(routes)
		send(clientRequest("ACK", callID, "z9hG4bKack"+callID, ";tag=p", append(routes, proxy)...))
	}
}

func clientRequest(method, callID, branch, toTag string, routes ...string) []byte {
	l := []string{method + " sip:b@example.com SIP/2.0", "Via: SIP/2.0/TCP 203.0.113.7;rport;branch=" + branch}
	for _, route := range routes {
		l = append(l, "Route: "+route)
	}
	return lines(append(l, "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>"+toTag, "Call-ID: "+callID, "CSeq: 1 "+method, "Content-Length: 0")...)
}

// start begins n of everything: registrations, calls that the proxy accepts and
// hangs up, calls it refuses, and calls to the client that the client refuses.
func (n *lossy) start(each int) (all int) {
	for i := range each {
		flow := testFlow(n.tb, "tcp", fmt.Sprintf("203.0.113.7:%d", 1024+i), testEpoch<<32|uint64(i+1))
		path := string(n.relay.ring.Seal(nil, token.Path, tokenFlow(flow), nil))
		for _, kind := range []string{"register", "call", "busy", "refuse"} {
			callID := fmt.Sprint(kind, i)
			n.after(time.Duration(i)*time.Millisecond, func() {
				n.started[callID] = n.now
				switch kind {
				case "register":
					n.atEdge(flow, clientRequest("REGISTER", callID, "z9hG4bK"+callID, ""))
				case "refuse":
					branch := "z9hG4bKproxy" + callID
					invite := lines("INVITE sip:a@203.0.113.7 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.11:5060;branch="+branch,
						"Route: <sip:"+path+"@10.0.0.1:5070;lr>", "From: <sip:b@example.com>;tag=p", "To: <sip:a@example.com>",
						"Call-ID: "+callID, "CSeq: 1 INVITE", "Content-Length: 0")
					n.answered[branch] = invite
					n.fromProxy(invite, func() bool { return n.ended[branch] })
				default:
					n.atEdge(flow, clientRequest("INVITE", callID, "z9hG4bK"+callID, ""))
				}
			})
			all++
		}
	}
	return all
}

// TestLossyLeg: with 5 % of what passes between edge and proxy lost, 2 % doubled
// and all reordered, everything succeeds that clients on connections do.
func TestLossyLeg(t *testing.T) {
	n := newLossy(t, NewRepair(RepairConfig{}))
	all := n.start(1000)
	n.tick()
	n.run(time.Minute)
	if len(n.done) != all {
		t.Errorf("%d of %d succeeded", len(n.done), all)
	}
	if n.doubled != 0 {
		t.Errorf("clients were sent %d requests twice", n.doubled)
	}
	took := []time.Duration{}
	for id, d := range n.done {
		if strings.HasPrefix(id, "register") {
			took = append(took, d)
		}
	}
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 >= 2*time.Second {
		t.Errorf("99 of 100 registrations took up to %v", p99)
	}
	t.Logf("%d of %d, 99 of 100 registrations within %v, %+v", len(n.done), all, took[len(took)*99/100], n.relay.repair.Stats())
	if st := n.relay.repair.Stats(); st.Resent == 0 || st.Reworded == 0 || st.Overflow != 0 || st.Entries != 0 {
		t.Errorf("%+v", st)
	}
}

// TestLossyLegAlone shows that the network above is one that needs repair.
func TestLossyLegAlone(t *testing.T) {
	n := newLossy(t, nil)
	all := n.start(1000)
	n.run(time.Minute)
	if len(n.done) > all-100 || n.doubled == 0 {
		t.Errorf("%d of %d succeeded, %d requests came twice", len(n.done), all, n.doubled)
	}
}
