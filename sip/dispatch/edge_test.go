package dispatch_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// edge is a relay over a pool, with a client on one side and proxies on the
// other.
type edge struct {
	*relay.Relay
	tb      testing.TB
	pool    *dispatch.Pool
	now     time.Time
	scratch relay.Scratch
	proxy   *overload.Server // what the proxies say of their load, nil for nothing
}

func newEdge(tb testing.TB, control relay.Overload, targets ...dispatch.Target) *edge {
	tb.Helper()
	ring, err := token.New(token.Key{ID: 1, Secret: []byte("32 octets that only our pair has")})
	if err != nil {
		tb.Fatal(err)
	}
	pool, err := dispatch.New(dispatch.Config{Interval: -1, SlowStart: -1}, targets...)
	if err != nil {
		tb.Fatal(err)
	}
	emergency, err := overload.NewEmergency("112")
	if err != nil {
		tb.Fatal(err)
	}
	r, err := relay.New(relay.Config{
		Listeners: []relay.Listener{
			{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("192.0.2.1:5060")},
			{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.100:5070"), Internal: true},
		},
		Ring: ring, Dispatch: pool, Overload: control, Emergency: emergency,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &edge{Relay: r, tb: tb, pool: pool, now: time.Unix(1700000000, 0)}
}

// request gives a request of the client to the edge.
func (e *edge) request(method, uri string, call int, toTag string, more ...string) relay.Outcome {
	e.tb.Helper()
	branch, seq := fmt.Sprintf("z9hG4bK%d", call), 1
	if toTag != "" && method != "ACK" {
		branch, seq = fmt.Sprintf("z9hG4bK%d-%s", call, method), 2
	}
	msg := strings.Join(append([]string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP 203.0.113.7:41000;rport;branch=" + branch,
		"Max-Forwards: 70",
		"From: <sip:alice@example.com>;tag=a",
		"To: <sip:bob@example.com>" + toTag,
		fmt.Sprintf("Call-ID: %d@203.0.113.7", call),
		fmt.Sprintf("CSeq: %d %s", seq, method),
		"Contact: <sip:alice@203.0.113.7:41000>",
	}, more...), "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
	return e.Handle(&e.scratch, transport.Packet{
		Data: []byte(msg), At: e.now,
		Flow: transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("203.0.113.7:41000")},
	}, nil)
}

// answer is what the proxy's answer to a request looks like for the client.
func (e *edge) answer(o relay.Outcome, status int) *wire.Message {
	e.tb.Helper()
	var m wire.Message
	if err := m.Parse(o.Data, nil); err != nil {
		e.tb.Fatalf("%v in\n%s", err, o.Data)
	}
	data, err := wire.AppendResponse(nil, &m, status, "", "b")
	if err != nil {
		e.tb.Fatal(err)
	}
	if e.proxy != nil {
		var r wire.Message
		var edit wire.Edit
		if err := r.Parse(data, nil); err != nil {
			e.tb.Fatal(err)
		}
		if !e.proxy.Edit(&edit, e.now, &r) {
			e.tb.Fatalf("the edge does not offer to listen:\n%s", o.Data)
		}
		if data, err = r.Append(nil, &edit); err != nil {
			e.tb.Fatal(err)
		}
	}
	back := e.Handle(&e.scratch, transport.Packet{
		Data: data, At: e.now,
		Flow: transport.Flow{Protocol: transport.UDP, Listener: 1, Remote: o.Flow.Remote},
	}, nil)
	if back.Cause != relay.ResponseOut {
		e.tb.Fatalf("%v for\n%s", back.Cause, data)
	}
	answer := new(wire.Message)
	if err := answer.Parse(back.Data, nil); err != nil {
		e.tb.Fatal(err)
	}
	return answer
}

// route is the route set that a 200 gives the client, and behind it the proxy.
func route(answer *wire.Message, proxy netip.AddrPort) string {
	var routes []string
	for v := answer.Values(wire.HdrRecordRoute); v.Next(); {
		routes = append([]string{string(v.Value())}, routes...)
	}
	return "Route: " + strings.Join(append(routes, "<sip:"+proxy.String()+";lr>"), ", ")
}

func targets(n int) []dispatch.Target {
	list := make([]dispatch.Target, n)
	for i := range list {
		list[i].Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 5060)
	}
	return list
}

// TestSameProxy: INVITE, CANCEL and the ACK to its 487, and the INVITE sent
// again, go to one proxy while the health of all flips at every step.
func TestSameProxy(t *testing.T) {
	list := targets(4)
	e := newEdge(t, nil, list...)
	step := 0
	flip := func() {
		for i, target := range list {
			for range 2 {
				e.now = e.now.Add(250 * time.Millisecond)
				if (step+i)%3 == 0 {
					e.pool.Unreachable(e.now, target.Addr)
				} else {
					e.pool.Result(e.now, target.Addr, true)
				}
			}
		}
		step++
	}
	const bob = "sip:bob@example.com"
	for call := range 500 {
		flip()
		first := e.request("INVITE", bob, call, "")
		if first.Cause != relay.RequestIn {
			t.Fatalf("call %d: %v", call, first.Cause)
		}
		for _, s := range []struct{ method, tag string }{{"INVITE", ""}, {"CANCEL", ""}, {"ACK", ";tag=b"}} {
			flip()
			if o := e.request(s.method, bob, call, s.tag); o.Cause != relay.RequestIn || o.Flow.Remote != first.Flow.Remote {
				t.Fatalf("call %d: %s: %v to %v, the INVITE went to %v", call, s.method, o.Cause, o.Flow.Remote, first.Flow.Remote)
			}
		}
	}
}

// TestChangeUnderLoad: while one proxy joins and one drains, no call in progress
// notices.
func TestChangeUnderLoad(t *testing.T) {
	list := targets(5)
	e := newEdge(t, nil, list[:4]...)
	const bob = "sip:bob@example.com"
	type call struct {
		n     int
		proxy netip.AddrPort
		route string
	}
	var running []call
	hangUp := func(c call) {
		if o := e.request("BYE", bob, c.n, ";tag=b", c.route); o.Cause != relay.RequestIn || o.Flow.Remote != c.proxy {
			t.Fatalf("BYE of call %d: %v to %v, want %v", c.n, o.Cause, o.Flow.Remote, c.proxy)
		}
	}
	late := map[netip.AddrPort]int{}
	for n := range 2000 {
		switch n {
		case 500:
			if err := e.pool.Set(list...); err != nil {
				t.Fatal(err)
			}
		case 1000:
			if err := e.pool.Drain(e.now, list[0].Addr, true); err != nil {
				t.Fatal(err)
			}
		}
		e.now = e.now.Add(2 * time.Millisecond)
		o := e.request("INVITE", bob, n, "")
		if o.Cause != relay.RequestIn {
			t.Fatalf("call %d: %v", n, o.Cause)
		}
		if n >= 1000 {
			late[o.Flow.Remote]++
		}
		c := call{n: n, proxy: o.Flow.Remote, route: route(e.answer(o, 200), o.Flow.Remote)}
		if o := e.request("ACK", bob, n, ";tag=b", c.route); o.Flow.Remote != c.proxy {
			t.Fatalf("ACK of call %d: %v to %v, want %v", n, o.Cause, o.Flow.Remote, c.proxy)
		}
		if running = append(running, c); len(running) > 400 {
			hangUp(running[0])
			running = running[1:]
		}
	}
	for _, c := range running {
		hangUp(c)
	}
	if late[list[0].Addr] > 0 || late[list[4].Addr] == 0 {
		t.Errorf("new calls at last: %v", late)
	}
}

// TestHalfIsSent: a proxy that asks for half gets half, all BYEs and emergency
// calls among it.
func TestHalfIsSent(t *testing.T) {
	control, err := overload.NewControl(time.Unix(1700000000, 0), overload.ControlConfig{})
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, control, targets(1)...)
	const bob = "sip:bob@example.com"
	o := e.request("INVITE", bob, 0, "")
	dialog := route(e.answer(o, 200), o.Flow.Remote)

	load := overload.NewLocal(overload.LocalConfig{Max: 50, Interval: time.Millisecond})
	for i := range 20 {
		load.Sample(e.now.Add(time.Duration(i)*time.Millisecond), time.Second, 1)
	}
	e.proxy = overload.NewServer(load, overload.ServerConfig{})
	e.answer(e.request("INVITE", bob, 1, ""), 180)

	asked, sent := map[string]int{}, map[string]int{}
	count := func(kind string, o relay.Outcome) {
		asked[kind]++
		switch {
		case o.Cause == relay.RequestIn:
			sent[kind]++
			e.answer(o, 200)
		case o.Status != 503:
			t.Fatalf("%s: %v with %d", kind, o.Cause, o.Status)
		}
	}
	for i := range 2000 {
		e.now = e.now.Add(2 * time.Millisecond)
		count("INVITE", e.request("INVITE", bob, 1000+i, ""))
		count("OPTIONS", e.request("OPTIONS", bob, 5000+i, ""))
		if i%4 == 0 {
			count("BYE", e.request("BYE", bob, 0, ";tag=b", dialog))
			count("112", e.request("INVITE", "sip:112@example.com", 9000+i, ""))
			count("sos", e.request("INVITE", "urn:service:sos", 12000+i, ""))
		}
	}
	all, through := 0, 0
	for kind, n := range asked {
		all += n
		through += sent[kind]
	}
	if share := float64(through) / float64(all); share < 0.49 || share > 0.51 {
		t.Errorf("%.3f of all are sent: %v of %v", share, sent, asked)
	}
	for _, kind := range []string{"BYE", "112", "sos"} {
		if sent[kind] != asked[kind] {
			t.Errorf("%d of %d %s", sent[kind], asked[kind], kind)
		}
	}
}
