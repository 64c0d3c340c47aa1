package token

import (
	"crypto/subtle"
	"encoding/binary"
)

// MaxSecret is the length of the longest text that [Ring.SealSecret] takes, in
// octets.
const MaxSecret = 1024

// secretHead is the length of what stands in front of the octets of a sealed
// text: version, key id and purpose, and the synthetic IV.
const secretHead = 2 + blockLen

// MaxSecretLen is the length of the longest sealed text in characters.
const MaxSecretLen = ((secretHead+MaxSecret)*8 + 5) / 6

// SecretLen is the length of a sealed text of n octets in characters.
func SecretLen(n int) int { return encoding.EncodedLen(secretHead + n) }

// SealSecret appends plaintext, encrypted, authenticated and bound to bind (which
// may be empty), to dst: base64url, 24 characters more than plaintext would take.
// The same text with the same bind and key gives the same result, so that a URI
// hidden twice in one dialog stays equal to itself; nothing else is told about
// it but its length. The error is [ErrTooLong] for more than [MaxSecret] octets.
//
// The construction is that of SIV (RFC 5297): the AES-CMAC of bind and plaintext
// is both the tag and the IV of AES-CTR, each with a key of its own.
func (r *Ring) SealSecret(dst, plaintext, bind []byte) ([]byte, error) {
	if len(plaintext) > MaxSecret {
		return dst, ErrTooLong
	}
	k := r.keys.Load().active
	m := k.begin()
	k.authenticate(m, plaintext, bind)
	m.in = append(m.in[:0], version<<4|k.id, byte(Contact)<<5)
	m.in = append(m.in, m.sum[:]...)
	m.in = append(m.in, plaintext...)
	k.stream(m, m.in[secretHead:])
	dst = encoding.AppendEncode(dst, m.in)
	k.end(m)
	return dst, nil
}

// OpenSecret appends the text that SealSecret has sealed with one of the ring's
// keys and with bind to dst. On an error dst is returned as it was.
func (r *Ring) OpenSecret(dst, sealed, bind []byte) ([]byte, error) {
	id, err := secretKeyID(sealed)
	if err != nil {
		return dst, err
	}
	k := r.keys.Load().byID[id]
	if k == nil {
		return dst, ErrKey
	}
	m := k.begin()
	defer k.end(m)
	var raw []byte
	m.in, err = encoding.AppendDecode(m.in, sealed)
	// The decoder passes over CR and LF: the length gives them away.
	if raw = m.in; err != nil || encoding.EncodedLen(len(raw)) != len(sealed) {
		return dst, ErrMalformed
	}
	copy(m.sum[:], raw[2:secretHead])
	tag := m.sum
	k.stream(m, raw[secretHead:])
	n := len(dst)
	dst = append(dst, raw[secretHead:]...)
	k.authenticate(m, dst[n:], bind)
	if subtle.ConstantTimeCompare(m.sum[:], tag[:]) != 1 {
		clear(dst[n:])
		return dst[:n], ErrMAC
	}
	return dst, nil
}

// secretKeyID reads the head of a sealed text.
func secretKeyID(sealed []byte) (uint8, error) {
	const four = 4 // characters of the first three octets
	var head [3]byte
	if len(sealed) < SecretLen(0) || len(sealed) > MaxSecretLen {
		return 0, ErrMalformed
	}
	if n, err := encoding.Decode(head[:], sealed[:four]); err != nil || n != len(head) {
		return 0, ErrMalformed
	}
	switch {
	case head[0]>>4 != version:
		return 0, ErrVersion
	case Purpose(head[1]>>5) != Contact:
		return 0, ErrPurpose
	case head[1]&0x1f != 0: // a token with a transport
		return 0, ErrMalformed
	}
	return head[0] & 0xf, nil
}

// authenticate leaves the tag of plaintext and bind in m.sum.
func (k *key) authenticate(m *mac, plaintext, bind []byte) {
	m.in = append(m.in[:0], version<<4|k.id, byte(Contact)<<5)
	m.part(bind)
	m.part(plaintext)
	k.siv.of(m)
}

// stream adds the key stream that belongs to the tag in m.sum to text.
func (k *key) stream(m *mac, text []byte) {
	hi, lo := binary.BigEndian.Uint64(m.sum[:]), binary.BigEndian.Uint64(m.sum[8:])
	// Two bits of the IV are cleared so that counting never carries beyond the
	// lower word (RFC 5297 section 2.5).
	lo &^= 1<<63 | 1<<31
	for i := uint64(0); len(text) > 0; i++ {
		binary.BigEndian.PutUint64(m.block[:], hi)
		binary.BigEndian.PutUint64(m.block[8:], lo+i)
		k.ctr.Encrypt(m.block[:], m.block[:])
		n := subtle.XORBytes(text, text, m.block[:])
		text = text[n:]
	}
}
