//go:build interop

package interop

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/wire"
)

// edge is cmd/lb alone, in front of a proxy that the test plays.
type edge struct {
	*process
	dir                string
	udp, tls, ws, wss  int
	adm                int
	internal           netip.AddrPort
	proxy              *net.UDPConn
	requests, statuses chan []byte // what the proxy gets
}

// newEdge starts an lb. settings are further lines of its section, indented by
// two spaces.
func newEdge(t *testing.T, settings ...string) *edge {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback(0)))
	if err != nil {
		t.Fatal(err)
	}
	return newEdgeAt(t, conn, settings...)
}

// newEdgeAt is newEdge with the proxy's socket, in whatever network that is.
func newEdgeAt(t *testing.T, proxy *net.UDPConn, settings ...string) *edge {
	t.Helper()
	p := freePorts(t, 6)
	e := &edge{dir: t.TempDir(), udp: p, tls: p + 1, ws: p + 2, wss: p + 3, adm: p + 5, proxy: proxy,
		requests: make(chan []byte, 1024), statuses: make(chan []byte, 1024)}
	near := netip.MustParseAddr("127.0.0.1")
	if far := proxy.LocalAddr().(*net.UDPAddr).AddrPort().Addr(); !far.IsLoopback() {
		near = far.Prev() // of the two addresses of a link, ours is the first
	}
	e.internal = netip.AddrPortFrom(near, uint16(p+4))
	t.Cleanup(func() { _ = e.proxy.Close() })
	go e.play()
	e.configure(t, settings...)
	e.restart(t)
	return e
}

func loopback(port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
}

// configure writes the configuration and the keys.
func (e *edge) configure(t *testing.T, settings ...string) {
	t.Helper()
	text := fmt.Sprintf(`node: lb1
admin: 127.0.0.1:%d
log: info
keys: edge.key
lb:
  internal: %v
  proxies: [%v]
  hosts: [class5.test]
  listeners:
    - {protocol: udp, addr: 127.0.0.1:%d}
    - {protocol: tcp, addr: 127.0.0.1:%d}
    - {protocol: tls, addr: 127.0.0.1:%d}
    - {protocol: ws, addr: 127.0.0.1:%d}
    - {protocol: wss, addr: 127.0.0.1:%d}
`, e.adm, e.internal, e.proxy.LocalAddr(), e.udp, e.udp, e.tls, e.ws, e.wss)
	if len(settings) > 0 {
		text += strings.Join(settings, "\n") + "\n"
	}
	for name, content := range map[string]string{"lb.yaml": text, "edge.key": "1 0123456789abcdef0123456789abcdef\n"} {
		if err := os.WriteFile(filepath.Join(e.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// restart kills the lb, if there is one, and starts another.
func (e *edge) restart(t *testing.T) {
	t.Helper()
	if e.process != nil {
		e.kill()
	}
	e.process = start(t, e.dir, built.path(t, "cmd/lb"), "-config", "lb.yaml")
	e.ready(t, e.adm)
}

// play answers the lb's questions whether the proxy lives and keeps the rest.
func (e *edge) play() {
	buf := make([]byte, 65536)
	var m wire.Message
	for {
		n, from, err := e.proxy.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		b := bytes.Clone(buf[:n])
		if m.Parse(b, nil) != nil {
			continue
		}
		if !m.IsRequest() {
			e.statuses <- b
			continue
		}
		if _, client := m.First(wire.HdrPEdge); m.Method() == wire.OPTIONS && !client {
			if answer, err := wire.AppendResponse(nil, &m, 200, "OK", "alive"); err == nil {
				_, _ = e.proxy.WriteToUDPAddrPort(answer, from)
			}
			continue
		}
		e.requests <- b
	}
}

// next is the next request that the proxy gets.
func (e *edge) next(t *testing.T) *wire.Message {
	t.Helper()
	return view(t, e.requests)
}

// answer is the next response that the proxy gets.
func (e *edge) answer(t *testing.T) *wire.Message {
	t.Helper()
	return view(t, e.statuses)
}

func view(t *testing.T, from <-chan []byte) *wire.Message {
	t.Helper()
	select {
	case b := <-from:
		m := new(wire.Message)
		if err := m.Parse(b, nil); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		return m
	case <-time.After(patience):
		t.Fatal("nothing came to the proxy")
	}
	return nil
}

// send is what the proxy sends to the lb.
func (e *edge) send(t *testing.T, msg string) {
	t.Helper()
	if _, err := e.proxy.WriteToUDPAddrPort([]byte(msg), e.internal); err != nil {
		t.Fatal(err)
	}
}

// ask sends invite, again and again as one does by UDP (RFC 3261 section
// 17.1.2.2), and returns the answer.
func (e *edge) ask(t *testing.T, path, callID string) *wire.Message {
	t.Helper()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for begun := time.Now(); time.Since(begun) < patience; {
		e.send(t, e.invite(path, callID))
		select {
		case b := <-e.statuses:
			m := new(wire.Message)
			if err := m.Parse(b, nil); err == nil && string(m.CallID()) == callID {
				return m
			}
		case <-again.C:
		}
	}
	t.Fatalf("nothing came to the proxy of %s", callID)
	return nil
}

// respond answers a request as the proxy.
func (e *edge) respond(t *testing.T, m *wire.Message, status int, fields ...wire.Field) {
	t.Helper()
	b, err := wire.AppendResponse(nil, m, status, "", "tagged", fields...)
	if err != nil {
		t.Fatal(err)
	}
	e.send(t, string(b))
}

// invite is a request of the proxy for the client behind a Path.
func (e *edge) invite(path, callID string) string {
	return "OPTIONS sip:client@192.0.2.1 SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP " + e.proxy.LocalAddr().String() + ";branch=z9hG4bK" + callID + "\r\n" +
		"Route: " + path + "\r\nMax-Forwards: 70\r\nFrom: <sip:proxy@127.0.0.1>;tag=p\r\nTo: <sip:client@192.0.2.1>\r\n" +
		"Call-ID: " + callID + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
}

// streamClient is a phone on a TCP or TLS connection from a port of its own.
type streamClient struct {
	net.Conn
}

// dial connects from local, which another connection may have had before.
func (e *edge) dial(t *testing.T, secure bool, local int) streamClient {
	t.Helper()
	port := e.udp
	if secure {
		port = e.tls
	}
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(loopback(local)), Control: reuse}
	c, err := d.DialContext(t.Context(), "tcp", loopback(port).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.(*net.TCPConn).SetLinger(0) // its port is free at once when it closes
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the certificate is of the test itself
	}
	return streamClient{c}
}

// register sends a REGISTER and gives back the Path that the proxy stores.
func (e *edge) register(t *testing.T, c streamClient, transport, user string) string {
	t.Helper()
	once := rand.Text() // what repeats itself is not passed on to a connection
	_, err := fmt.Fprintf(c, "REGISTER sip:class5.test SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=z9hG4bKr%s;rport\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:%s@class5.test>;tag=1\r\nTo: <sip:%s@class5.test>\r\nCall-ID: reg-%s\r\nCSeq: 1 REGISTER\r\n"+
		"Contact: <sip:%s@%s;transport=tcp>;+sip.instance=\"<urn:uuid:%s>\";reg-id=1\r\nSupported: path, outbound\r\nContent-Length: 0\r\n\r\n",
		transport, c.LocalAddr(), once, user, user, once, user, c.LocalAddr(), user)
	if err != nil {
		t.Fatal(err)
	}
	m := e.next(t)
	path, ok := m.First(wire.HdrPath)
	if !ok {
		t.Fatalf("no Path\n%s", m.Bytes())
	}
	e.respond(t, m, 200)
	if got := c.read(t); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Fatalf("the client got %q", got)
	}
	return string(path.Value)
}

// read waits for something to read for up to five seconds.
func (c streamClient) read(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 65536)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, err := c.Conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// silent fails the test when anything comes within the time.
func (c streamClient) silent(t *testing.T, d time.Duration) {
	t.Helper()
	buf := make([]byte, 65536)
	_ = c.SetReadDeadline(time.Now().Add(d))
	if n, _ := c.Conn.Read(buf); n > 0 {
		t.Fatalf("the intruder got\n%s", buf[:n])
	}
}

// TestPortReuse: a connection that has ended is not mistaken for another one
// from the same address and port, and neither is one of an lb that was
// restarted.
func TestPortReuse(t *testing.T) {
	for _, secure := range []bool{false, true} {
		name := map[bool]string{false: "TCP", true: "TLS"}[secure]
		t.Run(name, func(t *testing.T) {
			e := newEdge(t)
			local := freePorts(t, 1)
			first := e.dial(t, secure, local)
			path := e.register(t, first, name, "alice")

			e.send(t, e.invite(path, "open"))
			if got := first.read(t); !strings.HasPrefix(got, "OPTIONS ") {
				t.Fatalf("the client got %q", got)
			}
			_ = first.Close()
			second := e.dial(t, secure, local)
			e.register(t, second, name, "mallory")
			if m := e.ask(t, path, "gone"); m.Status() != 430 {
				t.Errorf("status %d, want 430", m.Status())
			}
			second.silent(t, 300*time.Millisecond)

			own := e.register(t, second, name, "mallory")
			e.restart(t)
			begin := time.Now()
			if m := e.ask(t, own, "restarted"); m.Status() != 430 {
				t.Errorf("after a restart: status %d, want 430", m.Status())
			}
			t.Logf("430 for a connection of the lb before its restart after %v", time.Since(begin))
		})
	}
}
