package srtp

import (
	"bytes"
	"fmt"
)

// The most packets that one master key may protect (RFC 3711 section 9.2).
const (
	maxPacketsRTP  = 1 << 48
	maxPacketsRTCP = 1 << 31
)

// masterKey is a master key with its engine and how much it has been used.
type masterKey struct {
	mki       []byte
	engine    Engine
	check     [checkLen]byte // knows the key again in an exported state
	rtp, rtcp uint64         // packets
	warned    bool
}

// arm checks the key material and makes the engine.
func (c *Context) arm(k *masterKey, key, salt []byte) error {
	if len(key) != c.suite.KeyLen() || len(salt) != c.suite.SaltLen() {
		return fmt.Errorf("%w: %v takes a key of %d and a salt of %d octets, not %d and %d",
			ErrKey, c.suite, c.suite.KeyLen(), c.suite.SaltLen(), len(key), len(salt))
	}
	check, err := derive(key, salt, labelCheck, checkLen)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	copy(k.check[:], check)
	k.engine, err = c.newEngine(c.params(key, salt))
	return err
}

// AddKey adds a master key with its own identifier. All identifiers of a
// context have the same length, and the first key must have been given one
// ([WithMKI]). It is received at once; [Context.UseKey] makes it the one that is
// sent.
func (c *Context) AddKey(mki, key, salt []byte) error {
	switch {
	case len(c.keys) >= MaxKeys:
		return fmt.Errorf("%w: more than %d keys", ErrKey, MaxKeys)
	case len(mki) == 0 || len(mki) != c.mkiLen:
		return fmt.Errorf("%w: MKI of %d octets, the first has %d", ErrKey, len(mki), c.mkiLen)
	case c.byMKI(mki) != nil:
		return fmt.Errorf("%w: MKI in use", ErrKey)
	}
	k := &masterKey{mki: append([]byte(nil), mki...)}
	if err := c.arm(k, key, salt); err != nil {
		return err
	}
	for _, other := range c.keys {
		// The same key under two names would have two lifetimes.
		if other.check == k.check {
			return fmt.Errorf("%w: key in use under another MKI", ErrKey)
		}
	}
	c.keys = append(c.keys, k)
	return nil
}

// UseKey chooses the key that outgoing packets are protected with. Indices go
// on from where they are (RFC 3711 section 3.3.1).
func (c *Context) UseKey(mki []byte) error {
	k := c.byMKI(mki)
	if k == nil {
		return ErrMKI
	}
	c.send = k
	c.revision++
	return nil
}

// RemoveKey forgets a key that is not the one in use.
func (c *Context) RemoveKey(mki []byte) error {
	k := c.byMKI(mki)
	if k == nil {
		return ErrMKI
	}
	if k == c.send {
		return fmt.Errorf("%w: key is in use", ErrKey)
	}
	for i := range c.keys {
		if c.keys[i] == k {
			c.keys = append(c.keys[:i], c.keys[i+1:]...)
			break
		}
	}
	c.revision++
	return nil
}

func (c *Context) byMKI(mki []byte) *masterKey {
	for _, k := range c.keys {
		if bytes.Equal(k.mki, mki) {
			return k
		}
	}
	return nil
}

// Used tells how many SRTP and SRTCP packets the sending key has protected, or
// the only key of a receiver has opened.
func (c *Context) Used() (rtp, rtcp uint64) { return c.send.rtp, c.send.rtcp }

func (c *Context) limits() (rtp, rtcp uint64) {
	rtp, rtcp = maxPacketsRTP, maxPacketsRTCP
	if c.limit > 0 {
		rtp, rtcp = min(rtp, c.limit), min(rtcp, c.limit)
	}
	return rtp, rtcp
}

func (c *Context) expired(k *masterKey) bool {
	rtp, rtcp := c.limits()
	return k.rtp >= rtp || k.rtcp >= rtcp
}

// spend counts a packet of k and warns when few are left.
func (c *Context) spend(k *masterKey, used *uint64) {
	*used++
	c.tick++
	if c.warn == nil || k.warned {
		return
	}
	rtp, rtcp := c.limits()
	if left := min(rtp-k.rtp, rtcp-k.rtcp); left <= c.warnLeft {
		k.warned = true
		c.warn(k.mki, left)
	}
}

// putMKI writes the identifier in front of the last tag octets of buf[:n].
func (c *Context) putMKI(buf []byte, n, tag int) int {
	if c.mkiLen == 0 {
		return n
	}
	copy(buf[n-tag+c.mkiLen:], buf[n-tag:n])
	copy(buf[n-tag:], c.send.mki)
	return n + c.mkiLen
}

// takeMKI finds the key of a packet and takes the identifier, which is in
// front of the last tag octets, out of it.
func (c *Context) takeMKI(pkt []byte, tag int) (*masterKey, []byte, error) {
	if c.mkiLen == 0 {
		return c.send, pkt, nil
	}
	end := len(pkt) - tag
	k := c.byMKI(pkt[end-c.mkiLen : end])
	if k == nil {
		return nil, pkt, ErrMKI
	}
	copy(pkt[end-c.mkiLen:], pkt[end:])
	return k, pkt[:len(pkt)-c.mkiLen], nil
}

// trailer is how many octets follow the MKI: an AEAD's tag is part of the
// cipher text in front of it (RFC 7714 sections 8.2 and 9.2).
func (c *Context) trailer(tag int) int {
	if c.suite.AEAD() {
		return 0
	}
	return tag
}
