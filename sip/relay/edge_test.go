package relay

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestParseEdge(t *testing.T) {
	ring, err := token.New(testKey)
	if err != nil {
		t.Fatal(err)
	}
	r := testRelay(t, func(c *Config) { c.Ring = ring })
	for _, c := range []struct {
		listener, remote string
		generation       uint64
		contact          string
		want             Edge
	}{
		{"udp", "203.0.113.7:5060", 0, "<sip:a@203.0.113.7>", Edge{Protocol: transport.UDP}},
		{"udp", "203.0.113.7:5060", 0, "<sip:a@192.168.1.1>", Edge{Protocol: transport.UDP, NAT: true}},
		{"udp", "203.0.113.7:5060", 0, "<sip:a@phone.example.com>", Edge{Protocol: transport.UDP}},
		{"udp", "203.0.113.7:5060", 0, "<tel:+431>", Edge{Protocol: transport.UDP}},
		{"udp", "203.0.113.99:5060", 0, "<sip:a@203.0.113.99>", Edge{Protocol: transport.UDP, NAT: true}},
		{"wss", "203.0.113.7:50001", 1<<63 | 5, "<sip:a@x.invalid>", Edge{Protocol: transport.WSS, NAT: true}},
		{"udp6", "[2001:db8::7]:5061", 0, "<sip:a@[2001:db8::7]>", Edge{Protocol: transport.UDP, NAT: true}},
	} {
		flow := testFlow(t, c.listener, c.remote, c.generation)
		o := handle(t, r, flow, lines("MESSAGE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi",
			"From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>", "Call-ID: c", "CSeq: 1 MESSAGE", "Contact: "+c.contact, "Content-Length: 0"))
		c.want.Source, c.want.Listener, c.want.Generation, c.want.Epoch = flow.Remote, flow.Listener, c.generation, testEpoch
		got, err := ParseEdge(ring, parsed(t, o.Data))
		if err != nil || got != c.want {
			t.Errorf("%+v, %v; want %+v\n%s", got, err, c.want, o.Data)
		}
		// What a proxy makes of it leads back to the client.
		path := string(ring.Seal(nil, token.Path, got.Flow(), nil))
		back := handle(t, r, testFlow(t, "int", proxyA.String(), 0), bye("c", "<sip:"+path+"@10.0.0.1:5070;lr>"))
		if back.Cause != RequestOut || back.Flow.Remote != flow.Remote || back.Flow.Generation != flow.Generation || back.Flow.Listener != flow.Listener {
			t.Errorf("the way back is %v %+v, want %+v", back.Cause, back.Flow, flow)
		}
	}
}

func TestParseEdgeRefuses(t *testing.T) {
	ring, err := token.New(testKey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := token.New(token.Key{ID: testKey.ID, Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	r := testRelay(t, func(c *Config) { c.Ring = ring })
	o := handle(t, r, testFlow(t, "udp", "203.0.113.7:5060", 0), lines("MESSAGE sip:b@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>",
		"Call-ID: c", "CSeq: 1 MESSAGE", "Content-Length: 0"))
	good := o.Data
	replace := func(old, new string) []byte {
		t.Helper()
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("no %q in\n%s", old, good)
		}
		return bytes.ReplaceAll(good, []byte(old), []byte(new))
	}
	signed := func(text string) []byte {
		sig := ring.Sign(nil, token.Edge, []byte(text), []byte("c"), []byte{0, 0, 0, 1})
		return replace("P-Edge: src=203.0.113.7:5060;", "P-Edge: "+text+";m="+string(sig)+"\r\nX-Rest: ")
	}
	for _, c := range []struct {
		name string
		ring *token.Ring
		msg  []byte
		want error
	}{
		{"as it is", ring, good, nil},
		{"other keys", other, good, token.ErrMAC},
		{"none", ring, replace("P-Edge:", "X-Edge:"), ErrNoEdge},
		{"no signature", ring, replace(";m=", ";n="), token.ErrMalformed},
		{"another source", ring, replace("src=203.0.113.7", "src=203.0.113.8"), token.ErrMAC},
		{"no NAT", ring, replace("nat=0", "nat=1"), token.ErrMAC},
		{"another Call-ID", ring, replace("Call-ID: c", "Call-ID: d"), token.ErrMAC},
		{"another CSeq", ring, replace("CSeq: 1", "CSeq: 2"), token.ErrMAC},
		{"a newer edge", ring, signed("src=203.0.113.7:5060;tp=tls;new=1;flag"), nil},
		{"incomplete", ring, signed("tp=tls"), ErrEdgeSyntax},
		{"bad source", ring, signed("src=203.0.113.7;tp=udp"), ErrEdgeSyntax},
		{"bad listener", ring, signed("src=203.0.113.7:5060;tp=udp;sock=256"), ErrEdgeSyntax},
		{"bad protocol", ring, signed("src=203.0.113.7:5060;tp=dccp"), ErrEdgeSyntax},
	} {
		e, err := ParseEdge(c.ring, parsed(t, c.msg))
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil && e != (Edge{}) {
			t.Errorf("%s: %+v beside an error", c.name, e)
		}
	}
}

func FuzzParseEdge(f *testing.F) {
	ring, err := token.New(testKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("src=203.0.113.7:40112;tp=tls;sock=1;gen=66f0a1b200000003;lb=66f0a1b2;nat=1")
	f.Add("src=[2001:db8::1]:1;tp=udp")
	f.Add(";;==;m=")
	f.Fuzz(func(t *testing.T, text string) {
		value := text + ";m=" + string(ring.Sign(nil, token.Edge, []byte(text), []byte("c"), []byte{0, 0, 0, 1}))
		var m wire.Message
		if m.Parse(lines("ACK sip:a SIP/2.0", "Via: SIP/2.0/UDP a", "From: <sip:a>", "To: <sip:b>", "Call-ID: c", "CSeq: 1 ACK", "P-Edge: "+value), nil) != nil {
			return
		}
		if e, err := ParseEdge(ring, &m); err == nil && (e.Source == netip.AddrPort{} || e.Protocol == 0) {
			t.Fatalf("%+v from %q", e, text)
		}
	})
}
