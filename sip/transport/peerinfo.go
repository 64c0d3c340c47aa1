package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ClientAuth says what a TLS or WSS listener wants to know of its clients.
type ClientAuth uint8

const (
	// ClientAuthNone asks for no certificate, unless the listener's tls.Config
	// does.
	ClientAuthNone ClientAuth = iota
	// ClientAuthRequest asks; a client may have none, but one that it shows must
	// verify.
	ClientAuthRequest
	// ClientAuthRequire lets no client in whose certificate does not verify.
	ClientAuthRequire
)

// String returns "none", "request" or "require".
func (a ClientAuth) String() string {
	return [...]string{"none", "request", "require", "unknown"}[min(a, 3)]
}

// ParseClientAuth reads what String writes.
func ParseClientAuth(s string) (ClientAuth, error) {
	for a := ClientAuthNone; a <= ClientAuthRequire; a++ {
		if s == a.String() {
			return a, nil
		}
	}
	return 0, fmt.Errorf("transport: no client authentication %q", s)
}

// PeerInfo is what is known of the other end of a stream connection besides its
// address.
type PeerInfo struct {
	// Verified tells that the peer showed a certificate and that it was issued
	// by one of those we trust.
	Verified bool
	// Domains are the SIP domains that a verified certificate is for (RFC 5922
	// section 7.1), in lower case.
	Domains []string
	// Certificate is the verified certificate, nil without one. It must not be
	// changed.
	Certificate *x509.Certificate
	// ServerName is the name the peer asked for (SNI).
	ServerName string
	// Version and CipherSuite are those of crypto/tls; 0 without TLS.
	Version, CipherSuite uint16
	// Resumed tells that the TLS session was taken up again by a ticket.
	Resumed bool
	// Proxy is the address of the balancer that announced the flow's Remote by
	// the PROXY protocol, and Destination the address that the peer connected
	// to; invalid otherwise.
	Proxy, Destination netip.AddrPort
}

// Peer tells what is known of the peer of a stream flow; false when its
// connection is not alive.
func (e *Endpoint) Peer(flow Flow) (PeerInfo, bool) {
	if flow.Protocol == UDP || flow.Generation == 0 {
		return PeerInfo{}, false
	}
	c := e.conns.find(&flow)
	if c == nil {
		return PeerInfo{}, false
	}
	var info PeerInfo
	if c.via != nil {
		info.Proxy, info.Destination = c.via.proxy, c.via.destination
	}
	if c.tls == nil {
		return info, true
	}
	s := c.tls.ConnectionState()
	info.ServerName, info.Version, info.CipherSuite, info.Resumed = s.ServerName, s.Version, s.CipherSuite, s.DidResume
	if leaf := c.verifiedLeaf(&s); leaf != nil {
		info.Verified, info.Certificate, info.Domains = true, leaf, Domains(leaf)
	}
	return info, true
}

// verifiedLeaf is the peer's certificate if it was verified in the handshake.
func (c *conn) verifiedLeaf(s *tls.ConnectionState) *x509.Certificate {
	if c.vouched {
		return s.PeerCertificates[0]
	}
	if len(s.VerifiedChains) == 0 || len(s.VerifiedChains[0]) == 0 {
		return nil
	}
	return s.VerifiedChains[0][0]
}

// Domains returns the SIP domains that a certificate identifies (RFC 5922
// section 7.1), in lower case: of its subjectAltName the sip URIs without user
// part, or if there is none the DNS names; the common name only where the
// certificate has no subjectAltName of either kind. Wildcards are names that
// match nothing (section 7.2).
func Domains(cert *x509.Certificate) []string {
	var domains []string
	for _, u := range cert.URIs {
		if d, ok := sipDomain(u.Scheme, u.Opaque); ok {
			domains = append(domains, d)
		}
	}
	if len(domains) == 0 {
		for _, d := range cert.DNSNames {
			domains = append(domains, canonicalDomain(d))
		}
	}
	if len(domains) == 0 && len(cert.URIs)+len(cert.DNSNames)+len(cert.IPAddresses)+len(cert.EmailAddresses) == 0 &&
		cert.Subject.CommonName != "" {
		domains = append(domains, canonicalDomain(cert.Subject.CommonName))
	}
	return domains
}

// sipDomain reads the host of "sip:host"; one with a user part names a user and
// no domain, and sips is not what the RFC allows here.
func sipDomain(scheme, opaque string) (string, bool) {
	if !strings.EqualFold(scheme, "sip") || opaque == "" || strings.ContainsAny(opaque, "@/") {
		return "", false
	}
	host, _, _ := strings.Cut(opaque, ";")
	host, _, _ = strings.Cut(host, "?")
	if name, _, ok := strings.Cut(host, ":"); ok { // a port is of no account
		host = name
	}
	return canonicalDomain(host), host != ""
}

func canonicalDomain(d string) string { return strings.ToLower(strings.TrimSuffix(d, ".")) }

// errIdentity means that a peer's certificate is for other domains.
var errIdentity = errors.New("certificate is not for the domain asked for")

// speaksFor reports whether cert may be shown by a server of domain, which is a
// name or an address; never by a wildcard (RFC 5922 section 7.2).
func speaksFor(cert *x509.Certificate, domain string) bool {
	if a, err := netip.ParseAddr(domain); err == nil {
		for _, ip := range cert.IPAddresses {
			if b, ok := netip.AddrFromSlice(ip); ok && b.Unmap() == a.Unmap().WithZone("") {
				return true
			}
		}
		return false
	}
	domain = canonicalDomain(domain)
	for _, d := range Domains(cert) {
		if d == domain && !strings.HasPrefix(d, "*") {
			return true
		}
	}
	return false
}

func leafOf(cert *tls.Certificate) (*x509.Certificate, error) {
	switch {
	case cert.Leaf != nil:
		return cert.Leaf, nil
	case len(cert.Certificate) == 0:
		return nil, errors.New("empty")
	}
	return x509.ParseCertificate(cert.Certificate[0])
}
