package token

import "crypto/subtle"

// signature is the length of a detached signature in octets: version and key
// id, and the cut MAC.
const signature = 1 + macLen

// SignatureLen is the length of a detached signature in characters.
const SignatureLen = (signature*8 + 5) / 6

// Sign appends the signature of parts for purpose p to dst: 15 characters that
// carry no flow. The boundaries between parts count.
func (r *Ring) Sign(dst []byte, p Purpose, parts ...[]byte) []byte {
	k := r.keys.Load().active
	m := k.begin()
	sum := m.sign(k, p, parts)
	var raw [signature]byte
	raw[0] = version<<4 | k.id
	copy(raw[1:], sum)
	k.end(m)
	return encoding.AppendEncode(dst, raw[:])
}

// Verify checks what Sign made: nil, or why not.
func (r *Ring) Verify(sig []byte, p Purpose, parts ...[]byte) error {
	var raw [signature]byte
	id, err := decodeSignature(&raw, sig)
	if err != nil {
		return err
	}
	k := r.keys.Load().byID[id]
	if k == nil {
		return ErrKey
	}
	m := k.begin()
	ok := subtle.ConstantTimeCompare(m.sign(k, p, parts), raw[1:]) == 1
	k.end(m)
	if !ok {
		return ErrMAC
	}
	return nil
}

// decodeSignature reads sig into raw and returns the id of its key.
func decodeSignature(raw *[signature]byte, sig []byte) (id uint8, err error) {
	if len(sig) != SignatureLen {
		return 0, ErrMalformed
	}
	if n, err := encoding.Decode(raw[:], sig); err != nil || n != signature {
		return 0, ErrMalformed
	}
	if raw[0]>>4 != version {
		return 0, ErrVersion
	}
	return raw[0] & 0xf, nil
}

// sign computes the cut MAC of a signature. Transport 0, which no token has,
// keeps its input apart from theirs.
func (m *mac) sign(k *key, p Purpose, parts [][]byte) []byte {
	m.in = append(m.in, version<<4|k.id, byte(p)<<5)
	for _, b := range parts {
		m.part(b)
	}
	return k.mac.of(m)[:macLen]
}
