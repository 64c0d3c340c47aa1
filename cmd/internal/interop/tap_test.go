//go:build interop

package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// answering answers every request with 200.
func answering(batch []transport.Packet, out *transport.Outbox) {
	var m wire.Message
	for _, p := range batch {
		if m.Parse(p.Data, nil) != nil {
			continue
		}
		if msg, err := wire.AppendResponse(out.Buffer(), &m, 200, "OK", "tag"); err == nil {
			_ = out.Send(p.Flow, msg)
		}
	}
}

// tapped runs an endpoint for every transport behind a tap, sends one request of
// another method over each, waits for the answers, and ends it all.
func tapped(t *testing.T, sinks func([]transport.ListenerInfo) []tap.Sink) {
	t.Helper()
	https := httptest.NewTLSServer(nil) // for its certificate
	https.Close()
	var recorder *tap.Tap
	cfg := transport.Config{Tap: func(d transport.Direction, f transport.Flow, msg []byte, at time.Time) {
		recorder.Message(d, f, msg, at)
	}}
	for _, p := range []transport.Protocol{transport.UDP, transport.TCP, transport.TLS, transport.WS} {
		cfg.Listeners = append(cfg.Listeners, transport.ListenerConfig{Protocol: p, Addr: netip.MustParseAddrPort("127.0.0.1:0"), TLS: https.TLS})
	}
	e, err := transport.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if recorder, err = tap.New(tap.Config{Sinks: sinks(e.Listeners())}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, recorded := make(chan error, 1), make(chan error, 1)
	go func() { served <- e.Serve(ctx, transport.HandlerFunc(answering)) }()
	recording, stop := context.WithCancel(context.Background())
	go func() { recorded <- recorder.Run(recording) }()

	for i, method := range []string{"OPTIONS", "REGISTER", "MESSAGE", "PUBLISH"} {
		l := e.Listener(uint8(i))
		msg := fmt.Sprintf("%s sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"+
			"From: <sip:a@example.org>;tag=1\r\nTo: <sip:b@example.org>\r\nCall-ID: tapped-%d\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			method, l.Protocol, i, i, method)
		if err := ask(t, l, msg); err != nil {
			t.Fatalf("%s: %v", l.Name, err)
		}
	}
	cancel()
	err = <-served
	stop()
	if err := errors.Join(err, <-recorded); err != nil {
		t.Fatal(err)
	}
	if s := recorder.Stats(); s.Recorded != 8 || s.Dropped+s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// ask sends a request and waits for its answer.
func ask(t *testing.T, l transport.ListenerInfo, msg string) error {
	var c net.Conn
	var err error
	switch l.Protocol {
	case transport.TLS:
		c, err = tls.Dial("tcp", l.Addr.String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's certificate
	case transport.WS:
		var ws *websocket.Conn
		ws, _, err = websocket.Dial(t.Context(), "ws://"+l.Addr.String(), &websocket.DialOptions{Subprotocols: []string{"sip"}})
		if err == nil {
			c = websocket.NetConn(t.Context(), ws, websocket.MessageText)
		}
	default:
		c, err = net.Dial(strings.ToLower(l.Protocol.String()), l.Addr.String())
	}
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // the answer is what counts
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, msg); err != nil {
		return err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 200 ") {
		return fmt.Errorf("answer %q, %w", b[:n], err)
	}
	return nil
}

// everything is what tapped makes pass.
var everything = []string{
	"OPTIONS tapped-0", "200 tapped-0", "REGISTER tapped-1", "200 tapped-1",
	"MESSAGE tapped-2", "200 tapped-2", "PUBLISH tapped-3", "200 tapped-3",
}

// dissected reads a file and returns method or status and Call-ID of all SIP
// messages in it, sorted.
func dissected(t *testing.T, file string) []string {
	t.Helper()
	args := []string{"-r", file, "-Y", "sip", "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sip.Call-ID"}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	slices.Sort(all)
	return all
}

// A foreign dissector finds SIP in the file, over whatever transport it came,
// and nothing to complain about.
func TestTapFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tap.pcapng")
	tapped(t, func(l []transport.ListenerInfo) []tap.Sink {
		f, err := tap.NewFile(tap.FileConfig{Path: file, Listeners: l})
		if err != nil {
			t.Fatal(err)
		}
		return []tap.Sink{f}
	})
	if got, want := dissected(t, file), slices.Sorted(slices.Values(everything)); !slices.Equal(got, want) {
		t.Errorf("messages %q, want %q", got, want)
	}
	out, err := exec.Command("tshark", "-r", file, "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000",
		"-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("tshark complains: %v\n%s", err, out)
	}
}

// A foreign collector, sngrep, takes the packets and finds the calls in them.
func TestTapCollector(t *testing.T) {
	dir, port := t.TempDir(), freePorts(t, 1)
	t.Setenv("TERM", "xterm")
	p := start(t, dir, "sngrep", "-N", "-L", fmt.Sprintf("udp:127.0.0.1:%d", port), "-I", empty(t, dir))
	p.bound(t, port)
	tapped(t, func([]transport.ListenerInfo) []tap.Sink {
		h, err := tap.NewHEP(tap.HEPConfig{
			Collector: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", port)), CaptureID: 7, Key: "key", Node: "edge",
		})
		if err != nil {
			t.Fatal(err)
		}
		return []tap.Sink{h}
	})
	time.Sleep(2 * time.Second) // it counts once a second
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	_ = p.wait(5 * time.Second)
	counts := strings.Split(p.output(), "Dialog count: ")
	if last := strings.TrimSpace(counts[len(counts)-1]); last != "4" {
		t.Errorf("calls collected: %q", counts)
	}
}

// empty makes a capture without packets, so that nothing is read from the
// network.
func empty(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "empty.pcap")
	header := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0}
	if err := os.WriteFile(file, header, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
