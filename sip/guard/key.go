package guard

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
)

// sourceID names a source: the upper half of an IPv6 address, since a customer
// has at least a /64, or an IPv4 address behind a prefix that no /64 in use
// has.
type sourceID uint64

const (
	v4Prefix   = 0xffff << 32
	translated = 0x0064ff9b << 32 // 64:ff9b::/96 of RFC 6052: IPv4 addresses seen through a translator
)

// sourceKey names the source of an address. Addresses that no answer could
// reach name none.
func sourceKey(a netip.Addr) (sourceID, bool) {
	if a.Is4() {
		b := a.As4()
		return v4Prefix | sourceID(binary.BigEndian.Uint32(b[:])), b != [4]byte{}
	}
	if !a.IsValid() {
		return 0, false
	}
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	switch {
	case hi == 0 && lo>>32 == 0xffff, hi == translated && lo>>32 == 0:
		return v4Prefix | sourceID(uint32(lo)), true
	case hi == 0 && lo == 0:
		return 0, false
	}
	return sourceID(hi), true
}

// prefix is the way back: a /32 or /64.
func (k sourceID) prefix() netip.Prefix {
	if k>>32 == v4Prefix>>32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(k))
		return netip.PrefixFrom(netip.AddrFrom4(b), 32)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(k))
	return netip.PrefixFrom(netip.AddrFrom16(b), 64)
}

// seed keys the hashes, so that nobody outside can choose keys that fall into
// one set.
type seed struct {
	text maphash.Seed
	a, b uint64
}

func newSeed() seed {
	return seed{maphash.MakeSeed(), maphash.Bytes(maphash.MakeSeed(), nil), maphash.Bytes(maphash.MakeSeed(), nil) | 1}
}

// source hashes a source. The uppermost bit is always set, so that 0 marks an
// empty entry.
func (s *seed) source(k sourceID) uint64 { return s.mix(uint64(k)) }

// pair hashes two hashes, in this order.
func (s *seed) pair(x, y uint64) uint64 { return s.mix(bits.RotateLeft64(s.mix(x), 32) ^ y) }

func (s *seed) mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x^s.a, s.b)
	x = hi ^ lo
	hi, lo = bits.Mul64(x^s.b, s.a|1)
	return hi ^ lo | 1<<63
}

// Salts tell the buckets of one source apart.
const (
	saltStream  = 1 << 0
	saltFlood   = 1 << 1
	saltGarbage = 1 << 2
	saltDialog  = 1 << 3
	saltMethod  = 1 << 4 // times the class of the method
)

// salted is the key of another bucket of the source, in another set.
func salted(h, salt uint64) uint64 { return h + salt*0x9e3779b97f4a7c15 | 1<<63 }

// channel keeps what may be forged apart from what may not.
func channel(p transport.Protocol) uint64 {
	if p.Reliable() {
		return saltStream
	}
	return 0
}

// longestUser is how much of a user's name counts.
const longestUser = 256

// user hashes the user part and host of an address: escapes undone, the host
// in lower case.
func (s *seed) user(user, host []byte) uint64 {
	var room [longestUser]byte
	var n int
	if bytes.IndexByte(user, '%') < 0 {
		n = copy(room[:len(room)-1], user)
	} else {
		n = unescape(room[:len(room)-1], user)
	}
	room[n] = '@'
	n++
	h := room[n : n+min(len(host), len(room)-n)]
	for i := range h {
		h[i] = lower(host[i])
	}
	return maphash.Bytes(s.text, room[:n+len(h)]) | 1<<63
}

// unescape copies text to room with its escapes undone, as much as there is
// place for.
func unescape(room, text []byte) (n int) {
	for i := 0; i < len(text) && n < len(room); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) {
			if hi, lo := unhex(text[i+1]), unhex(text[i+2]); hi < 16 && lo < 16 {
				c, i = hi<<4|lo, i+2
			}
		}
		room[n] = c
		n++
	}
	return n
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
