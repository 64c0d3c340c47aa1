package dtlssrtp

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrFingerprint is for a fingerprint that cannot be read, or that the peer's
// certificate does not have.
var ErrFingerprint = errors.New("dtlssrtp: bad fingerprint")

// Fingerprint is the digest of a certificate (RFC 8122 section 5).
type Fingerprint struct {
	Hash   string // lower case: sha-1, sha-224, sha-256, sha-384 or sha-512
	Digest []byte
}

// ParseFingerprint reads the value of an a=fingerprint line: the name of the
// hash and octets in hexadecimal with colons.
func ParseFingerprint(value string) (Fingerprint, error) {
	hash, octets, _ := strings.Cut(strings.TrimSpace(value), " ")
	hash = strings.ToLower(hash)
	want, err := digest(hash, nil)
	if err != nil {
		return Fingerprint{}, err
	}
	octets = strings.TrimSpace(octets)
	n := len(want.Digest)
	if len(octets) != 3*n-1 {
		return Fingerprint{}, fmt.Errorf("%w: %d characters for %s", ErrFingerprint, len(octets), hash)
	}
	f := Fingerprint{Hash: hash, Digest: make([]byte, n)}
	for i := range n {
		if i > 0 && octets[3*i-1] != ':' {
			return Fingerprint{}, fmt.Errorf("%w: no colon", ErrFingerprint)
		}
		if _, err := hex.Decode(f.Digest[i:i+1], []byte(octets[3*i:3*i+2])); err != nil {
			return Fingerprint{}, fmt.Errorf("%w: not hexadecimal", ErrFingerprint)
		}
	}
	return f, nil
}

// String is the value for SDP, in upper case as RFC 8122 writes it.
func (f Fingerprint) String() string {
	var b strings.Builder
	b.WriteString(f.Hash)
	for i, octet := range f.Digest {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, "%02X", octet)
	}
	return b.String()
}

// Matches tells, in constant time, whether a certificate in DER has the
// fingerprint.
func (f Fingerprint) Matches(der []byte) bool {
	got, err := digest(f.Hash, der)
	return err == nil && subtle.ConstantTimeCompare(got.Digest, f.Digest) == 1
}

func digest(hash string, der []byte) (Fingerprint, error) {
	var sum []byte
	switch hash {
	case "sha-1":
		d := sha1.Sum(der)
		sum = d[:]
	case "sha-224":
		d := sha256.Sum224(der)
		sum = d[:]
	case "sha-256":
		d := sha256.Sum256(der)
		sum = d[:]
	case "sha-384":
		d := sha512.Sum384(der)
		sum = d[:]
	case "sha-512":
		d := sha512.Sum512(der)
		sum = d[:]
	default:
		return Fingerprint{}, fmt.Errorf("%w: unknown hash", ErrFingerprint)
	}
	return Fingerprint{Hash: hash, Digest: sum}, nil
}
