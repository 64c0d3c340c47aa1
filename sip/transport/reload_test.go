package transport_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// TestSetAuthorities: handshakes go by the new authorities at once, those that
// resume a session too; what is open stays open.
func TestSetAuthorities(t *testing.T) {
	old, oldPool := identity(t, []string{"sip:old.example"})
	fresh, freshPool := identity(t, []string{"sip:new.example"})
	l, client := secure(t)
	l.ClientAuth, l.ClientCAs = transport.ClientAuthRequire, oldPool
	h := newEcho()
	e, _ := serve(t, listeners(l), h)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	showing := func(cert tls.Certificate) *tls.Config {
		c := client.Clone()
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return c
	}
	first := dialTLS(t, e, showing(old))
	_, _ = io.WriteString(first, message("1", 0))
	readN(t, first, message("1", 0)) // the session ticket is here by now
	h.next(t)
	again := dialTLS(t, e, showing(old))
	_, _ = io.WriteString(again, message("2", 0))
	if readN(t, again, message("2", 0)); !again.ConnectionState().DidResume {
		t.Fatal("sessions are not resumed: the test shows nothing")
	}
	h.next(t)

	if err := e.SetAuthorities(0, freshPool, nil); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(first, message("3", 0))
	readN(t, first, message("3", 0))
	h.next(t)
	for range 2 {
		c := dialTLSOrNot(t, e, showing(old))
		if c == nil {
			continue
		}
		_, _ = io.WriteString(c, message("4", 0))
		closed(t, c)
	}
	client.ClientSessionCache = nil
	c := dialTLS(t, e, showing(fresh))
	_, _ = io.WriteString(c, message("5", 0))
	if info, alive := e.Peer(h.next(t).flow); !alive || !info.Verified || info.Domains[0] != "new.example" {
		t.Errorf("%+v, %v", info, alive)
	}
	if err := e.SetAuthorities(7, freshPool, nil); !errors.Is(err, transport.ErrNoListener) {
		t.Errorf("listener 7: %v", err)
	}
}

// dialTLSOrNot is nil where the handshake itself is refused.
func dialTLSOrNot(t *testing.T, e *transport.Endpoint, cfg *tls.Config) *tls.Conn {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: cfg}
	c, err := d.DialContext(t.Context(), "tcp", e.Listener(0).Addr.String())
	if err != nil {
		return nil
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*tls.Conn)
}

// TestSetAuthoritiesNotAsked: a listener that asks nobody has none to change.
func TestSetAuthoritiesNotAsked(t *testing.T) {
	l, _ := secure(t)
	_, pool := identity(t, nil, "x.example")
	e, _ := serve(t, listeners(l, on(transport.TCP)), newEcho())
	for i := range uint8(2) {
		if err := e.SetAuthorities(i, pool, nil); err == nil {
			t.Errorf("listener %d", i)
		}
	}
}

// TestSetLimits: a limit holds from when it is set; connections above it stay.
func TestSetLimits(t *testing.T) {
	h := newEcho()
	e, _ := serve(t, listeners(on(transport.TCP)), h)
	open := func() net.Conn {
		c := dialTCP(t, e, 0)
		_, _ = io.WriteString(c, message("x", 0))
		return c
	}
	a, b := open(), open()
	for _, c := range []net.Conn{a, b} {
		h.next(t)
		readN(t, c, message("x", 0))
	}
	e.SetLimits(transport.Limits{Connections: 2})
	// One too many is closed at once, at times before the client knows that it is
	// connected.
	if c, err := net.Dial("tcp", e.Listener(0).Addr.String()); err == nil {
		_ = c.SetDeadline(time.Now().Add(patience))
		closed(t, c)
	}
	_, _ = io.WriteString(a, message("still here", 0))
	readN(t, a, message("still here", 0))
	h.next(t)
	e.SetLimits(transport.Limits{Connections: 3})
	readN(t, open(), message("x", 0))
}
