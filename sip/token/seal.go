package token

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
)

const (
	version = 1

	headLen = 3
	maxLen  = headLen + 16 + 2 + 8 + macLen
)

// MaxLen is the length of the longest token in characters.
const MaxLen = (maxLen*8 + 5) / 6

// encoding is strict: of the spellings that differ only in the unused bits of
// the last character, one is accepted.
var encoding = base64.RawURLEncoding.Strict()

// Seal appends the token of f for purpose p, bound to bind (which may be empty),
// to dst. A flow with an unknown transport or no address gives a token that Open
// refuses.
func (r *Ring) Seal(dst []byte, p Purpose, f Flow, bind []byte) []byte {
	k := r.keys.Load().active
	m := k.begin()
	m.in = appendClaims(m.in, Claims{KeyID: k.id, Purpose: p, Flow: f})
	n := len(m.in)
	m.in = append(m.in, bind...)
	sum := k.mac.of(m)
	m.in = append(m.in[:n], sum[:macLen]...)
	dst = encoding.AppendEncode(dst, m.in)
	k.end(m)
	return dst
}

// Open returns the flow of a token that one of the ring's keys has sealed for
// purpose p and bound to bind.
func (r *Ring) Open(tok []byte, p Purpose, bind []byte) (Flow, error) {
	var buf [maxLen]byte
	c, raw, err := decode(&buf, tok)
	switch {
	case err != nil:
		return Flow{}, err
	case c.Purpose != p:
		return Flow{}, ErrPurpose
	}
	k := r.keys.Load().byID[c.KeyID]
	if k == nil {
		return Flow{}, ErrKey
	}
	signed, sig := raw[:len(raw)-macLen], raw[len(raw)-macLen:]
	m := k.begin()
	m.in = append(m.in, signed...)
	m.in = append(m.in, bind...)
	ok := subtle.ConstantTimeCompare(k.mac.of(m)[:macLen], sig) == 1
	k.end(m)
	if !ok {
		return Flow{}, ErrMAC
	}
	return c.Flow, nil
}

// Claims is what a token says, whether it is true or not.
type Claims struct {
	// KeyID names the key that must have made it.
	KeyID uint8
	// Purpose is the place it is made for.
	Purpose Purpose
	// Flow is where it leads.
	Flow Flow
}

// Inspect reads a token without checking its signature, to show it to people.
func Inspect(tok []byte) (Claims, error) {
	var buf [maxLen]byte
	c, _, err := decode(&buf, tok)
	return c, err
}

func appendClaims(dst []byte, c Claims) []byte {
	addr := c.Flow.Remote.Addr().Unmap()
	var six byte
	if addr.Is6() {
		six = 1
	}
	dst = append(dst, version<<4|c.KeyID, byte(c.Purpose)<<5|byte(c.Flow.Transport)&0xf<<1|six, c.Flow.Listener)
	switch {
	case addr.Is6():
		a := addr.As16()
		dst = append(dst, a[:]...)
	case addr.Is4():
		a := addr.As4()
		dst = append(dst, a[:]...)
	}
	dst = binary.BigEndian.AppendUint16(dst, c.Flow.Remote.Port())
	if c.Flow.Transport.Stream() {
		dst = binary.BigEndian.AppendUint64(dst, c.Flow.Generation)
	}
	return dst
}

// decode reads tok into buf and returns what it claims and its octets.
func decode(buf *[maxLen]byte, tok []byte) (Claims, []byte, error) {
	if len(tok) > MaxLen {
		return Claims{}, nil, ErrMalformed
	}
	n, err := encoding.Decode(buf[:], tok)
	// The decoder passes over CR and LF: the length gives them away.
	if err != nil || encoding.EncodedLen(n) != len(tok) || n < headLen {
		return Claims{}, nil, ErrMalformed
	}
	raw := buf[:n]
	if raw[0]>>4 != version {
		return Claims{}, nil, ErrVersion
	}
	c := Claims{KeyID: raw[0] & 0xf, Purpose: Purpose(raw[1] >> 5)}
	c.Flow.Transport = Transport(raw[1] >> 1 & 0xf)
	c.Flow.Listener = raw[2]
	addrLen := 4
	if raw[1]&1 == 1 {
		addrLen = 16
	}
	genLen := 0
	if c.Flow.Transport.Stream() {
		genLen = 8
	}
	if !c.Flow.Transport.valid() || n != headLen+addrLen+2+genLen+macLen {
		return Claims{}, nil, ErrMalformed
	}
	rest := raw[headLen:]
	addr, _ := netip.AddrFromSlice(rest[:addrLen])
	c.Flow.Remote = netip.AddrPortFrom(addr, binary.BigEndian.Uint16(rest[addrLen:]))
	if genLen > 0 {
		c.Flow.Generation = binary.BigEndian.Uint64(rest[addrLen+2:])
	}
	return c, raw, nil
}
