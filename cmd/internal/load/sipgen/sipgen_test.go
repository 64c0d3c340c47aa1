package sipgen

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestID(t *testing.T) {
	for _, id := range []ID{{}, {1, 2, 3}, {255, 65535, 1<<32 - 1}} {
		b := id.Append(nil)
		if got, ok := ParseID(append(b, "@x"...)); !ok || got != id || len(b) != idLen {
			t.Errorf("%v becomes %s and %v", id, b, got)
		}
	}
	for _, bad := range []string{"", "0123", "0123456789abcX", "0123456789ABCD"} {
		if _, ok := ParseID([]byte(bad)); ok {
			t.Errorf("%q is an ID", bad)
		}
	}
}

// messages collects what an operation sends.
type messages struct {
	sent  []string
	marks int
}

func (m *messages) Send(msg []byte) { m.sent = append(m.sent, string(msg)) }
func (m *messages) Mark()           { m.marks++ }
func (m *messages) last(t *testing.T) *wire.Message {
	t.Helper()
	var w wire.Message
	if err := w.Parse([]byte(m.sent[len(m.sent)-1]), nil); err != nil {
		t.Fatalf("%v in\n%s", err, m.sent[len(m.sent)-1])
	}
	return &w
}

func newTestRun(t *testing.T, cfg Config) *Run {
	t.Helper()
	r, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestRelayMessages: the sizes are those that were promised, every message is
// one that the scanner takes, and the BYE shows the routes of the answer.
func TestRelayMessages(t *testing.T) {
	r := newTestRun(t, Config{Window: 1})
	op, out := NewRelay(r.Lane(0), 3), &messages{}
	var methods []string
	for n := uint64(1); n <= 8; n++ {
		op.Begin(n, out)
		m := out.last(t)
		methods = append(methods, string(m.MethodName()))
		size := map[string]int{"REGISTER": registerSize, "INVITE": inviteSize}[string(m.MethodName())]
		if size != 0 && len(m.Bytes()) != size {
			t.Errorf("%s of %d octets", m.MethodName(), len(m.Bytes()))
		}
		if m.Method() == wire.BYE {
			route, _ := m.First(wire.HdrRoute)
			if string(route.Value) != "<sip:c;lr>" || m.Count(wire.HdrRoute) != 3 {
				t.Errorf("BYE with %d Routes, first %s", m.Count(wire.HdrRoute), route.Value)
			}
		}
		var extra []wire.Field
		if m.Method() == wire.INVITE {
			for _, v := range []string{"<sip:a;lr>", "<sip:b;lr>, <sip:c;lr>"} {
				extra = append(extra, wire.Field{ID: wire.HdrRecordRoute, Value: []byte(v)})
			}
		}
		if v := op.Response(answer(t, m, 200, extra...), out); v != Done {
			t.Errorf("operation %d: %q", n, v)
		}
		if v := op.Response(answer(t, m, 404), out); v != Verdict(string(m.MethodName())+" answered 404") {
			t.Errorf("operation %d: %q", n, v)
		}
	}
	if got := strings.Join(methods, " "); got != "REGISTER INVITE REGISTER BYE REGISTER INVITE REGISTER BYE" {
		t.Error(got)
	}
}

func answer(t *testing.T, req *wire.Message, status int, extra ...wire.Field) *wire.Message {
	t.Helper()
	b, err := wire.AppendResponse(nil, req, status, "", "t", extra...)
	if err != nil {
		t.Fatal(err)
	}
	var m wire.Message
	if err := m.Parse(b, nil); err != nil {
		t.Fatal(err)
	}
	return &m
}

func subscribers() *Subscribers {
	s := &Subscribers{Domain: "load.test", Password: "secret", Names: []string{"u0", "u1", "u2"}, Algorithm: digest.MD5}
	s.Prepare()
	return s
}

const challenge = `Digest realm="load.test", nonce="n%d", algorithm=MD5, qop="auth"`

func TestCall(t *testing.T) {
	r := newTestRun(t, Config{Window: 1})
	op, out := NewCall(r.Lane(0), 0, subscribers(), 0, 1, true), &messages{}
	op.Begin(1, out)
	first := out.last(t)
	field := wire.Field{ID: wire.HdrProxyAuthenticate, Value: fmt.Appendf(nil, challenge, 1)}
	if v := op.Response(answer(t, first, 407, field), out); v != Pending {
		t.Fatal(v)
	}
	ack := strings.SplitN(out.sent[1], "\r\n", 3)
	if ack[0] != "ACK sip:u1@load.test SIP/2.0" || ack[1] != strings.SplitN(out.sent[0], "\r\n", 3)[1] {
		t.Errorf("ACK %q", ack[:2])
	}
	invite := out.last(t)
	if _, ok := invite.First(wire.HdrProxyAuthorization); !ok || len(invite.Body()) == 0 {
		t.Errorf("second INVITE:\n%s", invite.Bytes())
	}
	if v := op.Response(answer(t, first, 407, field), out); v != Stray {
		t.Errorf("the 407 once more: %q", v)
	}
	op.Response(answer(t, invite, 100), out)
	op.Response(answer(t, invite, 180), out)
	if out.marks != 1 {
		t.Errorf("%d marks", out.marks)
	}
	contact := wire.Field{ID: wire.HdrContact, Value: []byte("<sip:x@192.0.2.9>")}
	rr := wire.Field{ID: wire.HdrRecordRoute, Value: []byte("<sip:p;lr>, <sip:q;lr>")}
	if v := op.Response(answer(t, invite, 200, contact, rr, wire.Body("application/sdp", []byte("v=0\r\n"))), out); v != Pending {
		t.Error(v)
	}
	bye := out.last(t)
	if route, _ := bye.First(wire.HdrRoute); string(bye.RequestURI()) != "sip:x@192.0.2.9" || string(route.Value) != "<sip:q;lr>" || bye.Method() != wire.BYE {
		t.Errorf("BYE:\n%s", bye.Bytes())
	}
	if v := op.Response(answer(t, bye, 200), out); v != Done {
		t.Error(v)
	}
}

func TestCallRefused(t *testing.T) {
	r := newTestRun(t, Config{Window: 1})
	op, out := NewCall(r.Lane(0), 0, subscribers(), 0, 1, false), &messages{}
	for n, c := range []struct {
		status int
		want   Verdict
	}{{404, "INVITE answered 404"}, {503, "INVITE answered 503"}, {200, "200 before 180"}, {407, "digest: no challenge with a known algorithm"}} {
		op.Begin(uint64(n+1), out)
		if v := op.Response(answer(t, out.last(t), c.status), out); v != c.want {
			t.Errorf("%d: %q", c.status, v)
		}
	}
}

// edge runs a stateless edge in this process.
func edge(t *testing.T, proxies []netip.AddrPort) (netip.AddrPort, func()) {
	t.Helper()
	return streamEdge(t, transport.UDP, proxies)
}

// streamEdge is one with clients over any protocol.
func streamEdge(t *testing.T, p transport.Protocol, proxies []netip.AddrPort) (netip.AddrPort, func()) {
	t.Helper()
	at := netip.MustParseAddrPort("127.0.0.1:0")
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: p, Addr: at, TLS: selfSigned(t)}, {Protocol: transport.UDP, Addr: at, Internal: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var targets []relay.Target
	for _, p := range proxies {
		targets = append(targets, relay.Target{Addr: p})
	}
	dispatch, err := relay.NewTargets(nil, targets...)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.New(token.Key{Secret: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := relay.New(relay.Config{Listeners: relay.Listeners(e.Listeners()), Ring: ring, Dispatch: dispatch})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, e, r)
}

func serve(t *testing.T, e *transport.Endpoint, h transport.Handler) (netip.AddrPort, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, h) }()
	return e.Listener(0).Addr, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestRelay sends some hundred messages through a real edge, in both loops.
func TestRelay(t *testing.T) {
	for name, rate := range map[string]float64{"closed": 0, "open": 5000} {
		t.Run(name, func(t *testing.T) {
			run, proxies, addrs, err := Proxies(4, func(ends []Server) (*Run, error) {
				return New(t.Context(), Config{
					Lanes: 2, Window: 16, Rate: rate, Measure: 20 * time.Second, Count: 400, Op: NewRelay, Ends: ends,
					Timeout: 10 * time.Second, Usage: func() (meter.Usage, error) { return meter.Usage{}, nil },
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			addr, stop := edge(t, addrs)
			defer stop()
			run.SetTarget(addr)
			got, err := run.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.Done != 400 || got.Failed+got.Lost != 0 || got.Measured != 400 || got.Latency.Len() != 400 {
				t.Errorf("%d done, %d failed, %d lost, %d measured, %d latencies: %v", got.Done, got.Failed, got.Lost, got.Measured, got.Latency.Len(), got.Reasons)
			}
			var seen uint64
			for _, p := range proxies {
				f := p.Figures()
				seen += f.Measured
				if len(f.Faults) > 0 || f.Requests == 0 || f.OneWay.Len() != f.Measured {
					t.Errorf("a proxy has seen %d, %v", f.Requests, f.Faults)
				}
			}
			if seen != 400 {
				t.Errorf("%d requests at the proxies", seen)
			}
		})
	}
}

// registrar is the least that registers and routes: one that challenges every
// request, keeps nothing, and answers calls itself.
type registrar struct {
	server *digest.Server
	callee Callee
	drop   bool
}

func (r *registrar) HA1(_ context.Context, dst, user []byte, realm string, a digest.Algorithm) ([]byte, error) {
	return append(dst, digest.HA1(a, string(user), realm, "secret")...), nil
}

func (r *registrar) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	for _, p := range batch {
		var m wire.Message
		if m.Parse(p.Data, nil) != nil || r.drop {
			continue
		}
		role := digest.Origin
		if m.Method() == wire.INVITE {
			role = digest.Proxy
		}
		if m.Method() == wire.INVITE || m.Method() == wire.REGISTER {
			x := &digest.Exchange{Role: role, Realm: "load.test", Now: p.At}
			if res := r.server.Verify(context.Background(), &m, x); res.Outcome != digest.OK {
				b, err := r.server.AppendResponse(out.Buffer(), &m, x, res.Outcome, "t")
				if err == nil {
					_ = out.Send(p.Flow, b)
				}
				continue
			}
		}
		if m.Method() == wire.REGISTER {
			c, _ := m.First(wire.HdrContact)
			reply(out, p.Flow, &m, 200, wire.Field{ID: wire.HdrContact, Value: append(append([]byte(nil), c.Value...), ";expires=600"...)})
			continue
		}
		var e wire.Edit // the callee copies what a proxy would have recorded
		if m.Method() == wire.INVITE {
			e.Prepend(wire.HdrRecordRoute, []byte("<sip:p;lr>"))
		}
		b, err := m.Append(nil, &e)
		if err != nil {
			continue
		}
		r.callee.ServeSIP([]transport.Packet{{Data: b, Flow: p.Flow, At: p.At}}, out)
	}
}

func startRegistrar(t *testing.T, r *registrar) (netip.AddrPort, func()) {
	t.Helper()
	var err error
	r.server, err = digest.NewServer(digest.Config{Keys: digest.RandomKeys(), Credentials: r}, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	e, err := transport.Listen(t.Context(), transport.Config{Listeners: []transport.ListenerConfig{{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}}})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, e, r)
}

func TestSubscribers(t *testing.T) {
	for _, cached := range []bool{false, true} {
		s := subscribers()
		s.Cached = cached
		for name, op := range map[string]func(l *Lane, slot int) Op{
			"register": func(l *Lane, slot int) Op { return NewRegister(l, slot, s, slot, 2, 3) },
			"call": func(l *Lane, slot int) Op {
				return Enrolled(NewRegister(l, slot, s, 2, 1, 3), NewCall(l, slot, s, slot, 2, true))
			},
		} {
			reg := &registrar{}
			addr, stop := startRegistrar(t, reg)
			run, err := New(t.Context(), Config{Target: addr, Window: 2, Measure: 20 * time.Second, Count: 100, Op: op, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			got, err := run.Run(t.Context())
			stop()
			if err != nil || got.Done != 100 || got.Failed+got.Lost != 0 {
				t.Errorf("%s, cached %v: %d done, %d failed, %d lost, %v: %v", name, cached, got.Done, got.Failed, got.Lost, got.Reasons, err)
			}
			if _, acks, byes, _ := reg.callee.Counts(); name == "call" && (byes != 98 || acks < 98) {
				t.Errorf("%d ACK, %d BYE for 98 calls", acks, byes)
			}
		}
	}
}

// TestLost: a target that never answers loses everything, and the run ends.
func TestLost(t *testing.T) {
	addr, stop := startRegistrar(t, &registrar{drop: true})
	defer stop()
	s := subscribers()
	run, err := New(t.Context(), Config{Target: addr, Window: 2, Measure: 10 * time.Second, Count: 3, Timeout: 50 * time.Millisecond,
		Op: func(l *Lane, slot int) Op { return NewRegister(l, slot, s, slot, 2, 3) }})
	if err != nil {
		t.Fatal(err)
	}
	got, err := run.Run(t.Context())
	if err != nil || got.Lost != 3 || got.Done != 0 {
		t.Errorf("%+v, %v", got.Lost, err)
	}
	if _, err := New(t.Context(), Config{Lanes: 2, Window: 1}); err == nil {
		t.Error("a window smaller than the lanes")
	}
	if _, err := newTestRun(t, Config{Window: 1}).Run(t.Context()); err == nil {
		t.Error("a run without operation")
	}
}
