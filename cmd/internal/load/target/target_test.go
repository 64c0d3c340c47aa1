package target

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProcess(t *testing.T) {
	p, err := Start(t.TempDir(), "sh", "-c", "pwd; echo ready; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	err = p.Wait(10*time.Second, func() error {
		if !strings.HasSuffix(p.Output(), "ready") {
			return errors.New("nothing yet")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := p.Wait(time.Millisecond, func() error { return errors.New("never") }); err == nil || !strings.Contains(err.Error(), "never") {
		t.Errorf("a probe that never succeeds: %v", err)
	}
	p.Stop()
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child lives: %v", err)
	}
	if err := p.Wait(time.Second, func() error { return nil }); !errors.Is(err, errEnded) {
		t.Errorf("a child that has ended is ready: %v", err)
	}
	if _, err := Start(t.TempDir(), "/nowhere/at-all"); err == nil {
		t.Error("a program that does not exist is started")
	}
}

func TestTail(t *testing.T) {
	var b tail
	for range 10_000 {
		if n, err := b.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := b.String(); len(got) != 16<<10 || !strings.HasSuffix(got, "0123456789") {
		t.Errorf("%d octets kept", len(got))
	}
}

// TestExample starts the one edge that needs nothing but this module.
func TestExample(t *testing.T) {
	e := Edge{Proxies: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}}
	edge, err := e.Example(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer edge.Stop()
	if err := Answers(edge.Addr); err != nil {
		t.Error(err)
	}
}

func TestProvision(t *testing.T) {
	c := Core{Domain: "load.test", Users: []string{"u0", "u1"}, Password: "not so secret"}
	dir := filepath.Join(t.TempDir(), "data")
	if err := c.provision(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	store, err := openData(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n, err := store.Subscribers().Count(t.Context(), directory.SubscriberFilter{})
	if err != nil || n != 2 {
		t.Errorf("%d subscribers, %v", n, err)
	}
}

// TestTemplates writes both configurations of Kamailio without running it.
func TestTemplates(t *testing.T) {
	if _, err := (settings{}).fill("{{.Nonsense}}"); err == nil {
		t.Error("a template with a field that is not there")
	}
	for name, text := range map[string]string{"edge": edgeConfig, "core": coreConfig} {
		for stream, marks := range map[string]string{"": "disable_tcp=yes", "tcp": "listen=tcp:127.0.0.1:5063", "tls": "enable_tls=yes"} {
			for _, ws := range []bool{false, true} {
				got, err := (settings{Port: 5060, StreamPort: 5063, Workers: 1, Stream: stream, WebSocket: ws}).fill(text)
				if err != nil || strings.Count(got, "{") != strings.Count(got, "}") || strings.Contains(got, "{{") {
					t.Errorf("%s, %q: %v", name, stream, err)
				}
				if name == "edge" && (!strings.Contains(got, marks) || strings.Contains(got, "ws_handle_handshake") != ws) {
					t.Errorf("%s, %q, WebSocket %v:\n%s", name, stream, ws, got)
				}
			}
		}
	}
}

// TestSecondListener: what stands in the configurations for each protocol.
func TestSecondListener(t *testing.T) {
	for p, want := range map[transport.Protocol]string{
		transport.UDP: "", transport.TCP: "protocol: tcp, addr: 127.0.0.1:5003", transport.TLS: "hosts: [edge.test]", transport.WS: "protocol: ws,", transport.WSS: "protocol: wss,",
	} {
		dir := t.TempDir()
		e := Edge{Proxies: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}, Stream: p}
		if err := e.ours(dir, 5000); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(dir + "/lb.yaml")
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: %v\n%s", p, err, text)
		}
		if _, err := tls.LoadX509KeyPair(dir+"/cert.pem", dir+"/key.pem"); (err == nil) != p.Secure() {
			t.Errorf("%v: certificate: %v", p, err)
		}
	}
	for exposed, want := range map[bool]string{false: "{allow: [192.0.2.1/32], rates: {source: 1000000/s burst 1000000, ", true: "{allow: [127.0.0.1/32]}"} {
		if got := (Edge{Exposed: exposed}).guard(); !strings.HasPrefix(got, want) {
			t.Error(got)
		}
	}
	if Descriptors(20_000) != 19_000 || Descriptors(10) != 1 {
		t.Error("descriptors")
	}
}

func TestBuilds(t *testing.T) {
	b := Builds{Dir: t.TempDir()}
	first, err := b.File("examples/stateless-lb")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.File("examples/stateless-lb")
	after, failed := os.Stat(first)
	if err != nil || failed != nil || again != first || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%s, %s, %v, %v", first, again, err, failed)
	}
	if _, err := b.File("cmd/nothing"); err == nil {
		t.Error("a command that does not exist is compiled")
	}
}

func TestBencode(t *testing.T) {
	in := map[string]string{"sdp": "v=0\r\n", "command": "offer", "": ""}
	b := appendBencode(nil, in)
	if want := "d0:0:7:command5:offer3:sdp5:v=0\r\ne"; string(b) != want {
		t.Errorf("%q", b)
	}
	got, err := parseBencode([]byte("d4:listl1:ai7ed1:x1:yee1:ni-4e6:result2:oke"))
	if err != nil || len(got) != 1 || got["result"] != "ok" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "d", "l", "d1:a", "d1:a1:b", "d9:ae", "d-1:e", "d1:ai5", "d1:al", "d1:al1:b"} {
		if got, err := parseBencode([]byte(bad)); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
