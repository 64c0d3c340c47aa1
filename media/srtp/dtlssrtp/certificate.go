package dtlssrtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Certificate is what we identify ourselves with: self-signed, known to the
// peer by its fingerprint.
type Certificate struct {
	tls tls.Certificate
}

// GenerateCertificate makes a self-signed certificate with an ECDSA key on
// P-256, valid from a day before now. It is for many calls: a process makes one
// and replaces it now and then.
func GenerateCertificate(now time.Time, valid time.Duration) (Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Certificate{}, fmt.Errorf("dtlssrtp: certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Certificate{}, fmt.Errorf("dtlssrtp: certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "srtp"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(valid),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Certificate{}, fmt.Errorf("dtlssrtp: certificate: %w", err)
	}
	return Certificate{tls: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}

// CertificateFrom takes a certificate that was loaded from elsewhere.
func CertificateFrom(c tls.Certificate) (Certificate, error) {
	if len(c.Certificate) == 0 || c.PrivateKey == nil {
		return Certificate{}, errors.New("dtlssrtp: certificate or key missing")
	}
	return Certificate{tls: c}, nil
}

// Export returns certificate and key as PEM, for another process that goes on
// with the same calls. It is as secret as the key.
func (c Certificate) Export() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(c.tls.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("dtlssrtp: certificate: %w", err)
	}
	var b []byte
	for _, der := range c.tls.Certificate {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(b, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// ImportCertificate reads what Export wrote.
func ImportCertificate(b []byte) (Certificate, error) {
	c, err := tls.X509KeyPair(b, b)
	if err != nil {
		return Certificate{}, fmt.Errorf("dtlssrtp: certificate: %w", err)
	}
	return CertificateFrom(c)
}

// Fingerprint is the certificate's fingerprint for SDP. hash is one of those
// that [ParseFingerprint] takes; "sha-256" is the usual one.
func (c Certificate) Fingerprint(hash string) (Fingerprint, error) {
	if len(c.tls.Certificate) == 0 {
		return Fingerprint{}, errors.New("dtlssrtp: no certificate")
	}
	return digest(hash, c.tls.Certificate[0])
}
