package ice

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// The part of STUN (RFC 8489) that connectivity checks use. It is parsed and
// written here because checks are answered for every stream every few
// seconds, and because whatever stands behind MESSAGE-INTEGRITY must not be
// looked at: it is not authenticated.

const (
	headerSize = 20
	cookie     = 0x2112a442
	crcMask    = 0x5354554e

	// maxMessage bounds what is looked at. Checks are far below it: a username
	// may take 513 octets.
	maxMessage = 1280
)

// class is the STUN message class.
type class uint8

const (
	classRequest class = iota
	classIndication
	classSuccess
	classError
)

const methodBinding = 1

// Attribute types (RFC 8489 section 18.3, RFC 8445 section 16.1).
const (
	attrUsername        = 0x0006
	attrIntegrity       = 0x0008
	attrErrorCode       = 0x0009
	attrUnknown         = 0x000a
	attrIntegritySHA256 = 0x001c
	attrXORMapped       = 0x0020
	attrPriority        = 0x0024
	attrUseCandidate    = 0x0025
	attrSoftware        = 0x8022
	attrFingerprint     = 0x8028
	attrControlled      = 0x8029
	attrControlling     = 0x802a
)

// Error codes.
const (
	codeUnknownAttribute = 420
	codeRoleConflict     = 487
)

type transactionID [12]byte

// message is what a STUN message says. Slices point into the packet.
type message struct {
	class       class
	method      uint16
	id          transactionID
	username    []byte
	mac         []byte // value of MESSAGE-INTEGRITY, nil without
	macAt       int    // offset of that attribute
	fingerprint bool   // present, and right
	priority    uint32
	role        uint16 // attrControlling, attrControlled, or 0
	tie         uint64
	use         bool // USE-CANDIDATE
	mapped      netip.AddrPort
	code        int
	unknown     [4]uint16 // comprehension-required attributes that are not known
	unknowns    int
}

// parse reads a message; ok is false when a length does not fit or the
// fingerprint is wrong.
func parse(b []byte) (m message, ok bool) {
	if len(b) < headerSize || len(b) > maxMessage || len(b)%4 != 0 || b[0]&0xc0 != 0 ||
		binary.BigEndian.Uint32(b[4:]) != cookie || int(binary.BigEndian.Uint16(b[2:])) != len(b)-headerSize {
		return m, false
	}
	t := binary.BigEndian.Uint16(b)
	m.class = class(t>>4&1 | t>>7&2)
	m.method = t&0xf | t>>1&0x70 | t>>2&0xf80
	copy(m.id[:], b[8:])
	for at := headerSize; at < len(b); {
		if m.fingerprint {
			return m, false // it must be the last
		}
		kind, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		next := at + 4 + (n+3)&^3
		if next > len(b) {
			return m, false
		}
		if !m.attribute(b, kind, at, b[at+4:at+4+n]) {
			return m, false
		}
		at = next
	}
	return m, true
}

// attribute takes one attribute; false: it is malformed. The first of several
// alike counts.
func (m *message) attribute(b []byte, kind uint16, at int, v []byte) bool {
	if kind == attrFingerprint {
		m.fingerprint = len(v) == 4 && binary.BigEndian.Uint32(v) == crc32.ChecksumIEEE(b[:at])^crcMask
		return m.fingerprint
	}
	if m.mac != nil {
		return true // not authenticated
	}
	switch kind {
	case attrIntegrity:
		m.mac, m.macAt = v, at
		return len(v) == 20
	case attrUsername:
		if m.username == nil {
			m.username = v
		}
	case attrPriority:
		if len(v) != 4 {
			return false
		}
		m.priority = binary.BigEndian.Uint32(v)
	case attrUseCandidate:
		m.use = true
	case attrControlling, attrControlled:
		if len(v) != 8 {
			return false
		}
		if m.role == 0 {
			m.role, m.tie = kind, binary.BigEndian.Uint64(v)
		}
	case attrXORMapped:
		return m.xorMapped(b, v)
	case attrErrorCode:
		if len(v) < 4 {
			return false
		}
		m.code = int(v[2]&7)*100 + int(v[3])
	case attrIntegritySHA256, attrUnknown:
	default:
		if kind < 0x8000 {
			if m.unknowns < len(m.unknown) {
				m.unknown[m.unknowns] = kind
				m.unknowns++
			}
		}
	}
	return true
}

func (m *message) xorMapped(b, v []byte) bool {
	if len(v) < 8 {
		return false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ cookie>>16
	switch {
	case v[1] == 1 && len(v) == 8:
		var a [4]byte
		for i := range a {
			a[i] = v[4+i] ^ b[4+i]
		}
		m.mapped = netip.AddrPortFrom(netip.AddrFrom4(a), port)
	case v[1] == 2 && len(v) == 20:
		var a [16]byte
		for i := range a {
			a[i] = v[4+i] ^ b[4+i]
		}
		m.mapped = netip.AddrPortFrom(netip.AddrFrom16(a).Unmap(), port)
	default:
		return false
	}
	return true
}
