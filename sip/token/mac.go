package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"sync"
)

// macLen is the length of a cut MAC in octets: 80 bits, the length that RFC
// 5626 section 5.2 gives its example.
const macLen = 10

const blockLen = aes.BlockSize

// key is what one secret is used for. The keys of the ciphers are derived from
// it, so that nothing is computed twice with the same one.
type key struct {
	id   uint8
	root []byte       // secret, for Derive
	mac  cmac         // of tokens and signatures
	siv  cmac         // of sealed texts: their synthetic IV
	ctr  cipher.Block // key stream of sealed texts
	pool sync.Pool    // of *mac
}

// mac is the working memory of one computation. It is on the heap because a
// slice given to a cipher.Block is taken to escape.
type mac struct {
	in    []byte
	sum   [blockLen]byte
	block [blockLen]byte
}

// What the keys derived from a secret are for. The first octet of what Derive
// hashes is 0.
const (
	useMAC = iota + 1
	useSIV
	useCTR
	useHash
)

func newKey(id uint8, secret []byte) *key {
	k := &key{
		id:   id,
		root: append([]byte(nil), secret...),
		mac:  newCMAC(subkey(secret, useMAC)),
		siv:  newCMAC(subkey(secret, useSIV)),
		ctr:  newAES(subkey(secret, useCTR)),
	}
	k.pool.New = func() any { return &mac{in: make([]byte, 0, 512)} }
	return k
}

// subkey derives the 16 octets of one use from a secret of any length.
func subkey(secret []byte, use byte) []byte {
	return prf(secret, []byte{use})[:blockLen]
}

// prf is HMAC-SHA-256.
func prf(secret, in []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(in)
	return h.Sum(nil)
}

func newAES(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("token: " + err.Error()) // only for a key of another length
	}
	return b
}

// begin returns working memory with empty input.
func (k *key) begin() *mac {
	m := k.pool.Get().(*mac)
	m.in = m.in[:0]
	return m
}

// maxKept bounds the input buffers that stay in the pool.
const maxKept = 16 << 10

func (k *key) end(m *mac) {
	if cap(m.in) <= maxKept {
		k.pool.Put(m)
	}
}

// part adds b to the input behind its length, so that no two lists of parts
// make the same input.
func (m *mac) part(b []byte) {
	m.in = binary.AppendUvarint(m.in, uint64(len(b)))
	m.in = append(m.in, b...)
}

// cmac is AES-CMAC (RFC 4493, NIST SP 800-38B). For inputs as short as a token
// it costs a quarter of HMAC-SHA-256, which hashes two blocks of 64 octets
// however little there is to sign.
type cmac struct {
	block cipher.Block
	whole [blockLen]byte // added to the last block when it is full
	cut   [blockLen]byte // and when it was padded
}

func newCMAC(key []byte) cmac {
	c := cmac{block: newAES(key)}
	var zero [blockLen]byte
	c.block.Encrypt(zero[:], zero[:])
	c.whole = double(zero)
	c.cut = double(c.whole)
	return c
}

// double multiplies by x in GF(2^128).
func double(v [blockLen]byte) (d [blockLen]byte) {
	hi, lo := binary.BigEndian.Uint64(v[:]), binary.BigEndian.Uint64(v[8:])
	binary.BigEndian.PutUint64(d[:], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(d[8:], lo<<1^hi>>63*0x87)
	return d
}

// of leaves the MAC of m.in in m.sum, which it returns. The chain goes through
// subtle.XORBytes because that writes sixteen octets at once, as the cipher
// reads them: what was written in two halves can't be read as a whole until it
// has reached the cache, which takes as long as the cipher itself.
func (c *cmac) of(m *mac) []byte {
	x := m.sum[:]
	in := m.in
	clear(x)
	for len(in) > blockLen {
		subtle.XORBytes(x, x, in[:blockLen])
		c.block.Encrypt(x, x)
		in = in[blockLen:]
	}
	last := &c.whole
	if len(in) < blockLen {
		last = &c.cut
		m.block = [blockLen]byte{}
		copy(m.block[:], in)
		m.block[len(in)] = 0x80
		in = m.block[:]
	}
	subtle.XORBytes(x, x, in)
	subtle.XORBytes(x, x, last[:])
	c.block.Encrypt(x, x)
	return x
}
