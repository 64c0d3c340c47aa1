package transaction

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/class5-go/class5/sip/wire"
)

// cookie marks branches that are unique by RFC 3261 section 8.1.1.7.
const cookie = "z9hG4bK"

// key identifies a transaction: 128 bits of a hash with two secret seeds over
// what RFC 3261 section 17 compares. Half the size of the text it stands for,
// no allocation, and nobody outside can aim at a collision.
type key [2]uint64

func (l *Layer) hash(b []byte) key {
	return key{maphash.Bytes(l.seeds[0], b), maphash.Bytes(l.seeds[1], b)}
}

func hasCookie(branch []byte) bool {
	return len(branch) > len(cookie) && wire.EqualFold(branch[:len(cookie)], cookie)
}

// serverKey is the key of the server transaction that a request belongs to
// (RFC 3261 section 17.2.3), as if its method were the one given: ACK and
// CANCEL ask for that of the INVITE.
func (l *Layer) serverKey(m *wire.Message, via wire.Via, method []byte) key {
	branch := via.Branch()
	b := l.keyed[:0]
	if hasCookie(branch) {
		b = append(b, branch...)
		b = append(b, 0)
		b = appendLower(b, via.Host)
		b = binary.BigEndian.AppendUint16(b, via.Port)
		b = append(b, method...)
	} else {
		b = appendOldKey(b, m, method)
	}
	l.keyed = b
	return l.hash(b)
}

// appendOldKey is what identifies a request of an RFC 2543 client. The To tag
// is left out for INVITE, because its ACK carries the tag of our response;
// Server.acknowledges compares that one.
func appendOldKey(b []byte, m *wire.Message, method []byte) []byte {
	b = append(b, 0)
	b = append(b, m.RequestURI()...)
	b = append(b, 0)
	b = append(b, m.FromTag()...)
	b = append(b, 0)
	b = append(b, m.CallID()...)
	b = append(b, 0)
	n, _ := m.CSeq()
	b = binary.BigEndian.AppendUint32(b, n)
	if via, ok := m.TopVia(); ok {
		b = append(b, via.Raw...)
	}
	b = append(b, 0)
	if string(method) != "INVITE" {
		b = append(b, m.ToTag()...)
		b = append(b, 0)
	}
	return append(b, method...)
}

// clientKey is the key of the client transaction that a response belongs to,
// and of the request it answers (RFC 3261 section 17.1.3).
func (l *Layer) clientKey(branch, method []byte) key {
	b := append(l.keyed[:0], branch...)
	b = append(b, 0)
	l.keyed = append(b, method...)
	return l.hash(l.keyed)
}

// mergedKey is the same for every copy of a request outside of a dialog that
// reached us on different ways (RFC 3261 section 8.2.2.2).
func (l *Layer) mergedKey(m *wire.Message) key {
	b := append(l.keyed[:0], m.FromTag()...)
	b = append(b, 0)
	b = append(b, m.CallID()...)
	b = append(b, 0)
	n, method := m.CSeq()
	b = binary.BigEndian.AppendUint32(b, n)
	l.keyed = append(b, method...)
	return l.hash(l.keyed)
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
