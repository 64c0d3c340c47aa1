//go:build interop

package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/class5-go/class5/sip/wire"
)

// TestHAProxy: HAProxy passes connections on and says with PROXY protocol v2
// where they come from. The proxy behind the edge sees the client's address, the
// answers find their way, and who is not listed can't claim to be somebody else.
func TestHAProxy(t *testing.T) {
	p := freePorts(t, 2)
	front, behind := p, p+1
	e := newEdge(t, fmt.Sprintf("    - {name: haproxy, protocol: tcp, addr: 127.0.0.1:%d, proxy_protocol: [127.0.0.77/32]}", behind))
	dir := t.TempDir()
	cfg := fmt.Sprintf("global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"+
		"frontend sip\n  bind 127.0.0.1:%d\n  default_backend edge\nbackend edge\n  source 127.0.0.77\n  server lb 127.0.0.1:%d send-proxy-v2\n", front, behind)
	if err := os.WriteFile(filepath.Join(dir, "haproxy.cfg"), []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, "haproxy", "-f", "haproxy.cfg", "-db")
	client := func(from string, port int) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
		var c net.Conn
		eventually(t, patience, func() (err error) {
			c, err = d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			return err
		})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := client("127.5.5.5", front)
	path := e.register(t, streamClient{c}, "TCP", "alice")
	e.send(t, e.invite(path, "through-haproxy"))
	if got := (streamClient{c}).read(t); !strings.HasPrefix(got, "OPTIONS ") {
		t.Errorf("a request for the client: %q", got)
	}
	_, err := fmt.Fprintf(c, "OPTIONS sip:bob@class5.test SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:a@class5.test>;tag=1\r\n"+
		"To: <sip:bob@class5.test>\r\nCall-ID: seen\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	if out := fetch(t, fmt.Sprintf("http://127.0.0.1:%d/lb/flows", e.adm)); !strings.Contains(out, c.LocalAddr().String()) {
		t.Errorf("the flows do not show %v:\n%s", c.LocalAddr(), out)
	}

	// The same words from an address that is not listed.
	liar := client("127.5.5.6", behind)
	head := proxyproto.HeaderProxyFromAddrs(2, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5060}, liar.RemoteAddr())
	b, err := head.Format()
	if err != nil {
		t.Fatal(err)
	}
	once := rand.Text()
	b = fmt.Appendf(b, "REGISTER sip:class5.test SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:liar@class5.test>;tag=1\r\n"+
		"To: <sip:liar@class5.test>\r\nCall-ID: %s\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n", once, once)
	if _, err := liar.Write(b); err != nil {
		t.Fatal(err)
	}
	seen := false
	deadline := time.After(time.Second)
	for {
		select {
		case got := <-e.requests:
			if bytes.Contains(got, []byte(once)) {
				t.Fatalf("believed:\n%s", got)
			}
			m := new(wire.Message)
			if err := m.Parse(got, nil); err != nil {
				t.Fatal(err)
			}
			edge, _ := m.First(wire.HdrPEdge)
			if m.Method() == wire.OPTIONS {
				seen = true
				if want := "src=" + c.LocalAddr().String() + ";"; !bytes.Contains(edge.Value, []byte(want)) {
					t.Errorf("P-Edge %q, want %q in it", edge.Value, want)
				}
			}
			continue
		case <-deadline:
		}
		break
	}
	if !seen {
		t.Error("the request by way of HAProxy did not come")
	}
}
