package relay

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// lines makes a message without body of lines.
func lines(l ...string) []byte { return []byte(strings.Join(l, "\r\n") + "\r\n\r\n") }

// handle gives a message to r, on a scratch of its own.
func handle(tb testing.TB, r *Relay, flow transport.Flow, msg []byte) Outcome {
	tb.Helper()
	var s Scratch
	before := bytes.Clone(msg)
	o := r.Handle(&s, transport.Packet{Data: msg, Flow: flow}, nil)
	if !bytes.Equal(msg, before) {
		tb.Errorf("Handle changed what it was lent")
	}
	return o
}

func parsed(tb testing.TB, msg []byte) *wire.Message {
	tb.Helper()
	m := new(wire.Message)
	if err := m.Parse(msg, nil); err != nil {
		tb.Fatalf("%v in\n%s", err, msg)
	}
	return m
}

// dialog is a call as a client sees it.
type dialog struct {
	callID string
	rr     string // token of its outer Record-Route
	path   string // token of its Path
	via    string // our Via as the proxy saw it
}

// setUp registers and calls from flow through r.
func setUp(tb testing.TB, r *Relay, flow transport.Flow, callID string) dialog {
	tb.Helper()
	d := dialog{callID: callID}
	register := handle(tb, r, flow, lines("REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;rport;branch=z9hG4bKr",
		"From: <sip:a@example.com>;tag=1", "To: <sip:a@example.com>", "Call-ID: reg-"+callID, "CSeq: 1 REGISTER", "Content-Length: 0"))
	path, _ := parsed(tb, register.Data).First(wire.HdrPath)
	d.path = user(tb, path.Value)
	invite := parsed(tb, handle(tb, r, flow, lines("INVITE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;rport;branch=z9hG4bKi",
		"From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>", "Call-ID: "+callID, "CSeq: 1 INVITE", "Content-Length: 0")).Data)
	rr := invite.Values(wire.HdrRecordRoute)
	rr.Next()
	rr.Next()
	d.rr = user(tb, rr.Value())
	top, _ := invite.TopVia()
	d.via = string(top.Raw)
	return d
}

func user(tb testing.TB, nameAddr []byte) string {
	tb.Helper()
	na, err := wire.ParseNameAddr(nameAddr)
	if err != nil {
		tb.Fatal(err)
	}
	u, err := wire.ParseURI(na.URI)
	if err != nil || u.User == nil {
		tb.Fatalf("%q: %v", nameAddr, err)
	}
	if ft, ok := u.Params.Get("ft"); ok { // in the dialect of NGCP
		return string(ft)
	}
	return string(u.User)
}

func bye(callID string, routes ...string) []byte {
	l := []string{"BYE sip:b@203.0.113.9 SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;rport;branch=z9hG4bKbye"}
	for _, route := range routes {
		l = append(l, "Route: "+route)
	}
	return lines(append(l, "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>;tag=2", "Call-ID: "+callID, "CSeq: 2 BYE", "Content-Length: 0")...)
}

func outer(tok string) string { return "<sip:" + tok + "@192.0.2.1:5060;r2;lr>" }

const (
	inner = "<sip:10.0.0.1:5070;r2;lr>"
	proxy = "<sip:10.0.0.11:5060;lr>"
)

// changes yields s with each character replaced by others, and cut and grown.
func changes(s string, yield func(string)) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range s {
		at := strings.IndexByte(alphabet, s[i])
		for bit := range 6 {
			yield(s[:i] + string(alphabet[at^1<<bit]) + s[i+1:])
		}
	}
	yield(s[:len(s)-1])
	yield(s + "A")
	yield("")
}

// TestForgedRoutes: no changed or displaced token takes a request to a proxy.
func TestForgedRoutes(t *testing.T) {
	r := testRelay(t)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	mine, other := setUp(t, r, flow, "mine"), setUp(t, r, flow, "other")
	foreign := setUp(t, testRelay(t, func(c *Config) {
		ring, err := token.New(token.Key{ID: testKey.ID, Secret: bytes.Repeat([]byte{1}, 32)})
		if err != nil {
			t.Fatal(err)
		}
		c.Ring = ring
	}), flow, "mine")

	if o := handle(t, r, flow, bye("mine", outer(mine.rr), inner, proxy)); o.Cause != RequestIn {
		t.Fatalf("the true Route: %v", o.Cause)
	}
	for _, c := range []struct {
		name   string
		routes []string
		want   Cause
	}{
		{"nothing", nil, NoDialogRoute},
		{"no token", []string{inner, proxy}, ForeignRoute},
		{"token of another dialog", []string{outer(other.rr), inner, proxy}, BadToken},
		{"token of another pair", []string{outer(foreign.rr), inner, proxy}, BadToken},
		{"token of the Path", []string{outer(mine.path), inner, proxy}, BadToken},
		{"token of the Via", []string{outer(viaToken(mine.via)), inner, proxy}, BadToken},
		{"a user", []string{outer("alice"), inner, proxy}, BadToken},
		{"our pair and no proxy", []string{outer(mine.rr), inner}, ForeignRoute},
		{"third party behind our pair", []string{outer(mine.rr), inner, "<sip:198.51.100.99;lr>"}, ForeignRoute},
		{"name behind our pair", []string{outer(mine.rr), inner, "<sip:proxy.example.com;lr>"}, ForeignRoute},
		{"another port of a proxy", []string{outer(mine.rr), inner, "<sip:10.0.0.11:22;lr>"}, ForeignRoute},
		{"us again behind our pair", []string{outer(mine.rr), inner, outer(mine.rr), inner, proxy}, ForeignRoute},
		{"no SIP URI behind our pair", []string{outer(mine.rr), inner, "<tel:+431>"}, ForeignRoute},
		{"third party first", []string{"<sip:198.51.100.99;lr>", outer(mine.rr), inner, proxy}, ForeignRoute},
	} {
		o := handle(t, r, flow, bye("mine", c.routes...))
		if o.Cause != c.want || o.Status != 403 {
			t.Errorf("%s: %v with %d, want %v with 403", c.name, o.Cause, o.Status, c.want)
		}
		ack := bytes.ReplaceAll(bye("mine", c.routes...), []byte("BYE"), []byte("ACK"))
		// The ACK to a final response other than 2xx shows what its INVITE showed:
		// nothing, or a Path token. It gets no further than that INVITE.
		initial := len(c.routes) == 0 || c.want == BadToken && strings.Contains(c.routes[0], mine.path)
		if o := handle(t, r, flow, ack); !initial && o.Data != nil {
			t.Errorf("%s: ACK gives %v\n%s", c.name, o.Cause, o.Data)
		}
	}
	changes(mine.rr, func(tok string) {
		o := handle(t, r, flow, bye("mine", outer(tok), inner, proxy))
		if o.Cause.Relayed() || o.Status != 403 && o.Status != 400 {
			t.Errorf("%q for %q: %v with %d", tok, mine.rr, o.Cause, o.Status)
		}
	})
}

// TestForgedInitialRoutes: outside of a dialog only the token of a Path counts.
func TestForgedInitialRoutes(t *testing.T) {
	r := testRelay(t)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	d := setUp(t, r, flow, "mine")
	for _, c := range []struct {
		name, route string
		want        Cause
	}{
		{"none", "", RequestIn},
		{"us", "<sip:192.0.2.1;lr>", RequestIn},
		{"us by a name", "<sip:Lb.Example.Com:5060;lr>", RequestIn},
		{"us by the bound address", "<sip:172.16.0.1;lr>", RequestIn},
		{"our name at a foreign port", "<sip:lb.example.com:25;lr>", ForeignRoute},
		{"Path", "<sip:" + d.path + "@10.0.0.1:5070;lr>", RequestIn},
		{"Path and proxy", "<sip:" + d.path + "@10.0.0.1:5070;lr>, " + proxy, RequestIn},
		{"Path and third party", "<sip:" + d.path + "@10.0.0.1:5070;lr>, <sip:10.0.0.99:5060;lr>", ForeignRoute},
		{"proxy alone", proxy, ForeignRoute},
		{"us and proxy", inner + ", " + proxy, ForeignRoute},
		{"Record-Route of the same Call-ID", outer(d.rr), BadToken},
		{"user", "<sip:lb@192.0.2.1;lr>", BadToken},
		{"not SIP", "<tel:+431>", ForeignRoute},
	} {
		l := []string{"INVITE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKx"}
		if c.route != "" {
			l = append(l, "Route: "+c.route)
		}
		o := handle(t, r, flow, lines(append(l, "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>",
			"Call-ID: mine", "CSeq: 1 INVITE", "Content-Length: 0")...))
		if o.Cause != c.want {
			t.Errorf("%s: %v, want %v", c.name, o.Cause, c.want)
		}
		if o.Cause == RequestIn && parsed(t, o.Data).Count(wire.HdrRoute) != 0 {
			t.Errorf("%s: a Route is left\n%s", c.name, o.Data)
		}
	}
}

func viaToken(via string) string {
	_, tok, _ := strings.Cut(via, ";ft=")
	tok, _, _ = strings.Cut(tok, ";")
	return tok
}

func response(via ...string) []byte {
	l := []string{"SIP/2.0 200 OK"}
	for _, v := range via {
		l = append(l, "Via: "+v)
	}
	return lines(append(l, "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>;tag=2", "Call-ID: mine", "CSeq: 1 INVITE", "Content-Length: 0")...)
}

// TestForgedResponses: a response goes nowhere but back through the Via it was
// asked by, and never out on the side it came from.
func TestForgedResponses(t *testing.T) {
	r := testRelay(t)
	client := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	d := setUp(t, r, client, "mine")
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"

	out := handle(t, r, inside, lines("MESSAGE sip:a@203.0.113.7 SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bKp",
		"Route: <sip:"+d.path+"@10.0.0.1:5070;lr>", "From: <sip:b@example.com>;tag=1", "To: <sip:a@example.com>",
		"Call-ID: mine", "CSeq: 1 MESSAGE", "Content-Length: 0"))
	if out.Cause != RequestOut || out.Flow.Remote != client.Remote {
		t.Fatalf("%v to %v", out.Cause, out.Flow)
	}
	top, _ := parsed(t, out.Data).TopVia()
	outVia := string(top.Raw)

	branch, _, _ := strings.Cut(d.via, ";ft=")
	tok := viaToken(d.via)
	for _, c := range []struct {
		name string
		flow transport.Flow
		msg  []byte
		want Cause
	}{
		{"true, from inside", inside, response(d.via, below), ResponseOut},
		{"true, from outside", client, response(outVia, below), ResponseIn},
		{"from outside with the Via of an inward request", client, response(d.via, below), WrongDirection},
		{"from inside with the Via of an outward request", inside, response(outVia, below), WrongDirection},
		{"no other Via", inside, response(d.via), NoVia},
		{"no token", inside, response(branch, below), ForeignVia},
		{"empty token", inside, response(branch+";ft", below), ForeignVia},
		{"Path token", inside, response(branch+";ft="+d.path, below), ForeignVia},
		{"Record-Route token", inside, response(branch+";ft="+d.rr, below), ForeignVia},
		{"token of another branch", client, response(branch+";ft="+viaToken(outVia), below), ForeignVia},
		{"another branch", inside, response("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKother;ft="+tok, below), ForeignVia},
		{"foreign Via on top", inside, response(below, d.via), ForeignVia},
	} {
		o := handle(t, r, c.flow, c.msg)
		if o.Cause != c.want {
			t.Errorf("%s: %v, want %v", c.name, o.Cause, c.want)
		}
		if o.Cause == ResponseOut && o.Flow.Remote != client.Remote || o.Cause == ResponseIn && o.Flow.Remote != proxyA {
			t.Errorf("%s: sent to %v", c.name, o.Flow)
		}
		if (o.Data != nil) != o.Cause.Relayed() {
			t.Errorf("%s: %v with\n%s", c.name, o.Cause, o.Data)
		}
	}
	changes(tok, func(tok string) {
		if o := handle(t, r, inside, response(branch+";ft="+tok, below)); o.Data != nil {
			t.Errorf("%q is taken for %q: %v", tok, viaToken(d.via), o.Cause)
		}
	})
}

// TestRotatedKeys: a call outlives a change of keys, a retired key ends it.
func TestRotatedKeys(t *testing.T) {
	var ring *token.Ring
	r := testRelay(t, func(c *Config) { ring, c.Secret = c.Ring, bytes.Repeat([]byte{5}, 32) })
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	d := setUp(t, r, flow, "mine")
	next := token.Key{ID: 2, Secret: bytes.Repeat([]byte{2}, 32)}
	if err := ring.Replace(next, testKey); err != nil {
		t.Fatal(err)
	}
	after := setUp(t, r, flow, "mine")
	if a, b := strings.Split(d.via, ";ft=")[0], strings.Split(after.via, ";ft=")[0]; a != b {
		t.Errorf("the branch changed with the key: %s, %s", a, b)
	}
	steps := func(want ...Cause) {
		t.Helper()
		for i, o := range []Outcome{
			handle(t, r, flow, bye("mine", outer(d.rr), inner, proxy)),
			handle(t, r, inside, response(d.via, "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi")),
			handle(t, r, inside, bye("mine", inner, outer(d.rr))),
			handle(t, r, inside, bye("mine", "<sip:"+d.path+"@10.0.0.1:5070;lr>")),
		} {
			if o.Cause != want[i] {
				t.Errorf("step %d: %v, want %v", i, o.Cause, want[i])
			}
		}
	}
	steps(RequestIn, ResponseOut, RequestOut, RequestOut)
	if err := ring.Replace(next); err != nil {
		t.Fatal(err)
	}
	steps(BadToken, ForeignVia, BadToken, BadToken)
}

// TestListenerTableChanged: a token for a listener that is gone, or is another
// now, is a failed flow.
func TestListenerTableChanged(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func([]Listener) []Listener
	}{
		{"gone", func(l []Listener) []Listener { return l[:7] }},
		{"another protocol", func(l []Listener) []Listener { l[8].Protocol = transport.TCP; return l }},
		{"internal", func(l []Listener) []Listener { l[8].Internal = true; return l }},
	} {
		d := setUp(t, testRelay(t), testFlow(t, "peer", "203.0.113.7:5060", 0), "mine")
		r := testRelay(t, func(cfg *Config) { cfg.Listeners = c.cut(cfg.Listeners) })
		inside := testFlow(t, "int", proxyA.String(), 0)
		o := handle(t, r, inside, bye("mine", inner, "<sip:"+d.rr+"@10.0.0.1:5070;r2;lr>"))
		if o.Cause != FlowGone || o.Status != 430 {
			t.Errorf("%s: request gives %v with %d, want 430", c.name, o.Cause, o.Status)
		}
		if o := handle(t, r, inside, response(d.via, "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi")); o.Data != nil {
			t.Errorf("%s: response gives %v", c.name, o.Cause)
		}
	}
}

// TestUnknownListener: a flow that the table does not have is not looked at.
func TestUnknownListener(t *testing.T) {
	o := handle(t, testRelay(t), transport.Flow{Protocol: transport.UDP, Listener: 200, Remote: netip.MustParseAddrPort("203.0.113.7:5060")}, bye("x"))
	if o.Cause != NoListener || o.Data != nil {
		t.Errorf("%v", o.Cause)
	}
}

// TestRetransmissionsAreEqual: the same bytes give the same bytes, on any node.
func TestRetransmissionsAreEqual(t *testing.T) {
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	for i, msg := range [][]byte{
		bye("mine"),
		lines("INVITE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7;rport;branch=z9hG4bKi",
			"From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>", "Call-ID: c", "CSeq: 1 INVITE", "Content-Length: 0"),
		// A client of RFC 2543, without branch.
		lines("INVITE sip:b@example.com SIP/2.0", "Via: SIP/2.0/UDP 203.0.113.7",
			"From: <sip:a@example.com>", "To: <sip:b@example.com>", "Call-ID: c", "CSeq: 1 INVITE", "Content-Length: 0"),
	} {
		a, b := handle(t, testRelay(t), flow, msg), handle(t, testRelay(t), flow, msg)
		if a.Data == nil || !bytes.Equal(a.Data, b.Data) || a.Flow != b.Flow {
			t.Errorf("message %d: %v\n%s\n%s", i, a.Cause, a.Data, b.Data)
		}
	}
}

// TestBranches: what makes another transaction gives another branch.
func TestBranches(t *testing.T) {
	r := testRelay(t)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	request := func(method, via, callID string, seq int, from, uri string) string {
		o := handle(t, r, flow, lines(method+" "+uri+" SIP/2.0", "Via: "+via, "From: <sip:a@example.com>"+from, "To: <sip:b@example.com>",
			"Call-ID: "+callID, fmt.Sprintf("CSeq: %d %s", seq, method), "Content-Length: 0"))
		top, ok := parsed(t, o.Data).TopVia()
		if !ok || o.Cause != RequestIn {
			t.Fatalf("%v", o.Cause)
		}
		return string(top.Branch())
	}
	const via, old, uri = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi", "SIP/2.0/UDP 203.0.113.7;branch=1", "sip:b@example.com"
	base := request("INVITE", via, "c", 1, ";tag=1", uri)
	if got := request("CANCEL", via, "c", 1, ";tag=1", uri); got != base {
		t.Errorf("CANCEL has branch %s, its INVITE %s", got, base)
	}
	seen := map[string]string{base: "the request"}
	for name, branch := range map[string]string{
		"branch":              request("INVITE", via+"2", "c", 1, ";tag=1", uri),
		"sent-by":             request("INVITE", "SIP/2.0/UDP 203.0.113.8;branch=z9hG4bKi", "c", 1, ";tag=1", uri),
		"port":                request("INVITE", "SIP/2.0/UDP 203.0.113.7:5061;branch=z9hG4bKi", "c", 1, ";tag=1", uri),
		"Call-ID":             request("INVITE", via, "d", 1, ";tag=1", uri),
		"CSeq":                request("INVITE", via, "c", 2, ";tag=1", uri),
		"no cookie":           request("INVITE", old, "c", 1, ";tag=1", uri),
		"no cookie, From tag": request("INVITE", old, "c", 1, ";tag=2", uri),
		"no cookie, URI":      request("INVITE", old, "c", 1, ";tag=1", "sip:c@example.com"),
		"cookie alone":        request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK", "c", 1, ";tag=1", uri),
		"cookie alone, URI":   request("INVITE", "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK", "c", 1, ";tag=1", "sip:c@example.com"),
	} {
		if twin, ok := seen[branch]; ok {
			t.Errorf("%s and %s share a branch", name, twin)
		}
		seen[branch] = name
	}
}

// TestForgedContacts: no changed token in the place of a hidden Contact is
// opened, nor one of a key that is retired, nor one made for another place.
func TestForgedContacts(t *testing.T) {
	hiding := func(c *Config) { c.Listeners[0].HideContact = true }
	r := testRelay(t, hiding)
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	d := setUp(t, r, flow, "mine")
	const inside = "sip:10.0.0.80:5080"
	sealed, err := r.ring.SealSecret(nil, []byte(inside), nil)
	if err != nil {
		t.Fatal(err)
	}
	to := func(r *Relay, user string) Outcome {
		return handle(t, r, flow, replaceAll(bye("mine", outer(d.rr), inner, proxy), "sip:b@203.0.113.9", "sip:"+user+"@192.0.2.1:5060"))
	}
	if o := to(r, string(sealed)); o.Cause != RequestIn || !bytes.HasPrefix(o.Data, []byte("BYE "+inside+" SIP/2.0\r\n")) {
		t.Fatalf("the true token: %v\n%s", o.Cause, o.Data)
	}
	changes(string(sealed), func(user string) {
		if o := to(r, user); bytes.Contains(o.Data, []byte(inside)) || o.Cause == BadToken && o.Status != 403 {
			t.Errorf("%q: %v with %d", user, o.Cause, o.Status)
		}
	})
	swap := map[bool]string{true: "B", false: "A"}
	forged := string(sealed[:10]) + swap[sealed[10] == 'A'] + string(sealed[11:])
	if o := to(r, forged); o.Cause != BadToken || o.Status != 403 {
		t.Errorf("forged: %v with %d", o.Cause, o.Status)
	}
	for _, tok := range []string{d.path, d.rr, viaToken(d.via), "alice"} {
		if o := to(r, tok); !bytes.HasPrefix(o.Data, []byte("BYE sip:"+tok+"@192.0.2.1:5060 ")) {
			t.Errorf("%q is not a hidden Contact, and yet: %v\n%s", tok, o.Cause, o.Data)
		}
	}
	for _, header := range []string{"Refer-To", "Contact"} {
		msg := replaceAll(bye("mine", outer(d.rr), inner, proxy), "Content-Length", header+": <sip:"+forged+"@192.0.2.1:5060>\r\nContent-Length")
		if o := handle(t, r, flow, msg); o.Cause.Relayed() {
			t.Errorf("forged %s: %v", header, o.Cause)
		}
	}
}

// TestRetiredKey: what a key has sealed ends with it, all at once.
func TestRetiredKey(t *testing.T) {
	ring, err := token.New(testKey)
	if err != nil {
		t.Fatal(err)
	}
	r := testRelay(t, func(c *Config) { c.Ring, c.Listeners[0].HideContact = ring, true })
	flow := testFlow(t, "udp", "203.0.113.7:5060", 0)
	inside := testFlow(t, "int", proxyA.String(), 0)
	d := setUp(t, r, flow, "mine")
	sealed, err := ring.SealSecret(nil, []byte("sip:10.0.0.80:5080"), nil)
	if err != nil {
		t.Fatal(err)
	}
	const below = "SIP/2.0/UDP 203.0.113.7;branch=z9hG4bKi"
	in, contact := bye("mine", outer(d.rr), inner, proxy), string(sealed)
	hidden := replaceAll(request("MESSAGE", below, "c"), "sip:bob@example.com SIP", "sip:"+contact+"@192.0.2.1:5060 SIP")
	preloaded := request("MESSAGE", below, "c", "Route: <sip:"+d.path+"@10.0.0.1:5070;lr>")
	all := []struct {
		name string
		flow transport.Flow
		msg  []byte
		want Cause
	}{
		{"Record-Route from outside", flow, in, BadToken},
		{"Path from outside", flow, preloaded, BadToken},
		{"Path from inside", inside, preloaded, BadToken},
		{"Record-Route from inside", inside, bye("mine", inner, outer(d.rr)), BadToken},
		{"Via", inside, response(d.via, below), ForeignVia},
		{"Contact", flow, hidden, BadToken},
	}
	next := token.Key{ID: 2, Secret: bytes.Repeat([]byte{2}, 32)}
	if err := ring.Replace(next, testKey); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if o := handle(t, r, c.flow, c.msg); !o.Cause.Relayed() {
			t.Errorf("%s with the key still accepted: %v", c.name, o.Cause)
		}
	}
	if after := setUp(t, r, flow, "mine"); strings.Split(after.via, ";ft=")[0] != strings.Split(d.via, ";ft=")[0] {
		t.Error("the branch has changed with the key")
	}
	if err := ring.Replace(next); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if o := handle(t, r, c.flow, c.msg); o.Cause != c.want {
			t.Errorf("%s with the key retired: %v, want %v", c.name, o.Cause, c.want)
		}
	}
}

// TestSiblings: a dialog that began at another node of the same listeners goes
// on here, by token alone and to that node's address alone.
func TestSiblings(t *testing.T) {
	const sibling = "<sip:10.0.0.9:5071;r2;lr>"
	alone, among := testRelay(t), testRelay(t, func(c *Config) { c.Siblings = []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:5071")} })
	flow := transport.Flow{Protocol: transport.UDP, Remote: netip.MustParseAddrPort("203.0.113.7:5060")}
	tok := string(among.ring.Seal(nil, token.RecordRoute, tokenFlow(flow), []byte("call")))
	for _, c := range []struct {
		name   string
		r      *Relay
		routes []string
		want   Cause
	}{
		{"its own address", among, []string{outer(tok), inner, proxy}, RequestIn},
		{"a sibling's", among, []string{outer(tok), sibling, proxy}, RequestIn},
		{"of nobody", among, []string{outer(tok), "<sip:10.0.0.9:5072;r2;lr>", proxy}, ForeignRoute},
		{"without siblings", alone, []string{outer(tok), sibling, proxy}, ForeignRoute},
		{"without token", among, []string{sibling, proxy}, ForeignRoute},
	} {
		if o := handle(t, c.r, flow, bye("call", c.routes...)); o.Cause != c.want {
			t.Errorf("%s: %v", c.name, o.Cause)
		}
	}
}
