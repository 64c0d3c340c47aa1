//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// fate is what becomes of a message: the status of the answer, 0 for none, and
// a part of the name of the counter that moves.
type fate struct {
	status  int
	counter string
}

// The platform serves neither example.com nor any other domain of the RFCs, so
// a good REGISTER is for a domain not served (404, RFC 3261 section 10.3) and
// other good requests are from strangers (403).
var (
	register = fate{404, `proxy_requests_total{method="REGISTER",status="404"}`}
	invite   = fate{403, `proxy_requests_total{method="INVITE",status="403"}`}
	options  = fate{403, `proxy_requests_total{method="OPTIONS",status="403"}`}
	unknown  = fate{501, `proxy_requests_total{method="other",status="501"}`}
	stray    = fate{0, `cause="foreign_via"`} // a response that we are not on the way of
	foreign  = fate{403, `cause="foreign_route"`}
	indialog = fate{403, `cause="no_dialog_route"`}
)

func malformed(status int, reason string) fate {
	return fate{status, `edge_malformed_total{reason="` + reason + `"}`}
}

var torture = map[string]fate{
	// RFC 4475 section 3.1.1: valid messages.
	"wsinv": foreign, "intmeth": unknown, "esc01": invite, "escnull": register, "esc02": unknown, "lwsdisp": options,
	"longreq": invite, "dblreq": register, "semiuri": options, "transports": options, "mpart01": foreign,
	"unreason": stray, "noreason": stray,
	// 3.1.2: invalid messages. One that cannot be answered is dropped:
	// badinv01 in its Via, responses always.
	"badinv01": malformed(0, "param"), "clerr": malformed(400, "content_length_long"), "ncl": malformed(400, "content_length"),
	"scalar02": malformed(400, "cseq"), "scalarlg": malformed(0, "cseq"), "quotbal": malformed(400, "quote"),
	"ltgtruri": malformed(400, "request_uri"), "lwsruri": malformed(400, "start_line"), "lwsstart": malformed(400, "start_line"),
	"trws": malformed(400, "start_line"), "escruri": malformed(400, "request_uri_headers"), "regbadct": malformed(400, "name_addr"),
	"badaspec": malformed(400, "name_addr"), "baddn": malformed(400, "name_addr"), "badvers": malformed(505, "version"),
	"mismatch01": malformed(400, "cseq_method"), "mismatch02": malformed(400, "cseq_method"), "bigcode": malformed(0, "status_code"),
	"baddate": invite, // Date is nothing to a proxy, which must not look (16.3)
	// 3.2: the cookie alone is no transaction id; taken as RFC 2543 would.
	"badbranch": options,
	// 3.3: what the layers above have to say.
	"insuf": malformed(400, "missing_header"), "multi01": malformed(400, "duplicate_header"), "mcl01": malformed(400, "content_length_differs"),
	"unkscm": {416, `check="uri_scheme"`}, "novelsc": {416, `check="uri_scheme"`}, "bext01": {420, `cause="extension"`},
	"zeromf": {483, `cause="max_forwards"`}, "bcast": stray,
	"unksm2": {400, `proxy_requests_total{method="REGISTER",status="400"}`}, // an address of record has to be sip: (10.3)
	"invut":  invite, "sdp01": invite,                                       // 415 and 406 are the callee's
	"regaut01": register, "cparam01": register, "cparam02": register, "regescrt": register,
	// 3.4
	"inv2543": {400, `check="missing_contact"`},
	// RFC 5118
	"ipv6-good": register, "ipv6-bad": malformed(400, "request_uri"), "port-ambiguous": register, "port-unambiguous": register,
	"via-received-param-with-delim": indialog, "via-received-param-no-delim": {200, `proxy_requests_total{method="OPTIONS",status="200"}`},
	"ipv6-in-sdp": invite, "mult-ip-in-header": indialog, "mult-ip-in-sdp": invite, "ipv4-mapped-ipv6": invite,
}

// What streams change (18.3): a message ends where Content-Length says, so one
// that says too much, or has no empty line, is waited for; one without it is
// refused; and what follows it is a message, after which dblreq's last octets
// are none and end the connection, maybe before the answers have come.
var tortureTCP = map[string]fate{
	"clerr": {0, ""}, "baddn": {0, ""}, "inv2543": malformed(400, "content_length_missing"),
	"dblreq": malformed(anyStatus, "method"),
}

const anyStatus = -1

// TestTorture sends the messages of RFC 4475 and RFC 5118 to the platform,
// while a phone listens that must not hear of them, and then calls that phone.
func TestTorture(t *testing.T) {
	c := newCarrier(t).run(t, "--demo")
	bob := newAgent(t, "udp", c.sip, c.domain, c.bob)
	bob.register()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "sip", "wire", "testdata", "rfc*", "*.dat"))
	if err != nil || len(files) != len(torture) {
		t.Fatalf("%d messages, %d fates, %v", len(files), len(torture), err)
	}
	for i, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		msg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := torture[name]
		if !ok {
			t.Fatalf("no fate of %s", name)
		}
		c.wantFate(t, name+" over UDP", "udp", i, msg, want)
		if w, ok := tortureTCP[name]; ok {
			want = w
		}
		c.wantFate(t, name+" over TCP", "tcp", i, msg, want)
	}
	if m := bob.receive(100*time.Millisecond, func(*wire.Message) bool { return true }); m != nil {
		t.Errorf("a phone heard\n%s", m.Bytes())
	}
	for name, n := range c.counters(t) {
		if strings.HasPrefix(name, "class5_proxy_malformed") && n > 0 {
			t.Errorf("the edge let through what the core could not read: %s %v", name, n)
		}
	}
	alice := newAgent(t, "udp", c.sip, c.domain, c.alice)
	goodCall(t, alice, bob)
}

var callID = regexp.MustCompile(`(?mi)(^(?:Call-ID|i)\s*:\s*)`)

var sentBy = regexp.MustCompile(`(?i)(?:\nVia|\nv)\s*:[^;]*?:(\d+)\s*[;\r]`)

// wantFate sends a message from the port that its Via names, where answers go
// (18.2.2). Each is a transaction of its own.
func (c *carrier) wantFate(t *testing.T, name, network string, i int, msg []byte, want fate) {
	t.Helper()
	msg = bytes.Replace(msg, []byte("branch=z9hG4bKas3"), fmt.Appendf(nil, "branch=z9hG4bK%s%d", network, i), 1)
	msg = callID.ReplaceAll(msg, []byte("${1}"+network))
	dialer := net.Dialer{Timeout: time.Second}
	if network == "udp" {
		port := 5060
		if m := sentBy.FindSubmatch(msg); m != nil {
			port, _ = strconv.Atoi(string(m[1]))
		}
		dialer.LocalAddr = &net.UDPAddr{IP: net.IPv4(127, 0, 77, byte(i+1)), Port: port}
	}
	conn, err := dialer.Dial(network, fmt.Sprintf("127.0.0.1:%d", c.sip))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := c.counters(t)
	if _, err := conn.Write(msg); err != nil {
		t.Fatal(err)
	}
	limit := 3 * time.Second
	if want.status == 0 {
		limit = 50 * time.Millisecond
	}
	if got := finalStatus(conn, limit); got != want.status && want.status != anyStatus {
		t.Errorf("%s: status %d, want %d", name, got, want.status)
	}
	names := moved(before, c.counters(t))
	if want.counter != "" && !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, want.counter) }) {
		t.Errorf("%s: no counter %s in %v", name, want.counter, names)
	}
}

// finalStatus is that of the first final response: it may copy header fields
// that cannot be read.
func finalStatus(conn net.Conn, limit time.Duration) int {
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	b := make([]byte, 65536)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return 0
		}
		for line := range bytes.Lines(b[:n]) {
			var status int
			if k, _ := fmt.Sscanf(string(line), "SIP/2.0 %d", &status); k == 1 && status >= 200 {
				return status
			}
		}
	}
}

// answered is the 2xx of a call that the callee took, after the ACK.
func answered(t *testing.T, caller, callee *agent) *wire.Message {
	t.Helper()
	caller.fresh()
	uri := "sip:" + callee.user + "@" + callee.domain
	_, m := caller.ask(caller.request("INVITE", uri, uri))
	caller.challenged(m)
	caller.send(caller.request("INVITE", uri, uri, caller.credentials(407, "INVITE", uri)))
	in := callee.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.INVITE })
	if in == nil {
		t.Fatal("no INVITE reached the callee")
	}
	callee.respond(in, 200)
	callee.invite = in
	ok := caller.final(3 * time.Second)
	if ok == nil || ok.Status() != 200 {
		t.Fatal("the call was not answered")
	}
	caller.send(caller.inDialog(ok, "ACK"))
	if callee.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.ACK }) == nil {
		t.Error("no ACK reached the callee")
	}
	return ok
}

// goodCall: INVITE, 200, ACK, BYE.
func goodCall(t *testing.T, caller, callee *agent) {
	t.Helper()
	ok := answered(t, caller, callee)
	caller.cseq++
	caller.send(caller.inDialog(ok, "BYE"))
	bye := callee.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.BYE })
	if bye == nil {
		t.Fatal("no BYE reached the callee")
	}
	callee.respond(bye, 200)
	if m := caller.final(3 * time.Second); m == nil || m.Status() != 200 {
		t.Error("the BYE was not answered")
	}
}

// inDialog is a request along the Route set that a 2xx gave.
func (a *agent) inDialog(ok *wire.Message, method string, routes ...string) []byte {
	a.t.Helper()
	contact, _ := ok.First(wire.HdrContact)
	target, err := wire.ParseNameAddr(contact.Value)
	if err != nil {
		a.t.Fatal(err)
	}
	if routes == nil {
		for v := ok.Values(wire.HdrRecordRoute); v.Next(); {
			routes = append(routes, string(v.Value()))
		}
		slices.Reverse(routes)
	}
	to, _ := ok.First(wire.HdrTo)
	more := []string{"To: " + string(to.Value)}
	if len(routes) > 0 {
		more = append(more, "Route: "+strings.Join(routes, ", "))
	}
	n := a.cseq
	msg := a.request(method, string(target.URI), "", append(more, fmt.Sprintf("CSeq: %d %s", n, method))...)
	a.cseq = n
	return msg
}
