package relay

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestNewRefuses(t *testing.T) {
	inside := Listener{Protocol: transport.UDP, Addr: netip.MustParseAddrPort("10.0.0.1:5070"), Internal: true}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no ring", func(c *Config) { c.Ring = nil }, "ring"},
		{"no dispatcher", func(c *Config) { c.Dispatch = nil }, "dispatcher"},
		{"no internal listener", func(c *Config) { c.Listeners = c.Listeners[:2] }, "internal"},
		{"internal only over TCP", func(c *Config) {
			inside.Protocol = transport.TCP
			c.Listeners = []Listener{inside}
		}, "internal"},
		{"too many", func(c *Config) { c.Listeners = make([]Listener, 257) }, "257"},
		{"no protocol", func(c *Config) { c.Listeners[3].Protocol = 0 }, "listener 3"},
		{"wildcard", func(c *Config) { c.Listeners[0].Addr = netip.MustParseAddrPort("0.0.0.0:5060") }, "listener 0"},
		{"no port", func(c *Config) { c.Listeners[1].Addr = netip.MustParseAddrPort("192.0.2.1:0") }, "listener 1"},
		{"short secret", func(c *Config) { c.Secret = []byte("short") }, "secret"},
	} {
		ring, err := token.New(testKey)
		if err != nil {
			t.Fatal(err)
		}
		cfg := Config{Ring: ring, Dispatch: newTargets(t)}
		for _, l := range testListeners {
			cfg.Listeners = append(cfg.Listeners, l.Listener)
		}
		c.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestListeners(t *testing.T) {
	bound, public := netip.MustParseAddrPort("172.16.0.1:5060"), netip.MustParseAddrPort("192.0.2.1:5060")
	got := Listeners([]transport.ListenerInfo{{Protocol: transport.TCP, Addr: bound, Advertised: public, Internal: true}})
	if want := (Listener{Protocol: transport.TCP, Addr: public, Bound: bound, Internal: true}); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestTransportNumbers holds the transports of package token and transport to
// the same numbers: tokens outlive the program.
func TestTransportNumbers(t *testing.T) {
	for p := transport.UDP; p <= transport.WSS; p++ {
		if got := token.Transport(p).String(); !strings.EqualFold(got, p.String()) {
			t.Errorf("%v is %v in a token", p, got)
		}
	}
}

func TestCauses(t *testing.T) {
	seen := map[string]bool{}
	for c := range numCauses + 1 {
		name := c.String()
		if name == "" || seen[name] || strings.ToLower(name) != name || strings.Contains(name, " ") {
			t.Errorf("cause %d is named %q", c, name)
		}
		seen[name] = true
	}
	for c, relayed := range map[Cause]bool{RequestIn: true, ResponseOut: true, Answered: false, Internal: false} {
		if c.Relayed() != relayed {
			t.Errorf("%v", c)
		}
	}
}

// TestNoProxy: nobody to send to is 503 with Retry-After, in a dialog as well.
func TestNoProxy(t *testing.T) {
	targets := newTargets(t, Target{Addr: proxyA})
	r := testRelay(t, func(c *Config) { c.Dispatch, c.Server = targets, "edge/1" })
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	d := setUp(t, r, flow, "mine")
	set(t, targets, Target{Addr: proxyA, Down: true})
	const via = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	for _, c := range []struct {
		msg    []byte
		want   Cause
		status int
	}{
		{request("INVITE", via, "new"), NoTarget, 503},
		{bye("mine", outer(d.rr), inner, proxy), TargetDown, 503},
		{replaceAll(bye("mine", outer(d.rr), inner, proxy), "BYE", "ACK"), TargetDown, 0},
	} {
		o := handle(t, r, flow, c.msg)
		if o.Cause != c.want || o.Status != c.status {
			t.Errorf("%v with %d, want %v with %d", o.Cause, o.Status, c.want, c.status)
		}
		if c.status != 0 {
			m := parsed(t, o.Data)
			if h, ok := m.First(wire.HdrRetryAfter); !ok || string(h.Value) != "5" {
				t.Errorf("no Retry-After in\n%s", o.Data)
			}
			if h, ok := m.First(wire.HdrServer); !ok || string(h.Value) != "edge/1" {
				t.Errorf("no Server in\n%s", o.Data)
			}
		}
	}
}

// TestAddressFamilies: a proxy is reached by the internal listener of its
// address family.
func TestAddressFamilies(t *testing.T) {
	six := netip.MustParseAddrPort("[fd00::11]:5060")
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	both := testRelay(t, func(c *Config) { c.Dispatch = newTargets(t, Target{Addr: six}) })
	o := handle(t, both, flow, request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c"))
	if o.Cause != RequestIn || o.Flow.Remote != six || testListeners[o.Flow.Listener].name != "int6" {
		t.Errorf("%v to %+v", o.Cause, o.Flow)
	}
	top, _ := parsed(t, o.Data).TopVia()
	if string(top.Host) != "[fd00::1]" || top.Port != 5070 {
		t.Errorf("Via %s", top.Raw)
	}
	back := handle(t, both, testFlow(t, "int6", six.String(), 0), response(string(top.Raw), "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"))
	if back.Cause != ResponseOut || back.Flow.Remote != flow.Remote {
		t.Errorf("%v to %+v", back.Cause, back.Flow)
	}
	only4 := testRelay(t, func(c *Config) { c.Dispatch, c.Listeners = newTargets(t, Target{Addr: six}), c.Listeners[:6] })
	if o := handle(t, only4, flow, request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c")); o.Cause != NoListener || o.Status != 500 {
		t.Errorf("without a listener for IPv6: %v with %d", o.Cause, o.Status)
	}
}

// peers is a Resolver that knows one carrier.
type peers struct{ flow transport.Flow }

func (p peers) Resolve(_ *wire.Message, next wire.URI, _ time.Time) (transport.Flow, int) {
	switch string(next.Host) {
	case "carrier.example.net":
		return p.flow, 0
	case "inside.example.net":
		return transport.Flow{Protocol: transport.UDP, Listener: 5, Remote: proxyA}, 0
	}
	return transport.Flow{}, 480
}

func TestResolver(t *testing.T) {
	carrier := testFlow(t, "peer", "198.51.100.77:5060", 0)
	r := testRelay(t, func(c *Config) { c.Resolve = peers{carrier} })
	inside := testFlow(t, "int", proxyA.String(), 0)
	const via = "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp"
	for _, c := range []struct {
		name, uri, route string
		want             Cause
		status           int
	}{
		{"by Request-URI", "sip:+431@carrier.example.net", "", RequestOut, 0},
		{"by Route", "sip:+431@elsewhere.example.net", "<sip:carrier.example.net;lr>", RequestOut, 0},
		{"our Route first", "sip:+431@elsewhere.example.net", "<sip:10.0.0.1:5070;lr>, <sip:carrier.example.net;lr>", RequestOut, 0},
		{"unknown", "sip:+431@elsewhere.example.net", "", NoNextHop, 480},
		{"back inside", "sip:+431@inside.example.net", "", NoNextHop, 500},
	} {
		msg := request("INVITE", via, "c", "X-Route: 1")
		msg = replaceAll(msg, "sip:bob@example.com SIP/2.0", c.uri+" SIP/2.0")
		if c.route != "" {
			msg = replaceAll(msg, "X-Route: 1", "Route: "+c.route)
		}
		o := handle(t, r, inside, msg)
		if o.Cause != c.want || o.Status != c.status || c.want == RequestOut && o.Flow != carrier {
			t.Errorf("%s: %v with %d to %v", c.name, o.Cause, o.Status, o.Flow)
			continue
		}
		if c.want != RequestOut {
			continue
		}
		// The route set of the dialog leads back to the carrier without asking.
		rr := parsed(t, o.Data).Values(wire.HdrRecordRoute)
		if !rr.Next() {
			t.Fatalf("%s: no Record-Route\n%s", c.name, o.Data)
		}
		in := handle(t, r, inside, bye("c", inner, string(rr.Value())))
		if in.Cause != RequestOut || in.Flow.Remote != carrier.Remote || in.Flow.Listener != carrier.Listener {
			t.Errorf("%s: the BYE gives %v to %v", c.name, in.Cause, in.Flow)
		}
	}
}

// TestInsecure: sips: does not leave without TLS (RFC 5630 section 5.3).
func TestInsecure(t *testing.T) {
	r := testRelay(t)
	d := setUp(t, r, testFlow(t, "tcp", "203.0.113.7:5060", testEpoch<<32|1), "mine")
	msg := replaceAll(bye("mine", inner, outer(d.rr)), "BYE sip:", "BYE sips:")
	if o := handle(t, r, testFlow(t, "int", proxyA.String(), 0), msg); o.Cause != Insecure || o.Status != 480 {
		t.Errorf("%v with %d", o.Cause, o.Status)
	}
}

// TestReplyPort covers RFC 3261 section 18.2.2 and RFC 3581 section 4 as far as
// a packet filter lets them be followed.
func TestReplyPort(t *testing.T) {
	r := testRelay(t)
	for _, c := range []struct{ listener, via, want string }{
		{"udp", "203.0.113.7:5062", "203.0.113.7:5062"},
		{"udp", "203.0.113.7", "203.0.113.7:5060"},
		{"udp", "203.0.113.7:5062;rport", "203.0.113.7:41000"},
		{"udp", "192.168.1.7:5062", "203.0.113.7:41000"},
		{"udp", "192.168.1.7:5062;rport", "203.0.113.7:41000"},
		{"udp", "phone.example.com:5062", "203.0.113.7:5062"},
		{"udp", "203.0.113.7:5062;maddr=198.51.100.99", "203.0.113.7:5062"},
		{"udp", "203.0.113.7:5062;received=198.51.100.99", "203.0.113.7:5062"},
		{"tcp", "203.0.113.7:5062", "203.0.113.7:41000"},
	} {
		flow := testFlow(t, c.listener, "203.0.113.7:41000", 0)
		const below = "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKj"
		via := "SIP/2.0/" + flow.Protocol.ViaToken() + " " + c.via + ";branch=z9hG4bKi"
		own := handle(t, r, flow, request("MESSAGE", via, "c", "Route: <sip:192.0.2.99;lr>"))
		relayed := handle(t, r, flow, request("MESSAGE", via+"\r\nVia: "+below, "c"))
		top, _ := parsed(t, relayed.Data).TopVia()
		back := handle(t, r, testFlow(t, "int", proxyA.String(), 0), response(string(top.Raw), via, below))
		if own.Flow.Remote.String() != c.want || back.Flow.Remote.String() != c.want {
			t.Errorf("%s on %s: own response to %v, relayed one to %v, want %s", c.via, c.listener, own.Flow.Remote, back.Flow.Remote, c.want)
		}
	}
}

// TestEmergencyAndNumbers: what is not a SIP URI but can be routed by proxies.
func TestEmergencyAndNumbers(t *testing.T) {
	r := testRelay(t)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	for uri, want := range map[string]Cause{
		"tel:+43123456":           RequestIn,
		"SIPS:bob@example.com":    RequestIn,
		"urn:service:sos":         RequestIn,
		"urn:service:sos.fire":    RequestIn,
		"URN:Service:sos":         RequestIn,
		"urn:isbn:0451450523":     Scheme,
		"mailto:bob@example.com":  Scheme,
		"http://www.example.com/": Scheme,
	} {
		msg := replaceAll(request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c"), "sip:bob@example.com SIP/2.0", uri+" SIP/2.0")
		if o := handle(t, r, flow, msg); o.Cause != want {
			t.Errorf("%s: %v (%v), want %v", uri, o.Cause, o.Reason, want)
		}
	}
}
