package ice

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Lengths of what an agent makes for itself. Peers may use others.
const (
	UfragSize      = 8
	PasswordSize   = 26
	FoundationSize = 16
)

// ErrCredentials means a username fragment or password that RFC 8839 section
// 5.4 does not allow.
var ErrCredentials = errors.New("ice: credentials")

// Credentials are a username fragment (a=ice-ufrag) and the password that
// belongs to it (a=ice-pwd).
type Credentials struct {
	Ufrag    string `json:"ufrag"`
	Password string `json:"password"`
}

// LogValue keeps the password out of logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String is the username fragment only.
func (c Credentials) String() string { return c.Ufrag }

// GoString is the username fragment only.
func (c Credentials) GoString() string { return fmt.Sprintf("ice.Credentials{Ufrag: %q}", c.Ufrag) }

// Check tells whether the lengths and characters are allowed: 4 to 256 for
// the fragment, 22 to 256 for the password.
func (c Credentials) Check() error { return c.check(22) }

// checkPeer is Check for what a peer has. Its password may be shorter: not all
// peers keep to RFC 8839, and it protects only what they say themselves.
func (c Credentials) checkPeer() error { return c.check(1) }

func (c Credentials) check(least int) error {
	if len(c.Ufrag) < 4 || len(c.Ufrag) > 256 || !iceChars(c.Ufrag) {
		return fmt.Errorf("%w: username fragment of %d characters", ErrCredentials, len(c.Ufrag))
	}
	if len(c.Password) < least || len(c.Password) > 256 || !iceChars(c.Password) {
		return fmt.Errorf("%w: password of %d characters", ErrCredentials, len(c.Password))
	}
	return nil
}

// iceChars tells whether all characters are letters, digits, '+' or '/'.
func iceChars(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// NewCredentials makes a fragment of 8 and a password of 26 random letters
// and digits: 47 and 154 bits. r is crypto/rand when nil.
func NewCredentials(r io.Reader) Credentials {
	return Credentials{Ufrag: randomText(r, UfragSize), Password: randomText(r, PasswordSize)}
}

// NewFoundation makes 16 random letters and digits. Candidates of one type
// and one base address share a foundation.
func NewFoundation(r io.Reader) string { return randomText(r, FoundationSize) }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func randomText(r io.Reader, n int) string {
	text := make([]byte, 0, n)
	var b [32]byte
	for {
		fill(r, b[:])
		for _, v := range b {
			if int(v) >= 256/len(alphanumeric)*len(alphanumeric) {
				continue // else some characters were likelier than others
			}
			if text = append(text, alphanumeric[int(v)%len(alphanumeric)]); len(text) == n {
				return string(text)
			}
		}
	}
}

// fill never leaves b as it was: where r ends, the system goes on.
func fill(r io.Reader, b []byte) {
	if r != nil {
		if _, err := io.ReadFull(r, b); err == nil {
			return
		}
	}
	_, _ = rand.Read(b) // never fails
}
