package ice

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// composer appends one message to a buffer. The length in the header is
// written as attributes come, as MESSAGE-INTEGRITY and FINGERPRINT need it.
type composer struct {
	b     []byte
	start int
}

func compose(dst []byte, c class, id transactionID) composer {
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, methodBinding|uint16(c&1)<<4|uint16(c&2)<<7)
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, cookie)
	return composer{b: append(dst, id[:]...), start: start}
}

// message begins one that tells what software writes it.
func (a *Agent) message(c class, id transactionID) composer {
	m := compose(a.buf, c, id)
	if a.cfg.Software != "" {
		m.text(attrSoftware, a.cfg.Software)
	}
	return m
}

// open appends the head of an attribute with n octets of value and sets the
// length of the message as it is when the value has been appended.
func (c *composer) open(kind uint16, n int) {
	c.b = binary.BigEndian.AppendUint16(c.b, kind)
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(n))
	binary.BigEndian.PutUint16(c.b[c.start+2:], uint16(len(c.b)-c.start-headerSize+(n+3)&^3))
}

func (c *composer) text(kind uint16, s string) {
	c.open(kind, len(s))
	c.b = append(c.b, s...)
	for range -len(s) & 3 {
		c.b = append(c.b, 0)
	}
}

func (c *composer) flag(kind uint16) { c.open(kind, 0) }

func (c *composer) uint32(kind uint16, v uint32) {
	c.open(kind, 4)
	c.b = binary.BigEndian.AppendUint32(c.b, v)
}

func (c *composer) uint64(kind uint16, v uint64) {
	c.open(kind, 8)
	c.b = binary.BigEndian.AppendUint64(c.b, v)
}

func (c *composer) xorMapped(a netip.AddrPort) {
	port := a.Port() ^ cookie>>16
	key := c.b[c.start+4 : c.start+headerSize]
	if a.Addr().Is4() {
		ip := a.Addr().As4()
		c.open(attrXORMapped, 8)
		c.b = binary.BigEndian.AppendUint16(append(c.b, 0, 1), port)
		for i := range ip {
			c.b = append(c.b, ip[i]^key[i])
		}
		return
	}
	ip := a.Addr().As16()
	c.open(attrXORMapped, 20)
	c.b = binary.BigEndian.AppendUint16(append(c.b, 0, 2), port)
	for i := range ip {
		c.b = append(c.b, ip[i]^key[i])
	}
}

// errorCode appends the code and a reason phrase whose length is a multiple
// of four.
func (c *composer) errorCode(code int, reason string) {
	c.open(attrErrorCode, 4+len(reason))
	c.b = append(c.b, 0, 0, byte(code/100), byte(code%100))
	c.b = append(c.b, reason...)
	for range -len(reason) & 3 {
		c.b = append(c.b, 0)
	}
}

func (c *composer) unknown(kinds []uint16) {
	c.open(attrUnknown, 2*len(kinds))
	for _, k := range kinds {
		c.b = binary.BigEndian.AppendUint16(c.b, k)
	}
	if len(kinds)%2 != 0 {
		c.b = append(c.b, 0, 0)
	}
}

// finish appends MESSAGE-INTEGRITY, unless m is nil, and FINGERPRINT, and
// returns the whole buffer.
func (c *composer) finish(m *mac) []byte {
	if m != nil {
		covered := len(c.b)
		c.open(attrIntegrity, 20)
		c.b = m.append(c.b, c.b[c.start:covered])
	}
	covered := len(c.b)
	c.open(attrFingerprint, 4)
	crc := crc32.ChecksumIEEE(c.b[c.start:covered]) ^ crcMask
	c.b = binary.BigEndian.AppendUint32(c.b, crc)
	return c.b
}
