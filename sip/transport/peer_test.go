package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/netip"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/class5-go/class5/sip/transport"
)

// identity makes a certificate with URIs and names, and the pool that trusts it.
func identity(t testing.TB, uris []string, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "cn.example"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, u := range uris {
		parsed, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.URIs = append(tmpl.URIs, parsed)
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

// Whom a certificate may speak for (RFC 5922 section 7): asked by dialling a
// server that has it.
func TestDialIdentity(t *testing.T) {
	for _, tc := range []struct {
		name    string
		uris    []string
		names   []string
		domains []string
		ask     string
		ok      bool
	}{
		{"URI", []string{"sip:Example.com"}, nil, []string{"example.com"}, "example.com", true},
		{"URI before name", []string{"sip:example.com"}, []string{"other.example"}, []string{"example.com"}, "other.example", false},
		{"URI with user", []string{"sip:alice@example.com"}, []string{"example.net"}, []string{"example.net"}, "example.com", false},
		{"sips URI", []string{"sips:example.com"}, nil, nil, "example.com", false},
		{"other URI", []string{"https://example.com/"}, []string{"example.net"}, []string{"example.net"}, "EXAMPLE.net", true},
		{"name", nil, []string{"example.com"}, []string{"example.com"}, "example.com.", true},
		{"wildcard", nil, []string{"*.example.com"}, []string{"*.example.com"}, "a.example.com", false},
		{"common name", nil, nil, []string{"cn.example"}, "cn.example", true},
		{"common name beside a name", nil, []string{"example.com"}, []string{"example.com"}, "cn.example", false},
		{"subdomain", nil, []string{"example.com"}, []string{"example.com"}, "sip.example.com", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cert, pool := identity(t, tc.uris, tc.names...)
			if got := transport.Domains(cert.Leaf); !slices.Equal(got, tc.domains) {
				t.Errorf("domains %q, want %q", got, tc.domains)
			}
			server := on(transport.TLS)
			server.TLS = secureConfig(cert)
			s, _ := serve(t, listeners(server), newEcho())
			l := on(transport.UDP)
			l.DialTLS = trusting(pool)
			e, _ := serve(t, listeners(l), newEcho())
			serving(t, e)
			flow, err := e.Dial(t.Context(), 0, transport.TLS, s.Listener(0).Addr, transport.ServerName(tc.ask))
			if (err == nil) != tc.ok {
				t.Fatalf("dialled %s: %v", tc.ask, err)
			}
			if info, alive := e.Peer(flow); tc.ok && (!alive || !info.Verified || !slices.Equal(info.Domains, tc.domains)) {
				t.Errorf("peer %+v, %v", info, alive)
			}
		})
	}
}

func TestClientCertificates(t *testing.T) {
	own, pool := identity(t, []string{"sip:peer.example"})
	foreign, _ := identity(t, nil, "peer.example")
	for _, tc := range []struct {
		auth     transport.ClientAuth
		show     []tls.Certificate
		ok       bool
		verified bool
	}{
		{transport.ClientAuthNone, []tls.Certificate{own}, true, false},
		{transport.ClientAuthRequest, nil, true, false},
		{transport.ClientAuthRequest, []tls.Certificate{own}, true, true},
		{transport.ClientAuthRequest, []tls.Certificate{foreign}, false, false},
		{transport.ClientAuthRequire, nil, false, false},
		{transport.ClientAuthRequire, []tls.Certificate{own}, true, true},
	} {
		l, client := secure(t)
		l.ClientAuth, l.ClientCAs = tc.auth, pool
		h := newEcho()
		e, _ := serve(t, listeners(l), h)
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &append(tc.show, tls.Certificate{})[0], nil
		}
		c := dialTLS(t, e, client) // of TLS 1.3: the refusal comes behind the handshake
		_, _ = io.WriteString(c, message("1", 0))
		if !tc.ok {
			closed(t, c)
			continue
		}
		info, alive := e.Peer(h.next(t).flow)
		if !alive || info.Verified != tc.verified || tc.verified != slices.Equal(info.Domains, []string{"peer.example"}) ||
			info.Version != tls.VersionTLS13 {
			t.Errorf("%s: %+v, %v", tc.auth, info, alive)
		}
	}
}

func closed(t testing.TB, c io.Reader) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes, want an error", n)
	}
}

// A connection that a verified peer opened carries our requests to it, and no
// other connection does.
func TestAlias(t *testing.T) {
	cert, pool := identity(t, []string{"sip:peer.example"})
	l, client := secure(t)
	l.ClientAuth, l.ClientCAs = transport.ClientAuthRequest, pool
	h := newEcho()
	e, _ := serve(t, listeners(l), h)
	const port = 1 // nobody listens there
	to := netip.AddrPortFrom(loopback, port)
	dial := func(domain string) (transport.Flow, error) {
		return e.Dial(t.Context(), 0, transport.TLS, to, transport.ServerName(domain))
	}
	anonymous := dialTLS(t, e, client)
	_, _ = io.WriteString(anonymous, message("1", 0))
	if err := e.Alias(h.next(t).flow, port); !errors.Is(err, transport.ErrNotVerified) {
		t.Errorf("anonymous peer: %v", err)
	}
	client.Certificates = []tls.Certificate{cert}
	c := dialTLS(t, e, client)
	_, _ = io.WriteString(c, message("1", 0))
	flow := h.next(t).flow
	if _, err := dial("peer.example"); err == nil {
		t.Error("used before it was announced")
	}
	if err := e.Alias(flow, port); err != nil {
		t.Fatal(err)
	}
	if got, err := dial("Peer.example"); err != nil || got != flow {
		t.Errorf("dialled %+v, %v", got, err)
	}
	if _, err := dial("other.example"); err == nil {
		t.Error("used for another domain")
	}
	_ = c.Close()
	eventually(t, "closed", func() bool { return !e.Alive(flow) })
	if err := e.Alias(flow, port); !errors.Is(err, transport.ErrFlowGone) {
		t.Errorf("closed connection: %v", err)
	}
	if _, err := dial("peer.example"); err == nil {
		t.Error("used after it was closed")
	}
}
