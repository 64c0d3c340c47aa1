//go:build interop

package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cmd/internal/node"
	"github.com/class5-go/class5/sip/wire"
)

// twoNodes is cmd/lb before cmd/proxy with SQLite and its registrations in
// memory.
type twoNodes struct {
	dir        string
	port       int // sip, internal, proxy, proxy's connections, echo, then the admin ports
	lb, proxy  *process
	alice, bob phone
}

func (n *twoNodes) sip() int      { return n.port }
func (n *twoNodes) internal() int { return n.port + 1 }
func (n *twoNodes) core() int     { return n.port + 2 }
func (n *twoNodes) stream() int   { return n.port + 3 }
func (n *twoNodes) lbAdm() int    { return n.port + 5 }
func (n *twoNodes) proxyAdm() int { return n.port + 6 }

func newTwoNodes(t *testing.T) *twoNodes {
	t.Helper()
	n := &twoNodes{dir: t.TempDir(), port: freePorts(t, 8)}
	data := filepath.Join(n.dir, "proxy-data")
	if err := node.MakeDir(data); err != nil {
		t.Fatal(err)
	}
	dir, err := node.OpenDirectory(t.Context(), node.StoreConfig{Data: data}, node.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	made, err := dir.Bootstrap(t.Context(), directory.BootstrapOptions{Domain: "127.0.0.1", Demo: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	for i, p := range []*phone{&n.alice, &n.bob} {
		*p = phone{user: made.Demo[i].Subscriber.Username, password: made.Demo[i].Password.Reveal(), number: made.Demo[i].Subscriber.Numbers[0]}
	}
	for name, text := range map[string]string{"edge.key": "1 0123456789abcdef0123456789abcdef\n", "live.token": "0123456789abcdef0123456789abcdef"} {
		n.file(t, name, text)
	}
	return n
}

func (n *twoNodes) file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configure writes both files; the settings are further lines of the sections.
func (n *twoNodes) configure(t *testing.T, lb, proxy string) {
	t.Helper()
	n.file(t, "lb.yaml", fmt.Sprintf(`node: lb1
admin: 127.0.0.1:%d
log: info
keys: edge.key
lb:
  internal: 127.0.0.1:%d
  proxies: [127.0.0.1:%d]
  listeners:
    - {protocol: udp, addr: 127.0.0.1:%d}
    - {protocol: tcp, addr: 127.0.0.1:%d}
%s`, n.lbAdm(), n.internal(), n.core(), n.sip(), n.sip(), lb))
	n.file(t, "proxy.yaml", fmt.Sprintf(`node: proxy1
admin: 127.0.0.1:%d
log: info
keys: edge.key
store: {driver: sqlite, data: proxy-data}
proxy:
  listen: 127.0.0.1:%d
  edges: [127.0.0.1:%d]
  echo: 127.0.0.1:%d
  token: live.token
  media: {addr: 127.0.0.1, port_min: 30000, port_max: 30998, allow_loopback: true}
%s`, n.proxyAdm(), n.core(), n.internal(), n.port+4, proxy))
}

func (n *twoNodes) run(t *testing.T) {
	t.Helper()
	n.startProxy(t)
	n.startLB(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("lb:\n%s\nproxy:\n%s", tail(n.lb.output()), tail(n.proxy.output()))
		}
	})
}

func (n *twoNodes) startProxy(t *testing.T) {
	t.Helper()
	n.proxy = start(t, n.dir, built.path(t, "cmd/proxy"), "-config", "proxy.yaml")
	n.proxy.ready(t, n.proxyAdm())
}

func (n *twoNodes) startLB(t *testing.T) {
	t.Helper()
	n.lb = start(t, n.dir, built.path(t, "cmd/lb"), "-config", "lb.yaml")
	n.lb.ready(t, n.lbAdm())
}

func (n *twoNodes) agents(t *testing.T, network string) (alice, bob *agent) {
	t.Helper()
	alice, bob = newAgent(t, network, n.sip(), "127.0.0.1", n.alice), newAgent(t, "udp", n.sip(), "127.0.0.1", n.bob)
	alice.register()
	bob.register()
	return alice, bob
}

// metric is the value of one line of /metrics.
func (n *twoNodes) metric(t *testing.T, port int, name string) (value float64) {
	t.Helper()
	for _, line := range strings.Split(fetch(t, fmt.Sprintf("http://127.0.0.1:%d/metrics", port)), "\n") {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}

// TestOverloadTold: a proxy that is told to be spared by half says so to its
// edge, which refuses half of the INVITEs, but no emergency and nothing of calls
// in progress, and goes back to normal when the proxy does.
func TestOverloadTold(t *testing.T) {
	n := newTwoNodes(t)
	n.configure(t, "", "")
	n.run(t)
	alice, bob := n.agents(t, "udp")
	calls := make([]*wire.Message, 3)
	callers := make([]*agent, len(calls))
	for i := range calls {
		callers[i] = newAgent(t, "udp", n.sip(), "127.0.0.1", n.alice)
		calls[i] = answered(t, callers[i], bob)
	}

	n.configure(t, "", "  overload: {loss: 50}\n")
	_ = n.proxy.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, patience, func() error {
		if got := n.metric(t, n.proxyAdm(), "class5_proxy_load_refused_percent"); got != 50 {
			return fmt.Errorf("the proxy tells %v", got)
		}
		return nil
	})
	invites := func(count int, uri string) (refused int) {
		for range count {
			alice.fresh()
			status, m := alice.ask(alice.request("INVITE", uri, uri))
			switch {
			case status == 503 && strings.HasPrefix(string(m.ToTag()), "edge-"):
				refused++
			case status == 0:
				t.Fatal("no answer")
			}
			alice.send(alice.request("ACK", uri, uri, "To: <"+uri+">;tag="+string(m.ToTag()), fmt.Sprintf("CSeq: %d ACK", alice.cseq)))
			time.Sleep(5 * time.Millisecond)
		}
		return refused
	}
	uri := "sip:" + n.bob.user + "@127.0.0.1"
	invites(20, uri) // the edge hears of it
	refused := invites(200, uri)
	t.Logf("the edge refused %d of 200 INVITEs", refused)
	if refused < 90 || refused > 110 {
		t.Errorf("%d of 200 INVITEs refused, want half", refused)
	}
	for _, name := range []string{`latency_seconds_count{from="outside"}`, `latency_seconds_count{from="inside"}`, `invite_response_seconds_count{response="final"}`} {
		if n.metric(t, n.lbAdm(), "class5_edge_"+name) == 0 {
			t.Errorf("nothing measured: %s", name)
		}
	}
	if refused := invites(50, "urn:service:sos"); refused != 0 {
		t.Errorf("%d of 50 emergency calls refused", refused)
	}
	for i, ok := range calls {
		a := callers[i]
		a.cseq++
		a.send(a.inDialog(ok, "BYE"))
		bye := bob.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.BYE })
		if bye == nil {
			t.Fatal("no BYE reached the callee")
		}
		bob.respond(bye, 200)
		if m := a.final(3 * time.Second); m == nil || m.Status() != 200 {
			t.Error("a BYE was not answered 200")
		}
	}

	n.configure(t, "", "")
	_ = n.proxy.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, 10*time.Second, func() error {
		if refused := invites(10, uri); refused != 0 {
			return fmt.Errorf("%d of 10 are still refused", refused)
		}
		return nil
	})
	goodCall(t, alice, bob)
}

// authority writes ca.pem and, for each name, NAME.pem and NAME.key for
// 127.0.0.1.
func authority(t *testing.T, dir string, names ...string) {
	t.Helper()
	sign := func(name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature,
		}
		if parent == nil {
			parent, by = cert, key
			cert.IsCA, cert.KeyUsage = true, x509.KeyUsageCertSign
		} else {
			cert.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
			cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		k, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for ext, b := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: k}} {
			if err := os.WriteFile(filepath.Join(dir, name+ext), pem.EncodeToMemory(b), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return cert, key
	}
	ca, key := sign("ca", nil, nil)
	for _, name := range names {
		sign(name, ca, key)
	}
}

// TestInsideTCP: lb and proxy talk over connections, both ways.
func TestInsideTCP(t *testing.T) {
	n := newTwoNodes(t)
	n.configure(t, "  internal_transport: tcp\n", fmt.Sprintf("  listen_tcp: 127.0.0.1:%d\n", n.core()))
	n.run(t)
	n.connected(t)
	alice, bob := n.agents(t, "udp")
	udp := `{listener="internal",role="lb"}`
	before := n.metric(t, n.lbAdm(), "class5_sip_sent_messages_total"+udp) + n.metric(t, n.lbAdm(), "class5_sip_received_messages_total"+udp)
	for range 5 {
		goodCall(t, alice, bob)
	}
	if after := n.metric(t, n.lbAdm(), "class5_sip_sent_messages_total"+udp) + n.metric(t, n.lbAdm(), "class5_sip_received_messages_total"+udp); after != before {
		t.Errorf("%v messages passed over UDP", after-before)
	}
	// A call that the proxy ends itself.
	ok := answered(t, alice, bob)
	n.proxy.stop(5 * time.Second)
	if bye := bob.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.BYE }); bye == nil {
		t.Errorf("no BYE for %s", ok.CallID())
	}
}

// TestInsideAuto: what is small goes to the proxy over UDP, what is large over
// TCP, and arrives.
func TestInsideAuto(t *testing.T) {
	n := newTwoNodes(t)
	n.configure(t, "  internal_transport: auto\n", fmt.Sprintf("  listen_tcp: 127.0.0.1:%d\n", n.core()))
	n.run(t)
	n.connected(t)
	alice, bob := n.agents(t, "udp")
	goodCall(t, alice, bob)
	const stream = `class5_sip_sent_messages_total{listener="internal-stream",role="lb"}`
	if got := n.metric(t, n.lbAdm(), stream); got != 0 {
		t.Errorf("%v small messages over TCP", got)
	}
	body := strings.Repeat("a long message ", 700)
	uri := "sip:" + n.bob.user + "@127.0.0.1"
	large := func(more ...string) []byte {
		return []byte(strings.Replace(string(alice.request("MESSAGE", uri, uri, more...)), "Content-Length: 0\r\n\r\n",
			fmt.Sprintf("Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1))
	}
	alice.fresh()
	_, m := alice.ask(large())
	alice.challenged(m)
	alice.send(large(alice.credentials(407, "MESSAGE", uri)))
	got := bob.receive(patience, func(m *wire.Message) bool { return m.Method() == wire.MESSAGE })
	if got == nil || string(got.Body()) != body {
		t.Fatal("the message has not arrived whole")
	}
	bob.respond(got, 200)
	if m := alice.final(3 * time.Second); m == nil || m.Status() != 200 {
		t.Error("not answered")
	}
	if got := n.metric(t, n.lbAdm(), stream); got < 2 {
		t.Errorf("%v messages over TCP, want two", got)
	}
}

// connected waits for the connections between lb and proxy.
func (n *twoNodes) connected(t *testing.T) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		for port, name := range map[int]string{n.lbAdm(): "class5_edge_inside_connections", n.proxyAdm(): "class5_proxy_edge_connections"} {
			if n.metric(t, port, name) != 1 {
				return fmt.Errorf("%s is not 1", name)
			}
		}
		return nil
	})
}

// TestInsideTLS: between lb and proxy everything is encrypted, whatever happens
// to either: while there is no connection, requests are answered 503, and the
// wire shows nothing of SIP.
func TestInsideTLS(t *testing.T) {
	n := newTwoNodes(t)
	authority(t, n.dir, "lb", "proxy")
	n.configure(t, fmt.Sprintf("  internal_transport: tls\n  internal_port: %d\n  internal_ca: ca.pem\n  certificates: [{cert: lb.pem, key: lb.key}]\n", n.stream()),
		fmt.Sprintf("  listen_tls: 127.0.0.1:%d\n  edge_ca: ca.pem\n  certificates: [{cert: proxy.pem, key: proxy.key}]\n", n.stream()))
	watch := newCapture(t, fmt.Sprintf("port %d or port %d or port %d", n.internal(), n.core(), n.stream()))
	n.run(t)
	n.connected(t)
	alice, bob := n.agents(t, "udp")
	for range 3 {
		goodCall(t, alice, bob)
	}

	n.proxy.kill()
	eventually(t, patience, func() error {
		if n.metric(t, n.lbAdm(), "class5_edge_inside_connections") != 0 {
			return errors.New("the lb has not noticed")
		}
		return nil
	})
	alice.fresh()
	uri := "sip:" + n.bob.user + "@127.0.0.1"
	begin := time.Now()
	if status, m := alice.ask(alice.request("INVITE", uri, uri)); status != 503 || m.Count(wire.HdrRetryAfter) != 1 || time.Since(begin) > time.Second {
		t.Errorf("without the proxy: %d after %v", status, time.Since(begin))
	}
	if got := n.metric(t, n.lbAdm(), `class5_edge_messages_total{cause="disconnected"}`) + n.metric(t, n.lbAdm(), `class5_edge_messages_total{cause="no_target"}`); got == 0 {
		t.Error("nobody counts what is refused")
	}
	n.startProxy(t)
	n.connected(t)
	n.lb.ready(t, n.lbAdm())
	alice.register()
	bob.register()
	goodCall(t, alice, bob)

	n.lb.kill()
	n.startLB(t)
	n.connected(t)
	goodCall(t, alice, bob) // registered before: the proxy calls out through the new lb

	// Whoever speaks to the proxy in clear is not heard.
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(n.core()))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\r\n\r\nIN CLEAR")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(alice.request("OPTIONS", uri, uri)[:200]); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if n.metric(t, n.proxyAdm(), "class5_proxy_in_clear_total") == 0 {
			return fmt.Errorf("not counted")
		}
		return nil
	})
	watch.end(t)
	seen, err := os.ReadFile(watch.file)
	if err != nil {
		t.Fatal(err)
	}
	own := 1 // our own datagram above
	if got := strings.Count(string(seen), "SIP/2.0"); got > 2*own {
		t.Errorf("SIP is to be read %d times on the way between lb and proxy", got)
	}
	if len(seen) < 20_000 {
		t.Errorf("only %d octets were seen", len(seen))
	}
}
