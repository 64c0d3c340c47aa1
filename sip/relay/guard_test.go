package relay

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// doorman is a Guard that does as told and writes down what it hears.
type doorman struct {
	deaf   bool // Source says no
	second bool // but has a second look
	dialog bool // and takes what belongs to a dialog
	status int  // for requests; -1 drops
	heard  []string
}

func (d *doorman) Source(time.Time, netip.AddrPort, transport.Protocol) bool { return !d.deaf }

func (d *doorman) SecondLook(time.Time, netip.AddrPort, transport.Protocol) bool { return d.second }

func (d *doorman) Dialog(time.Time, netip.AddrPort, transport.Protocol) bool { return d.dialog }

func (d *doorman) Request(_ time.Time, _ netip.AddrPort, _ transport.Protocol, m *wire.Message) (bool, int, string) {
	return d.status == 0, max(0, d.status), "Go Away"
}

func (d *doorman) Malformed(_ time.Time, _ netip.AddrPort, _ transport.Protocol, reason wire.Reason, status int) int {
	d.heard = append(d.heard, fmt.Sprintf("malformed %v %d", reason, status))
	return d.status
}

func (d *doorman) Proved(_ time.Time, src netip.AddrPort, p transport.Protocol) {
	d.heard = append(d.heard, fmt.Sprintf("proved %v %v", p, src))
}

func (d *doorman) Result(_ time.Time, src netip.AddrPort, user []byte, ok bool) {
	d.heard = append(d.heard, fmt.Sprintf("%v %s %v", src, user, ok))
}

func (d *doorman) takes(t *testing.T, name string, want ...string) {
	t.Helper()
	if strings.Join(d.heard, "; ") != strings.Join(want, "; ") {
		t.Errorf("%s: heard %q, want %q", name, d.heard, want)
	}
	d.heard = nil
}

func TestGuardRefuses(t *testing.T) {
	d := &doorman{}
	r := testRelay(t, func(c *Config) { c.Guard = d })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	options := request("OPTIONS", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKo", "c")
	ack := request("ACK", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKo", "c")
	bad := replaceAll(options, "CSeq: 1 OPTIONS", "CSeq: x OPTIONS")
	for _, c := range []struct {
		name   string
		door   doorman
		flow   transport.Flow
		msg    []byte
		want   Cause
		status int
	}{
		{"pass", doorman{}, client, options, RequestIn, 0},
		{"source", doorman{deaf: true}, client, options, Guarded, 0},
		{"source of garbage", doorman{deaf: true}, client, []byte("x"), Guarded, 0},
		{"drop", doorman{status: -1}, client, options, Guarded, 0},
		{"refuse", doorman{status: 603}, client, options, Refused, 603},
		{"an ACK has no answer", doorman{status: 603}, client, ack, Refused, 0},
		{"malformed", doorman{status: 499}, client, bad, Malformed, 499},
		{"malformed, in silence", doorman{}, client, bad, Malformed, 0},
		{"not asked about the inside", doorman{deaf: true, status: -1}, inside, options, NoNextHop, 404},
	} {
		*d = c.door
		o := handle(t, r, c.flow, c.msg)
		if o.Cause != c.want || o.Status != c.status || (o.Data == nil) != (c.status == 0 && c.want != RequestIn) {
			t.Errorf("%s: %v with %d, want %v with %d", c.name, o.Cause, o.Status, c.want, c.status)
		}
		if c.want == Refused && c.status != 0 && !strings.HasPrefix(string(o.Data), "SIP/2.0 603 Go Away\r\n") {
			t.Errorf("%s: %q", c.name, o.Data)
		}
	}
	*d = doorman{}
	handle(t, r, client, bad)
	d.takes(t, "malformed", "malformed "+wire.ReasonCSeq.String()+" 400")
}

// TestGuardProof: a source proves its address by what only that address was
// sent, and by nothing that somebody else may have told it.
func TestGuardProof(t *testing.T) {
	d := &doorman{}
	r := testRelay(t, func(c *Config) { c.Guard = d })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	other := testFlow(t, "udp", "203.0.113.8:5060", 0)
	stream := testFlow(t, "tcp", "203.0.113.7:5060", testEpoch<<32|1)
	inside := testFlow(t, "int", proxyA.String(), 0)
	mine, onStream := setUp(t, r, client, "mine"), setUp(t, r, stream, "mine")

	out := func(path string) (via string) {
		o := handle(t, r, inside, request("MESSAGE", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp", "mine", "Route: <sip:"+path+"@10.0.0.1:5070;lr>"))
		top, _ := parsed(t, o.Data).TopVia()
		return string(top.Raw)
	}
	const below = "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp"
	d.takes(t, "so far")
	via := out(mine.path)
	handle(t, r, client, response(via, below))
	d.takes(t, "response", "proved UDP 203.0.113.7:5060")
	if o := handle(t, r, other, response(via, below)); o.Cause != ResponseIn {
		t.Errorf("response from another address: %v", o.Cause)
	}
	d.takes(t, "response from another address")
	at := strings.Index(via, ";pf=") + len(";pf=")
	changes(via[at:], func(pf string) {
		handle(t, r, client, response(via[:at]+pf, below))
		d.heard = slices.DeleteFunc(d.heard, func(s string) bool { return strings.HasPrefix(s, "malformed") })
		d.takes(t, pf)
	})
	if via := out(onStream.path); strings.Contains(via, ";pf=") {
		t.Errorf("proof for a connection: %s", via)
	}

	path := func(flow transport.Flow, tok string) {
		handle(t, r, flow, request("MESSAGE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "c", "Route: <sip:"+tok+"@10.0.0.1:5070;lr>"))
	}
	path(client, mine.path)
	d.takes(t, "Path", "proved UDP 203.0.113.7:5060")
	path(other, mine.path)
	path(client, onStream.path)
	d.takes(t, "Path of somebody else")
	handle(t, r, client, bye("mine", outer(mine.rr), inner, proxy))
	d.takes(t, "Record-Route, which the callee knows too")
}

func TestGuardResult(t *testing.T) {
	d := &doorman{}
	r := testRelay(t, func(c *Config) { c.Guard = d })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	mine := setUp(t, r, client, "mine")
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	for _, c := range []struct{ value, want string }{
		{"auth=fail;user=alice%40example.com;class=register", "203.0.113.7:5060 alice@example.com false"},
		{"auth=ok;user=a%2C%3bb%", "203.0.113.7:5060 a,;b% true"},
		{"class=invite; AUTH=Fail", "203.0.113.7:5060  false"},
		{"auth=fail;user=alice;nonce=own;class=invite", "proved UDP 203.0.113.7:5060; 203.0.113.7:5060 alice false"},
		{"auth=fail;user=alice;nonce=other", "203.0.113.7:5060 alice false"},
		{"auth=maybe;user=alice", ""},
		{"user=alice", ""},
	} {
		msg := replaceAll(response(mine.via, below), "Content-Length", "P-Edge-Result: "+c.value+"\r\nContent-Length")
		o := handle(t, r, inside, msg)
		if o.Cause != ResponseOut || parsed(t, o.Data).Count(wire.HdrPEdgeResult) != 0 {
			t.Errorf("%q: %v\n%s", c.value, o.Cause, o.Data)
		}
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		d.takes(t, c.value, want...)
	}
	// Nobody outside may tell.
	out := handle(t, r, inside, request("MESSAGE", "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp", "m", "Route: <sip:"+mine.path+"@10.0.0.1:5070;lr>"))
	top, _ := parsed(t, out.Data).TopVia()
	msg := replaceAll(response(string(top.Raw), "SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp"), "Content-Length", "P-Edge-Result: auth=ok;user=a\r\nContent-Length")
	if o := handle(t, r, client, msg); o.Cause != ResponseIn || parsed(t, o.Data).Count(wire.HdrPEdgeResult) != 0 {
		t.Errorf("%v\n%s", o.Cause, o.Data)
	}
	d.takes(t, "from outside", "proved UDP 203.0.113.7:5060")
}

// TestGuardResultNGCP: the same from a proxy of NGCP.
func TestGuardResultNGCP(t *testing.T) {
	d := &doorman{}
	r := testRelay(t, func(c *Config) { c.Guard, c.Compat = d, CompatNGCP })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	mine := setUp(t, r, client, "mine")
	for headers, want := range map[string]string{
		"P-NGCP-Authorization: alice@example.com\r\nP-NGCP-Authorized: 1": "203.0.113.7:5060 alice@example.com true",
		"P-NGCP-Authorization: alice@example.com":                         "203.0.113.7:5060 alice@example.com false",
	} {
		msg := replaceAll(response(mine.via, "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"), "Content-Length", headers+"\r\nContent-Length")
		o := handle(t, r, inside, msg)
		if o.Cause != ResponseOut || strings.Contains(string(o.Data), "NGCP") {
			t.Errorf("%v\n%s", o.Cause, o.Data)
		}
		d.takes(t, headers, want)
	}
}

// TestGuardSecondLook: calls of a source that floods, or is flooded in the name
// of, go on by the tokens of their dialogs; nothing else of it is taken.
func TestGuardSecondLook(t *testing.T) {
	d := &doorman{}
	r := testRelay(t, func(c *Config) { c.Guard = d })
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	mine := setUp(t, r, client, "mine")
	routes := []string{outer(mine.rr), inner, proxy}
	// What our Via looks like in a request to the client.
	const above = "SIP/2.0/UDP 10.0.0.11;branch=z9hG4bKp"
	sent := handle(t, r, inside, request("INVITE", above, "out", "Route: <sip:"+mine.path+"@10.0.0.1:5070;lr>"))
	top, _ := parsed(t, sent.Data).TopVia()
	for _, c := range []struct {
		name string
		door doorman
		msg  []byte
		want Cause
	}{
		{"no second look", doorman{deaf: true, dialog: true}, bye("mine", routes...), Guarded},
		{"dialog", doorman{deaf: true, second: true, dialog: true}, bye("mine", routes...), RequestIn},
		{"its bucket is empty", doorman{deaf: true, second: true}, bye("mine", routes...), Guarded},
		{"dialog of another", doorman{deaf: true, second: true, dialog: true}, bye("other", routes...), Guarded},
		{"no dialog", doorman{deaf: true, second: true, dialog: true}, request("INVITE", below, "mine"), Guarded},
		{"response", doorman{deaf: true, second: true, dialog: true}, response(string(top.Raw), above), ResponseIn},
		{"foreign response", doorman{deaf: true, second: true, dialog: true}, response("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx;ft=none", below), Guarded},
		{"garbage", doorman{deaf: true, second: true, dialog: true}, []byte("x"), Guarded},
	} {
		*d = c.door
		if o := handle(t, r, client, c.msg); o.Cause != c.want {
			t.Errorf("%s: %v, want %v", c.name, o.Cause, c.want)
		}
	}
}
