package transport_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/class5-go/class5/sip/transport"
)

// writePair puts a certificate for names into files.
func writePair(t testing.TB, dir, file string, names ...string) transport.KeyPair {
	t.Helper()
	cert, _ := certificate(t, names...)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	p := transport.KeyPair{Certificate: filepath.Join(dir, file+".pem"), Key: filepath.Join(dir, file+".key")}
	for path, block := range map[string]*pem.Block{
		p.Certificate: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, p.Key: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// shown connects with a name and returns the first name of the certificate.
func shown(t testing.TB, e *transport.Endpoint, name string) (string, *tls.Conn) {
	t.Helper()
	c := dialTLS(t, e, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	return c.ConnectionState().PeerCertificates[0].DNSNames[0], c
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	pairs := []transport.KeyPair{
		writePair(t, dir, "first", "default.example", "sip.Example.org"),
		writePair(t, dir, "wild", "*.example.net"),
		writePair(t, dir, "exact", "edge.example.net"),
	}
	certs, err := transport.LoadCertificates(pairs...)
	if err != nil {
		t.Fatal(err)
	}
	l := on(transport.TLS)
	l.TLS = &tls.Config{GetCertificate: certs.GetCertificate}
	e, _ := serve(t, listeners(l), newEcho())
	for name, want := range map[string]string{
		"": "default.example", "elsewhere.example": "default.example", "SIP.example.ORG": "default.example",
		"a.example.net": "*.example.net", "edge.example.net": "edge.example.net", "a.b.example.net": "default.example",
	} {
		if got, _ := shown(t, e, name); got != want {
			t.Errorf("name %q: certificate of %q, want %q", name, got, want)
		}
	}

	_, old := shown(t, e, "edge.example.net")
	writePair(t, dir, "exact", "edge.example.net", "second generation")
	if err := os.WriteFile(pairs[1].Key, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := certs.Reload(); err == nil {
		t.Error("a file without a key was loaded")
	}
	if _, c := shown(t, e, "edge.example.net"); len(c.ConnectionState().PeerCertificates[0].DNSNames) != 1 {
		t.Error("half a set was loaded")
	}
	writePair(t, dir, "wild", "*.example.net")
	if err := certs.Reload(); err != nil {
		t.Error(err)
	}
	if _, c := shown(t, e, "edge.example.net"); len(c.ConnectionState().PeerCertificates[0].DNSNames) != 2 {
		t.Error("not reloaded")
	}
	if err := certs.Load(); err == nil {
		t.Error("an empty set was loaded")
	}
	_, _ = io.WriteString(old, message("1", 0))
	readN(t, old, message("1", 0))
}
