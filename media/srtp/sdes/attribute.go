package sdes

import (
	"bytes"
	"errors"

	"github.com/class5-go/class5/media/srtp"
)

// Limits of what is parsed.
const (
	MaxLine       = 4096 // octets of a crypto attribute's value
	MaxAttributes = 64   // crypto attributes of a media section
	MaxTag        = 999_999_999
)

var (
	// ErrSyntax is for what is not a crypto attribute of RFC 4568.
	ErrSyntax = errors.New("sdes: malformed crypto attribute")
	// ErrUnsupported is for a suite, key method or session parameter that is not
	// known. Such an attribute is passed over (RFC 4568 section 5.1.2).
	ErrUnsupported = errors.New("sdes: unsupported crypto attribute")
)

// Key is a master key with its salt.
type Key struct {
	Key, Salt []byte
	// Lifetime is how many packets it may protect; 0: the suite's maximum.
	Lifetime uint64
	// MKI is the identifier in each packet; nil: none.
	MKI []byte
}

// Attribute is a crypto attribute: a suite, one or more keys, and session
// parameters.
type Attribute struct {
	Tag     int
	Suite   srtp.Suite
	Keys    []Key
	Session srtp.Session
	// Window is the receiver's replay window that the sender hints at (WSH);
	// 0: none.
	Window int
}

// Context makes an SRTP context from the attribute: of what its sender sends,
// or of what we send when it is ours.
func (a Attribute) Context(opts ...srtp.Option) (*srtp.Context, error) {
	if len(a.Keys) == 0 {
		return nil, ErrSyntax
	}
	first := a.Keys[0]
	all := []srtp.Option{srtp.WithSession(a.Session)}
	if len(first.MKI) > 0 {
		all = append(all, srtp.WithMKI(first.MKI))
	}
	lifetime := first.Lifetime
	for _, k := range a.Keys[1:] {
		if k.Lifetime > 0 && (lifetime == 0 || k.Lifetime < lifetime) {
			lifetime = k.Lifetime
		}
	}
	if lifetime > 0 {
		all = append(all, srtp.WithLifetime(lifetime))
	}
	if a.Window > 0 {
		all = append(all, srtp.WithReplayWindow(a.Window))
	}
	c, err := srtp.NewContext(a.Suite, first.Key, first.Salt, append(all, opts...)...)
	if err != nil {
		return nil, err
	}
	for _, k := range a.Keys[1:] {
		if err := c.AddKey(k.MKI, k.Key, k.Salt); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// SameKeys tells whether packets protected as a says need no change to be
// protected as b says: suite, keys, identifiers and session parameters agree.
func SameKeys(a, b Attribute) bool {
	if a.Suite != b.Suite || a.Session != b.Session || len(a.Keys) != len(b.Keys) {
		return false
	}
	for i, k := range a.Keys {
		o := b.Keys[i]
		if !bytes.Equal(k.Key, o.Key) || !bytes.Equal(k.Salt, o.Salt) || !bytes.Equal(k.MKI, o.MKI) {
			return false
		}
	}
	return true
}
