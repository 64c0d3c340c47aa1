//go:build interop

package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/wire"
)

// TestNGCP: a Kamailio whose script believes nothing but what a load balancer of
// Sipwise NGCP tells is content with ours in its place. Phones behind NAT, over
// UDP and TCP, register, call each other, change the call and hang up, in either
// direction; one whose Path another load balancer wrote, and one that is to be
// reached through another socket.
func TestNGCP(t *testing.T) {
	const password = "change-this"
	p := freePorts(t, 6)
	access, second, internal, proxy, adm := p, p+1, p+2, p+3, p+4
	dir := t.TempDir()
	for name, text := range map[string]string{
		"edge.key": "1 0123456789abcdef0123456789abcdef\n",
		"lb.yaml": fmt.Sprintf(`node: lb1
admin: 127.0.0.1:%d
log: info
keys: edge.key
lb:
  compat: ngcp
  internal: 127.0.0.1:%d
  proxies: [127.0.0.1:%d]
  listeners:
    - {protocol: udp, addr: 127.0.0.1:%d}
    - {protocol: udp, addr: 127.0.0.1:%d}
    - {protocol: tcp, addr: 127.0.0.1:%d}
`, adm, internal, proxy, access, second, access),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kamailio(t, "kamailio-ngcp.cfg", proxy, "PROXY", fmt.Sprint(proxy), "ACCESS", fmt.Sprint(access))
	lb := start(t, dir, built.path(t, "cmd/lb"), "-config", "lb.yaml")
	lb.ready(t, adm)

	dial := func(network, user string, port, from int) *agent {
		t.Helper()
		d := net.Dialer{}
		if from != 0 {
			d.LocalAddr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: from}
		}
		conn, err := d.Dial(network, fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		a := &agent{t: t, conn: conn, domain: "ngcp.test", phone: phone{user: user, password: password}, claims: "192.168.1.7:5060"}
		a.auth = digest.Client{User: user, Password: password}
		a.fresh()
		return a
	}
	register := func(a *agent) {
		t.Helper()
		a.fresh()
		status, m := a.proved("REGISTER", "sip:ngcp.test", "sip:"+a.user+"@ngcp.test", "Expires: 300")
		if status != 200 {
			t.Fatalf("REGISTER of %s: %d\n%s", a.user, status, m.Bytes())
		}
		outsideOnly(t, m)
	}
	alice, bob := dial("udp", "alice", access, 0), dial("udp", "bob", second, 0)
	old, carol := dial("udp", "oldbob", second, 0), dial("tcp", "carol", access, 0)
	moved := dial("udp", "moved", second, 0)
	for _, a := range []*agent{alice, bob, old, carol, moved} {
		register(a)
	}
	// From now on this one hears the other socket only.
	port := moved.conn.LocalAddr().(*net.UDPAddr).Port
	_ = moved.conn.Close()
	moved = dial("udp", "moved", access, port)

	for _, c := range []struct {
		name           string
		caller, callee *agent
	}{
		{"UDP behind NAT", alice, bob}, {"back", bob, alice}, {"Path without token", alice, old}, {"TCP", alice, carol},
		{"from TCP", carol, bob}, {"another socket", alice, moved},
	} {
		t.Run(c.name, func(t *testing.T) { ngcpCall(t, c.caller, c.callee) })
	}

	// The proxy compares the source of the call with that of the registration.
	elsewhere := dial("udp", "alice", access, 0)
	if status, m := elsewhere.proved("INVITE", "sip:bob@ngcp.test", "sip:bob@ngcp.test"); status != 403 || !strings.Contains(string(m.Bytes()), "Unauthorized IP") {
		t.Errorf("a call from another address: %d", status)
	}
	// Who claims in the dialect to come from elsewhere is not believed.
	elsewhere.fresh()
	from := alice.conn.LocalAddr().(*net.UDPAddr)
	if status, _ := elsewhere.proved("INVITE", "sip:bob@ngcp.test", "sip:bob@ngcp.test", "P-NGCP-Src-Ip: 127.0.0.1",
		fmt.Sprintf("P-NGCP-Src-Port: %d", from.Port), "P-NGCP-Src-Proto: udp"); status != 403 {
		t.Errorf("a call that claims another address: %d", status)
	}
}

// outsideOnly: nothing of the dialect is for clients.
func outsideOnly(t *testing.T, m *wire.Message) {
	t.Helper()
	for _, name := range []string{"P-NGCP-", "P-Sock-Info", "P-LB-Uptime", "P-Out-Socket", "P-Edge", ";alias="} {
		if strings.Contains(string(m.Bytes()), name) {
			t.Errorf("a client sees %s in\n%s", name, m.Bytes())
		}
	}
}

// ngcpCall is a call with a re-INVITE of each party, hung up by the callee.
func ngcpCall(t *testing.T, caller, callee *agent) {
	t.Helper()
	ok := answered(t, caller, callee)
	outsideOnly(t, ok)
	contact, _ := ok.First(wire.HdrContact)
	if !strings.Contains(string(contact.Value), "sip:ngcp-lb@127.0.0.1") || !strings.Contains(string(contact.Value), "ngcpct=") {
		t.Errorf("Contact of the callee: %s", contact.Value)
	}
	caller.cseq++
	caller.send(caller.inDialog(ok, "INVITE"))
	changed(t, caller, callee, func() []byte { return caller.inDialog(ok, "ACK") })

	callee.callID, callee.cseq = string(callee.invite.CallID()), 0
	outsideOnly(t, callee.invite)
	callee.send(callee.fromCallee("INVITE"))
	changed(t, callee, caller, func() []byte { callee.cseq--; return callee.fromCallee("ACK") })
	callee.send(callee.fromCallee("BYE"))
	bye := caller.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.BYE })
	if bye == nil {
		t.Fatal("no BYE reached the caller")
	}
	outsideOnly(t, bye)
	caller.respond(bye, 200)
	if m := callee.final(3 * time.Second); m == nil || m.Status() != 200 {
		t.Error("the BYE was not answered")
	}
}

// changed is what follows a re-INVITE.
func changed(t *testing.T, from, to *agent, ack func() []byte) {
	t.Helper()
	in := to.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.INVITE && m.ToTag() != nil })
	if in == nil {
		t.Fatal("no re-INVITE arrived")
	}
	outsideOnly(t, in)
	to.respond(in, 200)
	if m := from.final(3 * time.Second); m == nil || m.Status() != 200 {
		t.Fatal("the re-INVITE was not answered")
	}
	from.send(ack())
	if to.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.ACK }) == nil {
		t.Error("no ACK arrived")
	}
}

// fromCallee is a request in the dialog that the last INVITE has opened.
func (a *agent) fromCallee(method string) []byte {
	a.t.Helper()
	contact, _ := a.invite.First(wire.HdrContact)
	target, err := wire.ParseNameAddr(contact.Value)
	if err != nil {
		a.t.Fatal(err)
	}
	from, _ := a.invite.First(wire.HdrFrom)
	to, _ := a.invite.First(wire.HdrTo)
	more := []string{"From: " + string(to.Value) + ";tag=callee", "To: " + string(from.Value)}
	var routes []string
	for v := a.invite.Values(wire.HdrRecordRoute); v.Next(); {
		routes = append(routes, string(v.Value()))
	}
	return a.request(method, string(target.URI), "", append(more, "Route: "+strings.Join(routes, ", "))...)
}
