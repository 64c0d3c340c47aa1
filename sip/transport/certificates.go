package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// KeyPair names the PEM files of a certificate, its chain behind it, and of its
// private key.
type KeyPair struct {
	// Certificate and Key are paths; they may be the same file.
	Certificate, Key string
}

// Certificates is a set of certificates that can be exchanged while connections
// are open: those keep the one they were made with. Its GetCertificate goes
// into a tls.Config; several listeners may share one set.
type Certificates struct {
	mu    sync.Mutex // of Load and Reload
	pairs []KeyPair
	set   atomic.Pointer[certificateSet]
}

// certificateSet is one generation; it does not change.
type certificateSet struct {
	all    []tls.Certificate
	byName map[string][]*tls.Certificate // lower case, "*." first label of a wildcard
}

// LoadCertificates reads a set from files. The first pair is shown to clients
// that name no server, or one that none of the certificates is for.
func LoadCertificates(pairs ...KeyPair) (*Certificates, error) {
	c := &Certificates{}
	if err := c.Load(pairs...); err != nil {
		return nil, err
	}
	return c, nil
}

// NewCertificates makes a set of certificates that do not come from files. It
// panics when there is none, or one that holds no certificate.
func NewCertificates(certs ...tls.Certificate) *Certificates {
	set, err := newCertificateSet(slices.Clone(certs))
	if err != nil {
		panic(err)
	}
	c := &Certificates{}
	c.set.Store(set)
	return c
}

// Load replaces the set by what the files hold. If any of them can't be used
// the set stays as it was and the error says why.
func (c *Certificates) Load(pairs ...KeyPair) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load(slices.Clone(pairs))
}

// Reload reads the same files again, under the same promise as Load.
func (c *Certificates) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load(c.pairs)
}

func (c *Certificates) load(pairs []KeyPair) error {
	certs := make([]tls.Certificate, len(pairs))
	for i, p := range pairs {
		cert, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return fmt.Errorf("transport: certificate %s: %w", p.Certificate, err)
		}
		certs[i] = cert
	}
	set, err := newCertificateSet(certs)
	if err != nil {
		return err
	}
	c.pairs = pairs
	c.set.Store(set)
	return nil
}

func newCertificateSet(certs []tls.Certificate) (*certificateSet, error) {
	if len(certs) == 0 {
		return nil, errors.New("transport: no certificates")
	}
	s := &certificateSet{all: certs, byName: make(map[string][]*tls.Certificate)}
	for i := range certs {
		leaf, err := leafOf(&certs[i])
		if err != nil {
			return nil, fmt.Errorf("transport: certificate %d: %w", i+1, err)
		}
		certs[i].Leaf = leaf
		for _, name := range leaf.DNSNames {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			s.byName[name] = append(s.byName[name], &certs[i])
		}
	}
	return s, nil
}

// GetCertificate chooses by the name the client asks for (RFC 6066 section 3):
// a certificate for exactly that name before one with a wildcard for its first
// label, and of several the first that the client's algorithms allow. It is
// for tls.Config.GetCertificate.
func (c *Certificates) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	set := c.set.Load()
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if cert := usable(set.byName[name], hello); cert != nil {
		return cert, nil
	}
	if _, parent, ok := strings.Cut(name, "."); ok {
		if cert := usable(set.byName["*."+parent], hello); cert != nil {
			return cert, nil
		}
	}
	return &set.all[0], nil
}

// usable prefers what the client can verify; a wrong guess still lets the
// handshake fail with the right alert.
func usable(certs []*tls.Certificate, hello *tls.ClientHelloInfo) *tls.Certificate {
	for _, cert := range certs {
		if len(certs) == 1 || hello.SupportsCertificate(cert) == nil {
			return cert
		}
	}
	if len(certs) > 0 {
		return certs[0]
	}
	return nil
}

// GetClientCertificate shows the first certificate of the set to a server that
// asks for one. It is for tls.Config.GetClientCertificate of a DialTLS.
func (c *Certificates) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return &c.set.Load().all[0], nil
}
