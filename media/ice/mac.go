package ice

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // MESSAGE-INTEGRITY of RFC 8489 is HMAC-SHA1
	"encoding/binary"
	"hash"
)

// mac computes MESSAGE-INTEGRITY with one password. It keeps the keyed state,
// so that a message costs neither a key set-up nor an allocation.
type mac struct {
	h    hash.Hash
	head [headerSize]byte
	sum  [sha1.Size]byte
}

func newMAC(password string) *mac { return &mac{h: hmac.New(sha1.New, []byte(password))} }

// append appends the MAC of covered, which must begin with a header whose
// length includes MESSAGE-INTEGRITY.
func (m *mac) append(dst, covered []byte) []byte {
	m.h.Reset()
	m.h.Write(covered)
	return append(dst, m.h.Sum(m.sum[:0])...)
}

// verify compares in constant time. The header counts as if MESSAGE-INTEGRITY
// were the last attribute (RFC 8489 section 14.5).
func (m *mac) verify(b []byte, msg *message) bool {
	if msg.mac == nil {
		return false
	}
	copy(m.head[:], b)
	binary.BigEndian.PutUint16(m.head[2:], uint16(msg.macAt+24-headerSize))
	m.h.Reset()
	m.h.Write(m.head[:])
	m.h.Write(b[headerSize:msg.macAt])
	return hmac.Equal(m.h.Sum(m.sum[:0]), msg.mac)
}
