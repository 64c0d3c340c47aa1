package transport

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// STUN as RFC 8489 has it, as far as a keep-alive needs it (RFC 5626 section
// 4.4.2): a Binding request is answered with the address it came from.
const (
	stunHeader      = 20
	stunCookie      = 0x2112a442
	stunFingerprint = 0x5354554e // what the CRC is combined with

	stunRequest    = 0x0001 // Binding
	stunSuccess    = 0x0101
	stunError      = 0x0111
	stunMostListed = 6 // attributes named in an error response

	attrErrorCode   = 0x0009
	attrUnknown     = 0x000a
	attrXORMapped   = 0x0020
	attrFingerprint = 0x8028
)

// stunRoom is enough for any answer: the longest has a mapped IPv6 address or
// the list of unknown attributes, and a fingerprint.
const stunRoom = 64

// isSTUN tells STUN from SIP: two zero bits, the cookie, a length that fits.
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]&0xc0 == 0 && binary.BigEndian.Uint32(b[4:]) == stunCookie &&
		int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader && len(b)&3 == 0
}

// stunAsks is what a Binding request contains, as far as it matters.
type stunAsks struct {
	fingerprint bool
	unknown     [stunMostListed]uint16
	unknowns    int
}

// appendSTUN answers a Binding request from remote, and nothing else. The answer
// has as few attributes as may be: even that to a request of 20 bytes is, with
// the headers below, at most 1.3 times as long as the request.
func appendSTUN(dst, req []byte, remote netip.AddrPort) ([]byte, bool) {
	if binary.BigEndian.Uint16(req) != stunRequest {
		return dst, false
	}
	asks, ok := readSTUN(req)
	if !ok {
		return dst, false
	}
	start := len(dst)
	if asks.unknowns > 0 {
		dst = stunStart(dst, stunError, req)
		dst = append(dst, attrErrorCode>>8, attrErrorCode&0xff, 0, 4, 0, 0, 4, 20) // 420 Unknown Attribute
		dst = binary.BigEndian.AppendUint16(dst, attrUnknown)
		dst = binary.BigEndian.AppendUint16(dst, uint16(2*asks.unknowns))
		for _, a := range asks.unknown[:asks.unknowns] {
			dst = binary.BigEndian.AppendUint16(dst, a)
		}
		if asks.unknowns&1 != 0 {
			dst = append(dst, 0, 0)
		}
	} else {
		dst = stunStart(dst, stunSuccess, req)
		dst = appendXORMapped(dst, req, remote)
	}
	if asks.fingerprint {
		stunLength(dst[start:], 8)
		sum := crc32.ChecksumIEEE(dst[start:]) ^ stunFingerprint
		dst = append(dst, attrFingerprint>>8, attrFingerprint&0xff, 0, 4)
		dst = binary.BigEndian.AppendUint32(dst, sum)
	} else {
		stunLength(dst[start:], 0)
	}
	return dst, true
}

func stunStart(dst []byte, kind uint16, req []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, kind)
	return append(append(dst, 0, 0), req[4:stunHeader]...)
}

// stunLength writes the length of a message that will have more bytes.
func stunLength(m []byte, more int) {
	binary.BigEndian.PutUint16(m[2:], uint16(len(m)-stunHeader+more))
}

// appendXORMapped hides the address from middle boxes that rewrite addresses
// wherever they see them.
func appendXORMapped(dst, req []byte, remote netip.AddrPort) []byte {
	dst = append(dst, attrXORMapped>>8, attrXORMapped&0xff, 0)
	port := remote.Port() ^ stunCookie>>16
	if a := remote.Addr(); a.Is4() {
		dst = append(dst, 8, 0, 1)
		dst = binary.BigEndian.AppendUint16(dst, port)
		b := a.As4()
		return binary.BigEndian.AppendUint32(dst, binary.BigEndian.Uint32(b[:])^stunCookie)
	}
	dst = append(dst, 20, 0, 2)
	dst = binary.BigEndian.AppendUint16(dst, port)
	for i, b := range remote.Addr().As16() {
		dst = append(dst, b^req[4+i])
	}
	return dst
}

// readSTUN walks over the attributes. It fails for those that do not end where
// the message ends, and for a fingerprint that is wrong or not the last.
func readSTUN(req []byte) (asks stunAsks, ok bool) {
	for rest := req[stunHeader:]; len(rest) > 0; {
		if len(rest) < 4 || asks.fingerprint {
			return asks, false
		}
		kind, size := binary.BigEndian.Uint16(rest), (int(binary.BigEndian.Uint16(rest[2:]))+3)&^3
		if len(rest)-4 < size {
			return asks, false
		}
		switch {
		case kind == attrFingerprint:
			covered := req[:len(req)-len(rest)]
			if size != 4 || binary.BigEndian.Uint32(rest[4:]) != crc32.ChecksumIEEE(covered)^stunFingerprint {
				return asks, false
			}
			asks.fingerprint = true
		case kind < 0x8000 && !stunKnown(kind) && asks.unknowns < stunMostListed:
			asks.unknown[asks.unknowns] = kind
			asks.unknowns++
		}
		rest = rest[4+size:]
	}
	return asks, true
}

// stunKnown lists the attributes that must be understood and are: those of RFC
// 8489. The ones for authentication are passed over, as none is asked for.
func stunKnown(kind uint16) bool {
	switch kind {
	case 0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020:
		return true
	}
	return false
}
