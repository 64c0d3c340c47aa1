package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"
)

// Key is one secret of a key ring.
type Key struct {
	ID     uint8  // unique in the ring; part of every nonce
	Secret []byte // at least 16 octets, the same on all nodes
}

// Keys is an immutable key ring: one key that signs nonces, others that only
// verify them.
type Keys struct {
	sign *ringKey
	all  []*ringKey
}

type ringKey struct {
	id   uint8
	macs sync.Pool // of *mac
}

// mac is the state of one computation, kept so that none allocates.
type mac struct {
	hash hash.Hash
	in   []byte
	sum  []byte
}

// NewKeys makes a ring. Nonces are signed by current and accepted from all.
// Keep a retired key in previous for one nonce lifetime.
func NewKeys(current Key, previous ...Key) (*Keys, error) {
	k := &Keys{}
	for _, key := range append([]Key{current}, previous...) {
		if len(key.Secret) < 16 {
			return nil, fmt.Errorf("digest: secret of key %d is shorter than 16 octets", key.ID)
		}
		if k.find(key.ID) != nil {
			return nil, fmt.Errorf("digest: key %d is in the ring twice", key.ID)
		}
		secret := append([]byte(nil), key.Secret...)
		rk := &ringKey{id: key.ID}
		rk.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, secret)} }
		k.all = append(k.all, rk)
	}
	k.sign = k.all[0]
	return k, nil
}

// RandomKeys makes a ring of one key that nobody else knows: nonces are valid
// in this process only.
func RandomKeys() *Keys {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	k, err := NewKeys(Key{Secret: secret[:]})
	if err != nil {
		panic(err) // not reached: the secret is long enough and alone
	}
	return k
}

func (k *Keys) find(id uint8) *ringKey {
	for _, key := range k.all {
		if key.id == id {
			return key
		}
	}
	return nil
}

// A nonce is key id, milliseconds since 1970 (48 bits), a random number, the
// truncated HMAC over these and the realm, and one over these and the origin;
// 33 octets, 44 characters.
const (
	nonceHead   = 1 + 6 + 8
	nonceMAC    = 12
	nonceOrigin = 6
	nonceRaw    = nonceHead + nonceMAC + nonceOrigin
	nonceLen    = nonceRaw / 3 * 4

	// noncePurpose keeps an HMAC made here from meaning anything elsewhere,
	// should the same secret be used for other tokens.
	noncePurpose  = "sip digest nonce\x00"
	originPurpose = "sip digest origin\x00"
)

var errNonce = errors.New("digest: nonce not ours")

// nonce is the content of a nonce.
type nonce struct {
	id     uint64
	issued int64 // milliseconds since 1970
	key    *ringKey
	raw    [nonceRaw]byte
}

// madeFor reports whether a nonce that was read well was made for origin.
func (n *nonce) madeFor(origin []byte) bool {
	var room [nonceOrigin]byte
	want := appendTag(n.key, room[:0], nonceOrigin, originPurpose, n.raw[:nonceHead], origin)
	return subtle.ConstantTimeCompare(want, n.raw[nonceHead+nonceMAC:]) == 1
}

// appendTag appends n octets of the HMAC over head and text to dst.
func appendTag[T ~string | ~[]byte](k *ringKey, dst []byte, n int, purpose string, head []byte, text T) []byte {
	m := k.macs.Get().(*mac)
	m.in = append(append(append(m.in[:0], purpose...), head...), text...)
	m.hash.Reset()
	m.hash.Write(m.in)
	m.sum = m.hash.Sum(m.sum[:0])
	dst = append(dst, m.sum[:n]...)
	k.macs.Put(m)
	return dst
}

// appendNonce appends a fresh nonce for a client at origin.
func (k *Keys) appendNonce(dst []byte, realm string, origin []byte, now time.Time) []byte {
	var room [nonceRaw]byte
	raw := append(room[:0], k.sign.id)
	ms := uint64(now.UnixMilli())
	raw = append(raw, byte(ms>>40), byte(ms>>32), byte(ms>>24), byte(ms>>16), byte(ms>>8), byte(ms))
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	raw = append(raw, random[:]...)
	head := raw
	raw = appendTag(k.sign, raw, nonceMAC, noncePurpose, head, realm)
	raw = appendTag(k.sign, raw, nonceOrigin, originPurpose, head, origin)
	return base64.RawURLEncoding.AppendEncode(dst, raw)
}

// readNonce checks the signature of a nonce and gives its content. Its age is
// for the caller to judge.
func (k *Keys) readNonce(text []byte, realm string) (nonce, error) {
	var raw [nonceRaw]byte
	if len(text) != nonceLen {
		return nonce{}, errNonce
	}
	if n, err := base64.RawURLEncoding.Decode(raw[:], text); err != nil || n != nonceRaw {
		return nonce{}, errNonce
	}
	key := k.find(raw[0])
	if key == nil {
		return nonce{}, errNonce
	}
	var room [nonceMAC]byte
	want := appendTag(key, room[:0], nonceMAC, noncePurpose, raw[:nonceHead], realm)
	if subtle.ConstantTimeCompare(want, raw[nonceHead:nonceHead+nonceMAC]) != 1 {
		return nonce{}, errNonce
	}
	return nonce{
		key: key, raw: raw,
		id:     binary.BigEndian.Uint64(raw[7:]),
		issued: int64(binary.BigEndian.Uint64(raw[:]) << 8 >> 16),
	}, nil
}
