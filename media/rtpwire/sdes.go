package rtpwire

import "encoding/binary"

// Items of a source description (RFC 3550 section 6.5, RFC 9143 section 15).
const (
	sdesEnd   = 0
	sdesCNAME = 1
	sdesMID   = 15
)

// maxCompound bounds what SetMID writes, in octets.
const maxCompound = 1500

// SetMID gives every source that a compound describes the MID that mid names
// for it, in place of the one it has; an empty one takes it out. b may grow
// within its capacity; what has no room, or is malformed, stays as it is.
func SetMID(b []byte, mid func(ssrc uint32) []byte) []byte {
	var room [maxCompound]byte
	out, at := room[:0], b
	for len(at) > 0 {
		n, ok := rtcpLen(at)
		if !ok || len(out)+n > maxCompound {
			return b
		}
		if at[1] == SourceDescription && at[0]&0x20 == 0 {
			if out, ok = appendChunks(out, at[:n], mid); !ok {
				return b
			}
		} else {
			out = append(out, at[:n]...)
		}
		at = at[n:]
	}
	if len(out) > cap(b) {
		return b
	}
	return b[:copy(b[:len(out)], out)]
}

// appendChunks writes a source description with other MIDs.
func appendChunks(out, p []byte, mid func(uint32) []byte) ([]byte, bool) {
	head := len(out)
	out, rest := append(out, p[:4]...), p[4:]
	for range int(p[0] & 0x1f) {
		if len(rest) < 8 {
			return out, false
		}
		begin, at := len(out), 4
		out = append(out, rest[:4]...)
		for at < len(rest) && rest[at] != sdesEnd {
			if at+2 > len(rest) || at+2+int(rest[at+1]) > len(rest) {
				return out, false
			}
			n := 2 + int(rest[at+1])
			if rest[at] != sdesMID {
				out = append(out, rest[at:at+n]...)
			}
			at += n
		}
		if at >= len(rest) || (at+4)&^3 > len(rest) {
			return out, false // no end
		}
		if v := mid(binary.BigEndian.Uint32(rest)); len(v) > 0 && len(v) <= 255 {
			out = append(append(out, sdesMID, byte(len(v))), v...)
		}
		out = appendEnd(out, begin)
		rest = rest[(at+4)&^3:]
		if len(out)+len(rest) > maxCompound {
			return out, false
		}
	}
	out = append(out, rest...)
	binary.BigEndian.PutUint16(out[head+2:], uint16((len(out)-head)/4-1))
	return out, true
}

// appendEnd ends the items of a chunk.
func appendEnd(out []byte, begin int) []byte {
	for first := true; first || (len(out)-begin)%4 != 0; first = false {
		out = append(out, sdesEnd)
	}
	return out
}

// appendDescription writes the description of one source.
func appendDescription(dst []byte, ssrc uint32, name, mid string) []byte {
	head := len(dst)
	dst = append(dst, 0x81, SourceDescription, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	name, mid = name[:min(len(name), 255)], mid[:min(len(mid), 255)]
	dst = append(append(dst, sdesCNAME, byte(len(name))), name...)
	if mid != "" {
		dst = append(append(dst, sdesMID, byte(len(mid))), mid...)
	}
	dst = appendEnd(dst, head+4)
	binary.BigEndian.PutUint16(dst[head+2:], uint16((len(dst)-head)/4-1))
	return dst
}
