package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// valve is an Overload that lets through what is at least as dear as min.
type valve struct {
	min   overload.Class
	heard []string
}

func (v *valve) Offer() string { return overload.Offer }

func (v *valve) AdmitTransaction(_ time.Time, target netip.AddrPort, c overload.Class, _ []byte) bool {
	return target == proxyA && c >= v.min
}

func (v *valve) Response(_ time.Time, target netip.AddrPort, via wire.Params) {
	oc, _ := via.Get("oc")
	v.heard = append(v.heard, fmt.Sprintf("%v %s", target, oc))
}

func TestOverload(t *testing.T) {
	v := &valve{}
	emergency, err := overload.NewEmergency("112")
	if err != nil {
		t.Fatal(err)
	}
	r := testRelay(t, func(c *Config) { c.Overload, c.Emergency = v, emergency })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	mine := setUp(t, r, client, "mine")
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	if !strings.HasSuffix(mine.via, overload.Offer) {
		t.Errorf("Via %s", mine.via)
	}
	if o := handle(t, r, inside, response(mine.via, below)); o.Cause != ResponseOut || v.heard != nil {
		t.Errorf("%v, heard %q of nothing", o.Cause, v.heard)
	}
	via := strings.Replace(mine.via, ";oc;", ";oc=50;oc-validity=500;", 1)
	if o := handle(t, r, inside, response(via, below)); o.Cause != ResponseOut || fmt.Sprint(v.heard) != "[10.0.0.11:5060 50]" {
		t.Errorf("%v, heard %q", o.Cause, v.heard)
	}
	invite := request("INVITE", below, "c")
	routes := []string{outer(mine.rr), inner, proxy}
	for _, c := range []struct {
		name string
		min  overload.Class
		msg  []byte
		want Cause
	}{
		{"call", overload.ClassInvite, invite, RequestIn},
		{"call", overload.ClassRefresh, invite, Shed},
		{"emergency", overload.ClassEmergency, replaceAll(invite, "bob@", "112@"), RequestIn},
		{"hang up", overload.ClassDialog, bye("mine", routes...), RequestIn},
		{"hang up", overload.ClassEmergency, bye("mine", routes...), Shed},
		{"ACK", overload.ClassEmergency + 1, replaceAll(bye("mine", routes...), "BYE", "ACK"), RequestIn},
	} {
		v.min = c.min
		o := handle(t, r, client, c.msg)
		if o.Cause != c.want || c.want == Shed && (o.Status != 503 || parsed(t, o.Data).Count(wire.HdrRetryAfter) != 1) {
			t.Errorf("%s at %v: %v with %d", c.name, c.min, o.Cause, o.Status)
		}
	}
	v.min = overload.ClassEmergency
	call := replaceAll(invite, "bob@", "112@")
	r.SetEmergency(nil)
	if o := handle(t, r, client, call); o.Cause != Shed {
		t.Errorf("the number is none any more: %v", o.Cause)
	}
	r.SetEmergency(emergency)
	if o := handle(t, r, client, call); o.Cause != RequestIn {
		t.Errorf("the number is one again: %v", o.Cause)
	}
}

func TestNAT(t *testing.T) {
	const here, private = "203.0.113.7", "192.168.1.7"
	for _, c := range []struct {
		policy              NATPolicy
		listener, via, cont string
		want                bool
	}{
		{NATBoth, "udp", here, here, false},
		{NATBoth, "udp", private, here, true},
		{NATBoth, "udp", here, private, true},
		{NATVia, "udp", private, here, true},
		{NATVia, "udp", here, private, false},
		{NATContact, "udp", private, here, false},
		{NATContact, "udp", here, private, true},
		{NATOff, "udp", private, private, false},
		{NATBoth, "udp", "198.51.100.9", here, true},
		{NATBoth, "udp", "phone.example.com", "phone.example.com", false},
		{NATBoth, "udp", "a.invalid", here, true},
		{NATBoth, "udp", here, "a.INVALID", true},
		{NATBoth, "udp", here + ":6000", here, false}, // may well send from elsewhere
		{NATBoth, "udp", here + ":6000;rport", here, true},
		{NATBoth, "udp", here + ";rport", here + ":6000", true},
		{NATBoth, "tcp", here + ":6000;rport", here + ":6000", false},
		{NATBoth, "udp", here, "", false},
		{NATContact, "udp", private, "", false},
	} {
		r := testRelay(t, func(cfg *Config) { cfg.Listeners[0].NAT, cfg.Listeners[1].NAT = c.policy, c.policy })
		flow := testFlow(t, c.listener, here+":5060", 0)
		msg := request("MESSAGE", "SIP/2.0/"+flow.Protocol.ViaToken()+" "+c.via+";branch=z9hG4bKi", "c")
		if c.cont != "" {
			msg = replaceAll(msg, "Content-Length", "Contact: <sip:a@"+c.cont+">\r\nContent-Length")
		}
		o := handle(t, r, flow, msg)
		if e, err := ParseEdge(r.ring, parsed(t, o.Data)); err != nil || e.NAT != c.want {
			t.Errorf("%v, %s, Via %s, Contact %q: %v, %v", c.policy, c.listener, c.via, c.cont, e.NAT, err)
		}
	}
	for p, want := range []string{"both", "via", "contact", "off", "unknown"} {
		if got := NATPolicy(p).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLoop brings what the edge sent back to it, as another element would.
func TestLoop(t *testing.T) {
	r := testRelay(t)
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	other := testFlow(t, "udp", "203.0.113.9:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	first := handle(t, r, client, request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c")).Data
	again := func(msg []byte) []byte {
		return replaceAll(msg, "Via: SIP/2.0/UDP 10.0.0.1", "Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKo\r\nVia: SIP/2.0/UDP 10.0.0.1")
	}
	for _, c := range []struct {
		name string
		msg  []byte
		want Cause
	}{
		{"the same", again(first), Loop},
		{"another Request-URI", replaceAll(again(first), "INVITE sip:bob", "INVITE sip:carol"), RequestIn},
		{"another Route", replaceAll(again(first), "Max-Forwards", "Route: <sip:192.0.2.1;lr>\r\nMax-Forwards"), RequestIn},
		{"another transaction", replaceAll(again(first), "CSeq: 1", "CSeq: 2"), RequestIn},
		{"the Via of somebody else", replaceAll(again(first), "10.0.0.1:5070;b", "10.0.0.9:5070;b"), RequestIn},
	} {
		o := handle(t, r, other, c.msg)
		if o.Cause != c.want || c.want == Loop && o.Status != 482 {
			t.Errorf("%s: %v with %d, want %v", c.name, o.Cause, o.Status, c.want)
		}
	}
	if o := handle(t, r, inside, again(first)); o.Cause == Loop {
		t.Error("a request on its way back out is no loop")
	}
	ack := replaceAll(again(first), "INVITE", "ACK")
	if o := handle(t, r, other, ack); o.Data != nil {
		t.Errorf("ACK: %v, answered", o.Cause)
	}
}

// slowPeers is a Resolver that knows its peer from some time on.
type slowPeers struct {
	known atomic.Bool
	flow  transport.Flow
}

func (p *slowPeers) Resolve(*wire.Message, wire.URI, time.Time) (transport.Flow, int) {
	if !p.known.Load() {
		return transport.Flow{}, Pending
	}
	return p.flow, 0
}

// TestResolving: a request waits for the resolver, its retransmissions with it.
func TestResolving(t *testing.T) {
	peer := listenUDP(t)
	peers := &slowPeers{flow: transport.Flow{Protocol: transport.UDP, Listener: nodeUDP, Remote: localAddr(peer)}}
	n := startNode(t, func(c *Config) { c.Resolve = peers })
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { n.relay.Run(ctx, n.end.Outbox()) })
	t.Cleanup(wg.Wait)
	t.Cleanup(stop)

	msg := request("MESSAGE", "SIP/2.0/UDP "+n.proxy.LocalAddr().String()+";branch=z9hG4bKp", "m")
	n.write(n.proxy, nodeInternal, msg)
	n.write(n.proxy, nodeInternal, msg)
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(Resolving) == 2 })
	peers.known.Store(true)
	n.relay.Wake()
	if got := read(t, peer); string(got.CallID()) != "m" {
		t.Fatalf("got\n%s", got.Bytes())
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(RequestOut) == 1 })
}

// TestUnresolved: nobody waits for ever, and not everybody may wait.
func TestUnresolved(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Resolve = &slowPeers{} })
	via := "SIP/2.0/UDP " + n.proxy.LocalAddr().String() + ";branch=z9hG4bKp"
	n.write(n.proxy, nodeInternal, request("MESSAGE", via, "m"))
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(Resolving) == 1 })
	out := n.end.Outbox()
	n.relay.Tick(time.Now(), out)
	n.relay.Tick(time.Now().Add(maxParkedTime+time.Second), out)
	out.Flush()
	if got := read(t, n.proxy); got.Status() != 504 {
		t.Fatalf("got\n%s", got.Bytes())
	}
	var k parking
	flow := testFlow(t, "int", proxyA.String(), 0)
	count := 0
	for k.add(transport.Packet{Data: fmt.Append(nil, count), Flow: flow}, 0) {
		count++
	}
	list := k.take()
	if count != maxParked || len(list) != maxParked || k.add(transport.Packet{Data: []byte("x"), Flow: flow}, 0) {
		t.Errorf("%d have room, %d are there", count, len(list))
	}
	k.gone(&list[0])
	if !k.add(transport.Packet{Data: []byte("x"), Flow: flow}, 0) || k.add(transport.Packet{Data: []byte("y"), Flow: flow}, 0) {
		t.Error("the room of one that is gone is for one")
	}
}

// TestRepairOnSockets: a REGISTER that a proxy doesn't answer comes again.
func TestRepairOnSockets(t *testing.T) {
	repair := NewRepair(RepairConfig{})
	n := startNode(t, func(c *Config) { c.Repair = repair })
	phone := dial(t, n.addr(nodeTCP))
	if _, err := phone.Write(request("REGISTER", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1", "reg")); err != nil {
		t.Fatal(err)
	}
	first := read(t, n.proxy)
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(RequestIn) == 1 })
	out := n.end.Outbox()
	n.relay.Tick(time.Now().Add(time.Second), out)
	out.Flush()
	second := read(t, n.proxy)
	if string(first.Bytes()) != string(second.Bytes()) {
		t.Fatalf("first\n%s\nthen\n%s", first.Bytes(), second.Bytes())
	}
	for range 2 {
		n.write(n.proxy, nodeInternal, echo(t, second, 200))
	}
	if ok := read(t, phone); ok.Status() != 200 {
		t.Fatalf("got\n%s", ok.Bytes())
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseOut) == 1 && st.Count(Repeated) == 1 })
	if st := repair.Stats(); st.Entries != 0 || st.Resent != 1 {
		t.Errorf("%+v", st)
	}
}

// TestBranchTwice: a client on a connection that sends the same request again is
// answered again, octet by octet alike; what the proxy repeats by itself is not
// passed on.
func TestBranchTwice(t *testing.T) {
	n := startNode(t, func(c *Config) { c.Repair = NewRepair(RepairConfig{}) })
	phone := dial(t, n.addr(nodeTCP))
	msg := request("OPTIONS", "SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKsame", "twice")
	var answer []byte
	for range 2 {
		if _, err := phone.Write(msg); err != nil {
			t.Fatal(err)
		}
		ask := read(t, n.proxy)
		if answer == nil {
			answer = echo(t, ask, 404)
		}
		n.write(n.proxy, nodeInternal, answer)
		n.write(n.proxy, nodeInternal, answer)
		if got := read(t, phone); got.Status() != 404 {
			t.Fatalf("got\n%s", got.Bytes())
		}
	}
	waitFor(t, n.relay, func(st Stats) bool { return st.Count(ResponseOut) == 2 && st.Count(Repeated) == 2 })
}

// plugs is a Dialer whose connections come and go.
type plugs struct {
	mu    sync.Mutex
	fail  bool
	dials []string
	alive map[transport.Flow]bool
}

func (p *plugs) Dial(_ context.Context, listener uint8, proto transport.Protocol, remote netip.AddrPort, opts ...transport.DialOption) (transport.Flow, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials = append(p.dials, fmt.Sprintf("%d %v %v %d", listener, proto, remote, len(opts)))
	if p.fail {
		return transport.Flow{}, errors.New("unplugged")
	}
	f := transport.Flow{Protocol: proto, Listener: listener, Remote: remote, Generation: uint64(len(p.dials))}
	p.alive[f] = true
	return f, nil
}

func (p *plugs) Alive(f transport.Flow) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive[f]
}

func (p *plugs) cut(fail bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.alive)
	p.fail = fail
}

func (p *plugs) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.dials)
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &plugs{alive: map[transport.Flow]bool{}}
		var mtu atomic.Int64
		mtu.Store(1500)
		var table []Listener
		for _, l := range testListeners {
			table = append(table, l.Listener)
		}
		s, err := NewStreams(StreamsConfig{
			Dialer: p, Listeners: table, Mode: InsideAuto, Targets: 1, ServerName: "proxy.example.com", Port: 5062,
			PathMTU: func(netip.AddrPort) int { return int(mtu.Load()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		defer wg.Wait()
		defer stop()

		if _, way := s.Stream(proxyA, 9000); way != OverUDP {
			t.Error("connected before it could be")
		}
		synctest.Wait()
		for size, want := range map[int]bool{1472: false, 1473: true, 9000: true} {
			if f, way := s.Stream(proxyA, size); (way == OverStream) != want || want && f.Remote.Port() != 5062 {
				t.Errorf("%d octets: %v %v", size, way, f)
			}
		}
		s.Stream(netip.MustParseAddrPort("10.0.0.12:5060"), 9000)
		synctest.Wait()
		if want := fmt.Sprintf("[%d TCP 10.0.0.11:5062 1]", listenerIndex(t, "inttcp")); fmt.Sprint(p.dials) != want {
			t.Errorf("%q, want %q: one target, no more", p.dials, want)
		}

		mtu.Store(1400)
		time.Sleep(pathCheck + 2*streamCheck)
		if _, way := s.Stream(proxyA, 1373); way != OverStream {
			t.Error("the path has become narrower")
		}
		p.cut(true)
		if _, way := s.Stream(proxyA, 9000); way != OverUDP {
			t.Error("a connection that is gone")
		}
		time.Sleep(time.Minute)
		if n := p.count() - 1; n < 4 || n > 8 {
			t.Errorf("%d attempts in a minute", n)
		}
		p.cut(false)
		time.Sleep(lastRetry + streamCheck)
		if _, way := s.Stream(proxyA, 9000); way != OverStream {
			t.Error("not connected again")
		}
	})
}

// TestStreamsTLS: without a connection nothing leaves, and what a client sends is
// answered at once.
func TestStreamsTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &plugs{alive: map[transport.Flow]bool{}}
		table := []Listener{
			{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("192.0.2.1:5060")},
			{Protocol: transport.TLS, Addr: netip.MustParseAddrPort("10.0.0.1:5071"), Internal: true},
		}
		s, err := NewStreams(StreamsConfig{Dialer: p, Listeners: table, Mode: InsideTLS})
		if err != nil {
			t.Fatal(err)
		}
		r := testRelay(t, func(c *Config) {
			c.Listeners, c.Inside, c.InsideProtocol = table, s, transport.TLS
			c.Alive = func(f transport.Flow) bool { return f.Protocol == transport.UDP || p.Alive(f) }
		})
		client := transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("203.0.113.7:5060")}
		const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
		ask := func(method string) Outcome { return handle(t, r, client, request(method, below, "c")) }
		if o := ask("INVITE"); o.Cause != Disconnected || o.Status != 503 || parsed(t, o.Data).Count(wire.HdrRetryAfter) != 1 {
			t.Errorf("%v with %d", o.Cause, o.Status)
		}
		if o := ask("ACK"); o.Cause != Disconnected || o.Data != nil {
			t.Errorf("ACK: %v", o.Cause)
		}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		defer wg.Wait()
		defer stop()
		synctest.Wait()
		o := ask("INVITE")
		if o.Cause != RequestIn || o.Flow.Protocol != transport.TLS {
			t.Fatalf("%v on %v", o.Cause, o.Flow)
		}
		if open, all := s.Connected(); open != 1 || all != 1 {
			t.Errorf("%d of %d", open, all)
		}
		// A request of the proxy on a connection that ends before its answer comes:
		// the answer takes the one there is then, or none.
		old := transport.Flow{Protocol: transport.TLS, Listener: 1, Remote: netip.MustParseAddrPort("10.0.0.11:40000"), Generation: 99}
		p.mu.Lock()
		p.alive[old] = true
		p.mu.Unlock()
		path := setUp(t, r, client, "mine").path
		m := parsed(t, handle(t, r, old, request("MESSAGE", "SIP/2.0/TLS "+proxyA.String()+";branch=z9hG4bKp", "m", "Route: <sip:"+path+"@10.0.0.1:5071;lr>")).Data)
		if m.Method() != wire.MESSAGE {
			t.Fatalf("got\n%s", m.Bytes())
		}
		p.mu.Lock()
		delete(p.alive, old)
		p.mu.Unlock()
		if got := handle(t, r, client, echo(t, m, 200)); got.Cause != ResponseIn || got.Flow != o.Flow {
			t.Errorf("%v on %v, want %v", got.Cause, got.Flow, o.Flow)
		}
		p.cut(true)
		if got := handle(t, r, client, echo(t, m, 200)); got.Cause != ResponseFlowGone || got.Data != nil {
			t.Errorf("%v on %v", got.Cause, got.Flow)
		}
	})
}

// TestAlias: who may be called back on its connection says so over TLS.
func TestAlias(t *testing.T) {
	var heard []string
	r := testRelay(t, func(c *Config) {
		c.Alias = func(f transport.Flow, port uint16) error {
			heard = append(heard, fmt.Sprint(f.Remote, " ", port))
			return transport.ErrNotVerified
		}
	})
	for _, c := range []struct{ listener, via, want string }{
		{"tls", "SIP/2.0/TLS peer.example.com;branch=z9hG4bK1;alias", "[203.0.113.7:40000 5061]"},
		{"tls", "SIP/2.0/TLS peer.example.com:5071;alias;branch=z9hG4bK2", "[203.0.113.7:40000 5071]"},
		{"tls", "SIP/2.0/TLS peer.example.com;branch=z9hG4bK3", "[]"},
		{"tcp", "SIP/2.0/TCP peer.example.com;branch=z9hG4bK4;alias", "[]"},
	} {
		heard = nil
		if o := handle(t, r, testFlow(t, c.listener, "203.0.113.7:40000", 1), request("INVITE", c.via, "c")); o.Cause != RequestIn {
			t.Errorf("%s: %v", c.via, o.Cause)
		}
		if fmt.Sprint(heard) != c.want {
			t.Errorf("%s: %q", c.via, heard)
		}
	}
}

func TestStreamsRefuses(t *testing.T) {
	table := []Listener{testListeners[0].Listener}
	for _, c := range []struct {
		cfg  StreamsConfig
		want string
	}{
		{StreamsConfig{Mode: InsideTCP, Listeners: table}, "nobody"},
		{StreamsConfig{Mode: InsideTLS, Listeners: table, Dialer: &plugs{}}, "TLS"},
		{StreamsConfig{Mode: 9}, "9"},
	} {
		if _, err := NewStreams(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
	s, err := NewStreams(StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, way := s.Stream(proxyA, 1<<20); way != OverUDP {
		t.Error("a connection in mode udp")
	}
	for m := InsideUDP; m <= InsideTLS; m++ {
		if got, err := ParseInsideMode(m.String()); got != m || err != nil {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	if _, err := ParseInsideMode("sctp"); err == nil {
		t.Error("sctp")
	}
}

func TestPathMTU(t *testing.T) {
	if mtu := pathMTU(netip.MustParseAddrPort("127.0.0.1:5060")); mtu != 0 && mtu < 576 {
		t.Errorf("%d", mtu)
	}
}
