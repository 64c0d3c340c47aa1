package node

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"github.com/class5-go/class5/sip/token"
)

// Ring makes the edge keys of one secret.
func Ring(secret []byte) (*token.Ring, error) {
	r, err := token.New(token.Key{ID: 1, Secret: secret})
	if err != nil {
		return nil, fmt.Errorf("%w: keys: %w", ErrConfig, err)
	}
	return r, nil
}

// KeyFile reads the keys that lbs and proxies share: one key a line, its
// number (0 to 15) and its secret, the active one first. Empty lines and those
// that begin with # are left out. A file that holds nothing but one secret is
// key 1.
func KeyFile(name string) ([]token.Key, error) {
	text, err := secretFile("keys", name)
	if err != nil {
		return nil, err
	}
	var keys []token.Key
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) == 1 && len(keys) == 0 {
			fields = []string{"1", fields[0]}
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("%w: keys: %s:%d: want a number and a secret", ErrConfig, name, i+1)
		}
		id, err := strconv.ParseUint(fields[0], 10, 4)
		if err != nil {
			return nil, fmt.Errorf("%w: keys: %s:%d: the number of a key is 0 to 15", ErrConfig, name, i+1)
		}
		keys = append(keys, token.Key{ID: uint8(id), Secret: []byte(fields[1])})
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: keys: %s holds no key", ErrConfig, name)
	}
	return keys, nil
}

// KeyRing reads the keys that lb and proxy share into env.
func (c *Config) KeyRing(env *Env) error {
	keys, err := KeyFile(c.Keys)
	if err != nil {
		return err
	}
	if env.Keys, err = token.New(keys[0], keys[1:]...); err != nil {
		return fmt.Errorf("%w: keys: %s: %w", ErrConfig, c.Keys, err)
	}
	return nil
}

// reloadKeys reads the keys again; on an error the ring is as before.
func (c *Config) reloadKeys(ring *token.Ring) error {
	keys, err := KeyFile(c.Keys)
	if err != nil {
		return err
	}
	if err := ring.Replace(keys[0], keys[1:]...); err != nil {
		return fmt.Errorf("%w: keys: %s: %w", ErrConfig, c.Keys, err)
	}
	return nil
}

// deriveSecret makes one secret of another for a purpose.
func deriveSecret(secret, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, purpose, 32)
	if err != nil { // only for lengths that SHA-256 can't give
		panic(err)
	}
	return key
}
