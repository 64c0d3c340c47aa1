package srtp

import (
	"crypto/aes"
	"encoding/binary"
)

// The labels of RFC 3711 section 4.3.2. labelCheck is outside of what the RFC
// assigns: it gives a value by which an exported state knows its key.
const (
	labelRTPKey   = 0
	labelRTPAuth  = 1
	labelRTPSalt  = 2
	labelRTCPKey  = 3
	labelRTCPAuth = 4
	labelRTCPSalt = 5
	labelCheck    = 0xf0
)

// authKeyLen is the length of the session key of HMAC-SHA1 in octets (RFC 3711
// section 5.2).
const authKeyLen = 20

// derive runs the key derivation of RFC 3711 section 4.3.1 with a derivation
// rate of zero: the pseudo-random function is AES in counter mode under the
// master key (RFC 6188 section 3 for longer keys). A salt of 12 octets is
// followed by two of zero (RFC 7714 section 11).
func derive(key, salt []byte, label byte, n int) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var iv [aes.BlockSize]byte
	copy(iv[:14], salt)
	iv[7] ^= label
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i*aes.BlockSize < n; i++ {
		binary.BigEndian.PutUint16(iv[14:], uint16(i))
		block.Encrypt(out[i*aes.BlockSize:], iv[:])
	}
	return out[:n:n], nil
}
