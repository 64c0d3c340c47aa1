package rtpwire

import "encoding/binary"

// Extension finds a header extension element by its identifier (RFC 8285,
// one-byte and two-byte form). The data points into the packet.
func Extension(b []byte, id uint8) (data []byte, ok bool) {
	at := HeaderSize + 4*int(b[0]&0x0f)
	if len(b) < at+4 || b[0]&0x10 == 0 || id == 0 {
		return nil, false
	}
	profile := binary.BigEndian.Uint16(b[at:])
	end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	if end > len(b) {
		return nil, false
	}
	switch {
	case profile == 0xbede:
		return oneByte(b[at+4:end], id)
	case profile&0xfff0 == 0x1000:
		return twoByte(b[at+4:end], id)
	}
	return nil, false
}

func oneByte(e []byte, id uint8) ([]byte, bool) {
	for len(e) > 0 {
		if e[0] == 0 { // padding
			e = e[1:]
			continue
		}
		n := int(e[0]&0x0f) + 1
		if e[0]>>4 == 15 || 1+n > len(e) {
			return nil, false
		}
		if e[0]>>4 == id {
			return e[1 : 1+n], true
		}
		e = e[1+n:]
	}
	return nil, false
}

func twoByte(e []byte, id uint8) ([]byte, bool) {
	for len(e) > 0 {
		if e[0] == 0 {
			e = e[1:]
			continue
		}
		if len(e) < 2 || 2+int(e[1]) > len(e) {
			return nil, false
		}
		n := int(e[1])
		if e[0] == id {
			return e[2 : 2+n], true
		}
		e = e[2+n:]
	}
	return nil, false
}
