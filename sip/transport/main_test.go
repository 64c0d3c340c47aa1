package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; none takes long when all is well.
const patience = 10 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

// on returns a listener on a free port of 127.0.0.1.
func on(p transport.Protocol) transport.ListenerConfig {
	return transport.ListenerConfig{Protocol: p, Addr: netip.AddrPortFrom(loopback, 0)}
}

// received is a copy of a packet, which itself is only lent.
type received struct {
	data string
	flow transport.Flow
	at   time.Time
}

// echo answers every message with itself and passes on what it saw.
type echo chan received

func (h echo) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	for _, p := range batch {
		h <- received{string(p.Data), p.Flow, p.At}
		_ = out.Send(p.Flow, p.Data)
	}
}

func (h echo) next(t testing.TB) received {
	t.Helper()
	select {
	case r := <-h:
		return r
	case <-time.After(patience):
		t.Fatal("no message")
		return received{}
	}
}

func newEcho() echo { return make(echo, 4096) }

// serve runs an endpoint until the test ends, or until stop is called.
func serve(t testing.TB, cfg transport.Config, h transport.Handler) (e *transport.Endpoint, stop func()) {
	t.Helper()
	e, err := transport.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, h) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("Serve did not return")
		}
	}
	t.Cleanup(stop)
	return e, stop
}

func listeners(l ...transport.ListenerConfig) transport.Config {
	return transport.Config{Listeners: l}
}

// dialTCP connects as a client would.
func dialTCP(t testing.TB, e *transport.Endpoint, listener uint8) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", e.Listener(listener).Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// message makes a SIP request whose body is n bytes long.
func message(id string, n int) string {
	return fmt.Sprintf("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK%s\r\nCall-ID: %s\r\nContent-Length: %d\r\n\r\n%s",
		id, id, n, strings.Repeat("x", n))
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// certificate makes a throw-away certificate for names and 127.0.0.1, and the
// pool that trusts it.
func certificate(t testing.TB, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
