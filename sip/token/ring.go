package token

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// MinSecret is the least length of a secret in octets.
const MinSecret = 16

// Key is one secret of a ring.
type Key struct {
	// ID names the key in tokens: 0 to 15, unique in the ring.
	ID uint8
	// Secret is at least MinSecret octets of good randomness, the same on all
	// nodes that must understand each other's tokens.
	Secret []byte
}

// Ring seals and opens tokens. Make it with [New].
type Ring struct {
	keys atomic.Pointer[keySet]
}

// keySet is one state of a ring; it never changes.
type keySet struct {
	active *key
	byID   [16]*key
}

// New makes a ring that seals with active and opens what active or accepted
// have sealed. Secrets are copied.
func New(active Key, accepted ...Key) (*Ring, error) {
	r := &Ring{}
	if err := r.Replace(active, accepted...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace changes all keys at once. Operations under way finish with the keys
// they began with. On an error the ring is as before.
func (r *Ring) Replace(active Key, accepted ...Key) error {
	set := &keySet{}
	for _, k := range append([]Key{active}, accepted...) {
		switch {
		case int(k.ID) >= len(set.byID):
			return fmt.Errorf("token: key id %d is above %d", k.ID, len(set.byID)-1)
		case set.byID[k.ID] != nil:
			return fmt.Errorf("token: key id %d is used twice", k.ID)
		case len(k.Secret) < MinSecret:
			return fmt.Errorf("token: secret of key %d has fewer than %d octets", k.ID, MinSecret)
		}
		set.byID[k.ID] = newKey(k.ID, k.Secret)
	}
	set.active = set.byID[active.ID]
	r.keys.Store(set)
	return nil
}

// Derive returns 32 octets that follow from the active secret and label and
// tell nothing about the secret, as a secret for something else. They change
// with the active key.
func (r *Ring) Derive(label string) []byte {
	// The octet 0 is that of no derived key: see subkey.
	in := binary.AppendUvarint([]byte{0}, uint64(len(label)))
	return prf(r.keys.Load().active.root, append(in, label...))
}
