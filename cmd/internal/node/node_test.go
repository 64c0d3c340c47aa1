package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCertificate(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	file := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) string {
		b, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	made, err := Certificate(dir, []string{"example.com", "192.0.2.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"example.com", "192.0.2.1"} {
		if err := made.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(file("key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", info.Mode(), err)
	}
	again, err := Certificate(dir, []string{"other.example"}, now)
	if err != nil || !bytes.Equal(again.Certificate[0], made.Certificate[0]) {
		t.Errorf("the second start has another certificate: %v", err)
	}
	// A start that ended between the two files, or an operator's own key.
	key := read("key.pem")
	if err := os.Remove(file("cert.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := Certificate(dir, []string{"example.com"}, now); err != nil || read("key.pem") != key {
		t.Errorf("the key was replaced: %v", err)
	}
	for _, damaged := range []string{"key.pem", "cert.pem"} {
		if err := os.WriteFile(file(damaged), []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Certificate(dir, []string{"example.com"}, now); !errors.Is(err, ErrConfig) {
			t.Errorf("damaged %s: %v", damaged, err)
		}
	}
}

// TestSelfSignedIsSaid: an edge whose clients get a certificate that nobody has
// configured says so, with its fingerprint.
func TestSelfSignedIsSaid(t *testing.T) {
	var b bytes.Buffer
	log, dir := slog.New(slog.NewTextHandler(&b, nil)), t.TempDir()
	c := LBConfig{Hosts: []string{"example.com"}, Listeners: []ListenerConfig{{Protocol: "udp"}}}
	certs, err := c.LoadCertificates(dir, time.Now())
	if c.TellSelfSigned(certs, log); err != nil || b.Len() > 0 {
		t.Errorf("without TLS: %v, %s", err, b.String())
	}
	for range 2 { // the second start takes what the first made
		b.Reset()
		c.Listeners[0].Protocol = "wss"
		certs, err := c.LoadCertificates(dir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c.TellSelfSigned(certs, log)
		cert, err := certs.GetCertificate(&tls.ClientHelloInfo{ServerName: "example.com"})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(cert.Certificate[0])
		if got := b.String(); strings.Count(got, "level=WARN") != 1 || strings.Count(got, ":") < 31 || !strings.Contains(strings.ReplaceAll(got, ":", ""), fmt.Sprintf("sha256=%X", sum)) {
			t.Errorf("logged %s", got)
		}
	}
}

func TestSecretFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		ok         bool
	}{
		{"good", "0123456789abcdef\n", 0o600, true},
		{"short", "0123456789\n", 0o600, false},
		{"of the group", "0123456789abcdef\n", 0o640, false},
		{"of the world", "0123456789abcdef\n", 0o604, false},
	} {
		name := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(name, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		s, err := secretFile("token", name)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrConfig) || c.ok && s != "0123456789abcdef" {
			t.Errorf("%s: %q %v", c.name, s, err)
		}
		if err != nil && strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: the secret is in the error: %v", c.name, err)
		}
	}
	for _, name := range []string{"", filepath.Join(t.TempDir(), "none")} {
		if _, err := secretFile("token", name); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestResolver(t *testing.T) {
	self := netip.MustParseAddrPort("127.0.0.1:5064")
	streams, err := relay.NewStreams(relay.StreamsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	e := &edges{
		list:  []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5060")},
		plain: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.2:5070")},
		app:   netip.MustParseAddrPort("127.0.0.1:5066"), self: self, streams: streams,
	}
	resolve := e.resolve
	for uri, ok := range map[string]bool{
		"sip:192.0.2.1":                    true,
		"sip:token@192.0.2.1:5060;lr":      true,
		"sip:192.0.2.2:5070":               true,
		"sip:announce@127.0.0.1:5066":      true,
		"sip:192.0.2.1:5061":               false,
		"sip:192.0.2.2":                    false,
		"sip:192.0.2.9":                    false,
		"sip:192.0.2.1;maddr=192.0.2.9":    false,
		"sip:192.0.2.1;transport=tcp":      true, // over UDP while there is no connection
		"sip:192.0.2.2:5070;transport=tcp": false,
		"sip:127.0.0.1:5066;transport=tcp": false,
		"sip:192.0.2.1;transport=sctp":     false,
		"sips:192.0.2.1":                   false,
		"sip:127.0.0.1:5064":               false, // ourselves
		"sip:edge.example.com":             false,
		"sip:169.254.169.254:80;lr;ob":     false,
		"sip:[::ffff:192.0.2.1]:5060;lr;":  false,
	} {
		u, err := wire.ParseURI([]byte(uri))
		if err != nil {
			continue
		}
		f, err := resolve(u)
		if (err == nil) != ok {
			t.Errorf("%s: %v %v", uri, f.Remote, err)
		}
		if err == nil && (f.Protocol != transport.UDP || f.Local != self) {
			t.Errorf("%s: flow %+v", uri, f)
		}
	}
}

func TestClientOf(t *testing.T) {
	edge := netip.MustParseAddrPort("192.0.2.1:5060")
	for via, want := range map[string]string{
		"":                                   "192.0.2.1:5060",
		"SIP/2.0/UDP 10.0.0.1:5070;branch=z": "10.0.0.1:5070",
		"SIP/2.0/UDP 10.0.0.1;branch=z;received=198.51.100.7;rport=4000":   "198.51.100.7:4000",
		"SIP/2.0/UDP 10.0.0.1:5071;branch=z;received=198.51.100.7;rport":   "198.51.100.7:5071",
		"SIP/2.0/UDP phone.invalid;branch=z;received=198.51.100.7":         "198.51.100.7:0",
		"SIP/2.0/UDP phone.invalid;branch=z":                               "192.0.2.1:5060",
		"SIP/2.0/TCP [2001:db8::1]:5072;branch=z;received=[2001:db8::2]":   "[2001:db8::2]:5072",
		"SIP/2.0/UDP 10.0.0.1;branch=z;received=not-an-address;rport=4000": "192.0.2.1:5060",
	} {
		text := "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		if via != "" {
			text += "Via: " + via + "\r\n"
		}
		var m wire.Message
		if err := m.Parse([]byte(text+"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\n\r\n"), nil); err != nil {
			if !strings.Contains(via, "not-an-address") {
				t.Errorf("%s: %v", via, err)
			}
			continue
		}
		if got := clientOf(&m, edge).String(); got != want {
			t.Errorf("%q: %s, want %s", via, got, want)
		}
	}
}

// options of a carrier on loopback, with ports that were free a moment ago.
func options(t *testing.T, dir string) CarrierOptions {
	t.Helper()
	port := freePorts(t, 9)
	return CarrierOptions{
		Data: dir, Demo: true, Listen: netip.MustParseAddr("127.0.0.1"), Advertise: netip.MustParseAddr("127.0.0.1"),
		SIPPort: port, TLSPort: port + 1, WSPort: port + 2, InternalPort: port + 4,
		RTPMin: 42000, RTPMax: 42100, Web: "127.0.0.1:0", Admin: "127.0.0.1:0", LogLevel: "error",
	}
}

// freePorts finds consecutive ones. UDP and TCP are asked for all of them.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for first := 20000; first < 30000; first += n + 1 {
		if free(first, n) {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

func free(first, n int) bool {
	for p := first; p < first+n; p++ {
		addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(p))
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return false
		}
		_ = u.Close()
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

func TestCarrierOptions(t *testing.T) {
	for name, change := range map[string]func(*CarrierOptions){
		"sip-port":      func(o *CarrierOptions) { o.SIPPort = 0 },
		"tls-port":      func(o *CarrierOptions) { o.TLSPort = 70000 },
		"ws-port":       func(o *CarrierOptions) { o.WSPort = 65535 },
		"internal-port": func(o *CarrierOptions) { o.InternalPort = -1 },
		"rtp-min":       func(o *CarrierOptions) { o.RTPMin = -5 },
		"rtp-max":       func(o *CarrierOptions) { o.RTPMax = o.RTPMin },
		"data":          func(o *CarrierOptions) { o.Data = "" },
	} {
		o := CarrierOptions{Data: "x", SIPPort: 5060, TLSPort: 5061, WSPort: 5080, InternalPort: 5062, RTPMin: 30000, RTPMax: 40000, Advertise: netip.IPv6Loopback()}
		change(&o)
		if err := o.check(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "--"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCarrier: a start, an end, and a second start on the same data.
func TestCarrier(t *testing.T) {
	dir := t.TempDir()
	var shown [2]bytes.Buffer
	for i := range shown {
		c, err := NewCarrier(t.Context(), options(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		c.Announce(&shown[i])
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("start %d ended with %v", i, err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("it does not end")
		}
	}
	if n := strings.Count(shown[0].String(), "subscriber "); n != 2 {
		t.Errorf("the first start shows %d subscribers:\n%s", n, shown[0].String())
	}
	if strings.Contains(shown[1].String(), "password") {
		t.Errorf("the second start shows\n%s", shown[1].String())
	}
}

// TestCarrierNotStarted: what was opened before a failure is closed again.
func TestCarrierNotStarted(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	taken, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Listen, uint16(o.TLSPort))))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCarrier(t.Context(), o); !errors.Is(err, ErrConfig) {
		t.Fatalf("error %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := NewCarrier(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
