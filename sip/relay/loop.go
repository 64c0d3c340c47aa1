package relay

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/class5-go/class5/sip/wire"
)

// appendFootprint appends what we leave in our Via to know the request again
// when it comes round: a hash of all that routes it (RFC 3261 section 16.6, step
// 8). The RFC has it in the branch, but there the CANCEL and the ACK, which may
// have other Routes, must agree with their INVITE.
//
// The hash needs no key: who forges it has their own request refused.
func appendFootprint(dst []byte, s *Scratch) []byte {
	m := &s.m
	seq, _ := m.CSeq()
	h := uint64(seq) << 1
	if s.listener.internal {
		h |= 1
	}
	h = footprint(h, m.RequestURI())
	h = footprint(h, m.CallID())
	h = footprint(h, m.FromTag())
	h = footprint(h, m.ToTag())
	// The topmost line of Routes is enough: every hop takes a Route off.
	if route, ok := m.First(wire.HdrRoute); ok {
		h = footprint(h, route.Value)
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for range 7 {
		dst = append(dst, letters[h&63])
		h >>= 6
	}
	return dst
}

func footprint(h uint64, b []byte) uint64 {
	const k0, k1 = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db
	h ^= uint64(len(b)) * k1
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		hi, lo := bits.Mul64(h^binary.LittleEndian.Uint64(rest), k0)
		h = hi ^ lo
	}
	var last uint64
	if len(b) >= 8 { // the last eight octets, less those that are in already
		last = binary.LittleEndian.Uint64(b[len(b)-8:]) >> (64 - 8*len(rest))
	} else {
		for i, c := range rest {
			last |= uint64(c) << (8 * i)
		}
	}
	hi, lo := bits.Mul64(h^last, k1)
	return hi ^ lo
}

// looped reports whether the request has been here before, unchanged in all that
// routes it: one of its Vias is ours and has the footprint in s.foot (RFC 3261
// section 16.3, item 4). A request that comes back with another Request-URI or
// Route spirals, which is no fault.
func (r *Relay) looped(s *Scratch) bool {
	if !throughOthers(&s.m) {
		return false
	}
	for v := s.m.Values(wire.HdrVia); v.Next(); {
		if !bytes.Contains(v.Value(), s.foot) {
			continue
		}
		via, err := v.Via()
		if err != nil {
			continue
		}
		if lp, _ := via.Params.Get("lp"); !bytes.Equal(lp, s.foot[len(footParam):]) {
			continue
		}
		if addr, ok := uriAddr(&wire.URI{Scheme: []byte("sip"), Host: via.Host, Port: via.Port}); ok {
			if r.ownAddr(addr) {
				return true
			}
		}
	}
	return false
}

// footParam stands in front of the footprint in a Via.
const footParam = ";lp="
