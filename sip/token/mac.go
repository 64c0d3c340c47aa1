package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// macLen is the length of a cut MAC in octets: 80 bits, the length that RFC
// 5626 section 5.2 gives its example.
const macLen = 10

// key computes MACs with one secret. hmac keeps the state behind the padded
// secret after the first use, so a reused one costs two blocks and not four.
type key struct {
	id   uint8
	pool sync.Pool // of *mac
}

// mac is the working memory of one computation. The input is copied into it
// because a slice given to a hash.Hash is taken to escape.
type mac struct {
	hash hash.Hash
	in   []byte
	sum  []byte
}

func newKey(id uint8, secret []byte) *key {
	secret = append([]byte(nil), secret...)
	k := &key{id: id}
	k.pool.New = func() any {
		return &mac{
			hash: hmac.New(sha256.New, secret),
			in:   make([]byte, 0, 512),
			sum:  make([]byte, 0, sha256.Size),
		}
	}
	return k
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

// finish returns the whole MAC of the input, valid until m is used again.
func (m *mac) finish() []byte {
	m.hash.Reset()
	m.hash.Write(m.in)
	m.sum = m.hash.Sum(m.sum[:0])
	return m.sum
}
