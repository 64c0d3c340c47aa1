package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

func secure(t testing.TB) (transport.ListenerConfig, *tls.Config) {
	cert, pool := certificate(t)
	l := on(transport.TLS)
	l.TLS = secureConfig(cert)
	return l, trusting(pool)
}

// secureConfig asks for less than Listen lets through.
func secureConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}
}

func trusting(pool *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: pool} }

func dialTLS(t testing.TB, e *transport.Endpoint, cfg *tls.Config) *tls.Conn {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: cfg}
	c, err := d.DialContext(t.Context(), "tcp", e.Listener(0).Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*tls.Conn)
}

func TestTLS(t *testing.T) {
	l, client := secure(t)
	h := newEcho()
	e, stop := serve(t, listeners(l), h)
	c := dialTLS(t, e, client)
	for _, n := range []int{0, 1, 5000, 16384, 40_000} {
		msg := message("tls", n)
		_, _ = io.WriteString(c, msg)
		if got := h.next(t); got.data != msg || got.flow.Protocol != transport.TLS {
			t.Fatalf("got %d bytes on %+v, want %d", len(got.data), got.flow, len(msg))
		}
		readN(t, c, msg)
	}
	for _, b := range []byte(message("records of one byte", 3)) {
		_, _ = c.Write([]byte{b})
	}
	readN(t, c, message("records of one byte", 3))
	_, _ = io.WriteString(c, "\r\n\r\n")
	readN(t, c, "\r\n")
	if s := e.Stats()[0]; s.Handshakes != 1 || e.Handshaking() != 0 {
		t.Errorf("%d handshakes made, %d under way", s.Handshakes, e.Handshaking())
	}
	stop()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // and not an unexpected one: the peer said farewell
		t.Errorf("after shutdown: %d, %v", n, err)
	}
}

func TestTLSVersions(t *testing.T) {
	l, client := secure(t)
	e, _ := serve(t, listeners(l), newEcho())
	client.MinVersion, client.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := tls.Dial("tcp", e.Listener(0).Addr.String(), client); err == nil {
		t.Error("TLS 1.1 accepted")
	}
	client.MaxVersion = tls.VersionTLS12
	dialTLS(t, e, client)
}

// A certificate can be changed while connections are open.
func TestTLSCertificateReload(t *testing.T) {
	first, pool := certificate(t)
	second, pool2 := certificate(t)
	now := make(chan tls.Certificate, 2)
	now <- first
	now <- second
	l := on(transport.TLS)
	l.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := <-now
		return &c, nil
	}}
	h := newEcho()
	e, _ := serve(t, listeners(l), h)
	old := dialTLS(t, e, &tls.Config{RootCAs: pool})
	dialTLS(t, e, &tls.Config{RootCAs: pool2})
	_, _ = io.WriteString(old, message("1", 0))
	readN(t, old, message("1", 0))
}

func TestTLSQueueOverflow(t *testing.T) {
	l, client := secure(t)
	cfg := listeners(l)
	cfg.Limits.WriteQueue = 64 << 10
	h := newEcho()
	e, _ := serve(t, cfg, h)
	c := dialTLS(t, e, client)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	big := []byte(message("big", 32<<10))
	var err error
	for sent := 0; err == nil && sent < 64<<20; sent += len(big) {
		err = e.Send(flow, big)
	}
	if !errors.Is(err, transport.ErrQueueFull) {
		t.Errorf("error %v, want ErrQueueFull", err)
	}
	if e.Alive(flow) {
		t.Error("flow alive")
	}
}
