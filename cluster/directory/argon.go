package directory

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost of a password hash: argon2id, 19 MiB, 2 passes, 1 lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

// dummyHash is verified against when there is no such admin, so that the
// answer takes as long. No password is known to fit a key of zeros.
const dummyHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func encodeArgon(memory, passes uint32, lanes uint8, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// hashPassword makes the text that is stored. Hashing takes tens of
// milliseconds and 19 MiB; only so many run at once as there are processors,
// the others wait as long as ctx lets them.
func (s *Store) hashPassword(ctx context.Context, p Secret) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(s.cfg.Rand, salt); err != nil {
		return "", fmt.Errorf("directory: random source: %w", err)
	}
	if err := s.hashing.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer s.hashing.Release(1)
	key := argon2.IDKey([]byte(p.Reveal()), salt, argonPasses, argonMemory, argonLanes, argonKey)
	return encodeArgon(argonMemory, argonPasses, argonLanes, salt, key), nil
}

var errHashFormat = errors.New("directory: stored password hash is not argon2id")

// maxArgonMemory bounds, in KiB, what a stored hash may ask for.
const maxArgonMemory = 1 << 20

type argonHash struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// parseArgon reads the form that encodeArgon writes.
func parseArgon(stored string) (h argonHash, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return h, errHashFormat
	}
	var version int
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &h.memory, &h.passes, &h.lanes); err != nil {
		return h, errHashFormat
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || version != argon2.Version || h.memory > maxArgonMemory ||
		h.passes < 1 || h.passes > 64 || h.lanes < 1 || len(h.key) < 16 || len(h.key) > 128 {
		return h, errHashFormat
	}
	return h, nil
}

// verifyPassword compares in constant time, with the cost that the stored
// hash names.
func (s *Store) verifyPassword(ctx context.Context, stored string, p Secret) (bool, error) {
	h, err := parseArgon(stored)
	if err != nil {
		return false, err
	}
	if err := s.hashing.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer s.hashing.Release(1)
	got := argon2.IDKey([]byte(p.Reveal()), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(got, h.key) == 1, nil
}
