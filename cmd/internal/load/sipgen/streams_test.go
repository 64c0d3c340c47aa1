package sipgen

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/load/meter"
	"github.com/class5-go/class5/sip/transport"
)

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestStreams: every protocol, every connection used, from several addresses,
// and nothing lost, in both loops.
func TestStreams(t *testing.T) {
	for _, p := range []transport.Protocol{transport.TCP, transport.TLS, transport.WS, transport.WSS} {
		for loop, rate := range map[string]float64{"closed": 0, "open": 5000} {
			t.Run(p.String()+" "+loop, func(t *testing.T) {
				run, proxies, addrs, err := Proxies(4, func(ends []Server) (*Run, error) {
					return New(t.Context(), Config{
						Lanes: 2, Window: 8, Rate: rate, Measure: 20 * time.Second, Count: 200, Op: NewRelay, Ends: ends, Timeout: 10 * time.Second,
						Streams: &Streams{Protocol: p, Conns: 40, PerSource: 7},
						Usage:   func() (meter.Usage, error) { return meter.Usage{}, nil },
					})
				})
				if err != nil {
					t.Fatal(err)
				}
				addr, stop := streamEdge(t, p, addrs)
				defer stop()
				run.SetTarget(addr)
				got, err := run.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got.Done != 240 || got.Measured != 200 || got.Opened != 40 || got.Failed+got.Lost != 0 {
					t.Errorf("%d done, %d measured, %d opened, %d failed, %d lost: %v", got.Done, got.Measured, got.Opened, got.Failed, got.Lost, got.Reasons)
				}
				for _, f := range proxies {
					if len(f.Figures().Faults) > 0 {
						t.Error(f.Figures().Faults)
					}
				}
			})
		}
	}
}

// TestHold: connections stay open until they are let go, with clients that the
// proxies do not know.
func TestHold(t *testing.T) {
	proxies, addrs, end, err := ServeProxies(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := streamEdge(t, transport.TCP, addrs)
	defer stop()
	run, err := New(t.Context(), Config{Target: addr, Window: 4, Op: NewRelay, Timeout: 10 * time.Second, Streams: &Streams{Protocol: transport.TCP, Conns: 10}})
	if err != nil {
		t.Fatal(err)
	}
	held := uint64(0)
	run.SetHold(func(_ context.Context, r Result) error { held = r.Done; return nil })
	if _, err := run.Run(t.Context()); err != nil || held != 10 {
		t.Errorf("%d held, %v", held, err)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if n := proxies[0].Figures().Requests + proxies[1].Figures().Requests; n != 10 {
		t.Errorf("%d requests, %v, %v", n, proxies[0].Figures().Faults, proxies[1].Figures().Faults)
	}
}

// TestHealthCheck: a proxy answers what the edge itself asks, and holds an
// OPTIONS of anybody else against the edge.
func TestHealthCheck(t *testing.T) {
	proxies, addrs, end, err := ServeProxies(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const head, tail = "OPTIONS sip:p SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:1;rport;branch=z9hG4bKa\r\n",
		"Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:p>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, msg := range []string{head + "Via: SIP/2.0/UDP 10.0.0.1:1;branch=z9hG4bKb\r\n" + tail, head + tail} {
		if _, err := c.Write([]byte(msg)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 2048)
	n, err := c.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 200 ") || strings.Count(string(b[:n]), "Via: ") != 1 {
		t.Errorf("%v:\n%s", err, b[:n])
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if f := proxies[0].Figures(); f.Requests != 0 || len(f.Faults) != 1 {
		t.Errorf("%d requests, %v", f.Requests, f.Faults)
	}
}

// TestNobodyListens: connections that cannot be made are an error, and so is a
// configuration that makes no sense.
func TestNobodyListens(t *testing.T) {
	run, err := New(t.Context(), Config{Target: netip.MustParseAddrPort("127.0.0.1:9"), Window: 1, Op: NewRelay, Streams: &Streams{Protocol: transport.TCP, Conns: 3}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "connection 1 or later") {
		t.Error(err)
	}
	for _, bad := range []Streams{{Protocol: transport.UDP, Conns: 1}, {Protocol: transport.TCP}, {Protocol: transport.TCP, Conns: maxSlots + 1}} {
		if _, err := New(t.Context(), Config{Window: 1, Streams: &bad}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// pipe is a stream of which every read gives little, and then a pause.
type pipe struct {
	in  []byte
	out bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p *pipe) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b[:min(3, len(b))], p.in)
	p.in = p.in[n:]
	return n, nil
}

func TestWebSocket(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:80")
	p := &pipe{in: []byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")}
	w, err := upgrade(p, at)
	if err != nil || !strings.Contains(p.out.String(), "Sec-WebSocket-Protocol: sip\r\n") {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	frame := "\x81\x7e\x01\x2c" + long
	p.in = []byte("\x89\x02hi\x81\x02ok" + frame + "\x88\x00")
	room := make([]byte, 1000)
	for _, want := range []string{"ok", long} {
		if n, err := w.Read(room); err != nil || string(room[:n]) != want {
			t.Errorf("%q, %v", room[:n], err)
		}
	}
	if _, err := w.Read(room); !errors.Is(err, io.EOF) {
		t.Errorf("after close: %v", err)
	}
	p.out.Reset()
	for _, msg := range []string{"short", long} {
		if n, err := w.Write([]byte(msg)); n != len(msg) || err != nil {
			t.Error(n, err)
		}
	}
	if got := p.out.Len(); got != 2+4+5+4+4+300 {
		t.Errorf("%d octets written", got)
	}
	p.in = []byte(frame)
	if _, err := (&webSocket{inner: p}).Read(room[:10]); !errors.Is(err, io.ErrShortBuffer) {
		t.Error(err)
	}
	if _, err := upgrade(&pipe{in: []byte("HTTP/1.1 403 Forbidden\r\n\r\n")}, at); !errors.Is(err, errWebSocket) {
		t.Error(err)
	}
	for _, part := range []string{"", "\x81", "\x81\x7e\x01", "\x81\x7f\x00\x00", "\x81\x05abcd", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xffx"} {
		if _, _, _, whole := parseFrame([]byte(part)); whole {
			t.Errorf("%q is a frame", part)
		}
	}
}
