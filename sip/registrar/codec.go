package registrar

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// ErrRecord is the error of a stored record that cannot be read.
var ErrRecord = errors.New("registrar: damaged record")

// recordVersion starts every encoded record. Fields may be added without
// raising it: readers keep those they do not know.
const recordVersion = 1

// A field is its tag times two, plus one for octets: then a length and the
// octets follow, else a number. All numbers are unsigned varints. Fields with
// their zero value are left out, the others come in the order of their tags.
// Tags are for ever: a new field has the next one, so that readers find those
// they do not know at the end.
const (
	tagContact    = 1<<1 | 1
	tagParams     = 2<<1 | 1
	tagQ          = 3 << 1
	tagCallID     = 4<<1 | 1
	tagCSeq       = 5 << 1
	tagExpires    = 6 << 1
	tagRegistered = 7 << 1
	tagUpdated    = 8 << 1
	tagInstance   = 9<<1 | 1
	tagRegID      = 10 << 1
	tagPath       = 11<<1 | 1
	tagUserAgent  = 12<<1 | 1
	tagAddr       = 13<<1 | 1
	tagPort       = 14 << 1
	tagTransport  = 15<<1 | 1
	tagEdge       = 16<<1 | 1

	lastTag = tagEdge
)

// AppendBindings appends the encoded form of bindings that stores keep.
func AppendBindings(dst []byte, bs []Binding) []byte {
	dst = append(dst, recordVersion)
	for i := range bs {
		start := len(dst)
		dst = append(dst, 0, 0) // length, most bindings need two octets
		dst = appendBinding(dst, &bs[i])
		n := len(dst) - start - 2
		if n < 1<<14 {
			dst[start], dst[start+1] = byte(n)|0x80, byte(n>>7)
			continue
		}
		var size [binary.MaxVarintLen64]byte
		w := binary.PutUvarint(size[:], uint64(n))
		dst = append(dst, size[2:w]...) // make room
		copy(dst[start+w:], dst[start+2:start+2+n])
		copy(dst[start:], size[:w])
	}
	return dst
}

func appendBinding(dst []byte, b *Binding) []byte {
	dst = appendText(dst, tagContact, b.Contact)
	dst = appendText(dst, tagParams, b.Params)
	dst = appendNumber(dst, tagQ, uint64(b.Q))
	dst = appendText(dst, tagCallID, b.CallID)
	dst = appendNumber(dst, tagCSeq, uint64(b.CSeq))
	dst = appendTime(dst, tagExpires, b.Expires)
	dst = appendTime(dst, tagRegistered, b.Registered)
	dst = appendTime(dst, tagUpdated, b.Updated)
	dst = appendText(dst, tagInstance, b.Instance)
	dst = appendNumber(dst, tagRegID, uint64(b.RegID))
	dst = appendText(dst, tagPath, b.Path)
	dst = appendText(dst, tagUserAgent, b.UserAgent)
	if b.Source.IsValid() {
		if a := b.Source.Addr().Unmap(); a.Is4() {
			v := a.As4()
			dst = append(append(dst, tagAddr, 4), v[:]...)
		} else {
			v := a.As16()
			dst = append(append(dst, tagAddr, 16), v[:]...)
		}
		dst = appendNumber(dst, tagPort, uint64(b.Source.Port()))
	}
	dst = appendText(dst, tagTransport, b.Transport)
	dst = appendText(dst, tagEdge, b.Edge)
	return append(dst, b.Extra...)
}

func appendText(dst []byte, tag uint64, s string) []byte {
	if s == "" {
		return dst
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, tag), uint64(len(s)))
	return append(dst, s...)
}

func appendNumber(dst []byte, tag, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, tag), n)
}

func appendTime(dst []byte, tag uint64, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return appendNumber(dst, tag, uint64(t.UnixMilli()))
}

// DecodeBindings appends the bindings of an encoded record that expire after
// now to dst. Their strings are parts of rec; nothing is copied. On error dst
// comes back as it was.
func DecodeBindings(dst []Binding, rec string, now time.Time) ([]Binding, error) {
	if rec == "" {
		return dst, nil
	}
	if rec[0] != recordVersion {
		return dst, ErrRecord
	}
	out := dst
	for rest := rec[1:]; rest != ""; {
		n, tail, ok := number(rest)
		if !ok || n > uint64(len(tail)) {
			return dst, ErrRecord
		}
		out = append(out, Binding{})
		b := &out[len(out)-1]
		if !b.decode(tail[:n]) {
			return dst, ErrRecord
		}
		if !b.Expires.After(now) {
			out = out[:len(out)-1]
		}
		rest = tail[n:]
	}
	return out, nil
}

func (b *Binding) decode(s string) bool {
	var addr netip.Addr
	var port uint16
	for last := uint64(0); s != ""; {
		tag, rest, ok := number(s)
		if !ok || tag>>1 <= last {
			return false
		}
		last = tag >> 1
		n, rest, ok := number(rest)
		if !ok {
			return false
		}
		var text string
		if tag&1 == 1 {
			if n > uint64(len(rest)) {
				return false
			}
			text, rest = rest[:n], rest[n:]
		}
		switch {
		case tag == tagAddr:
			addr, ok = address(text)
		case tag == tagPort:
			port, ok = uint16(n), n < 1<<16
		case last > lastTag>>1:
			if b.Extra == "" {
				b.Extra = s // and all behind it
			}
		default:
			ok = b.text(tag, text) || b.number(tag, n)
		}
		if !ok {
			return false
		}
		s = rest
	}
	if addr.IsValid() {
		b.Source = netip.AddrPortFrom(addr, port)
	}
	return true
}

func (b *Binding) text(tag uint64, s string) bool {
	switch tag {
	case tagContact:
		b.Contact = s
	case tagParams:
		b.Params = s
	case tagCallID:
		b.CallID = s
	case tagInstance:
		b.Instance = s
	case tagPath:
		b.Path = s
	case tagUserAgent:
		b.UserAgent = s
	case tagTransport:
		b.Transport = s
	case tagEdge:
		b.Edge = s
	default:
		return false
	}
	return true
}

func (b *Binding) number(tag, n uint64) bool {
	switch tag {
	case tagQ:
		b.Q = uint16(min(n, 1000))
	case tagCSeq:
		b.CSeq = uint32(n)
	case tagRegID:
		b.RegID = uint32(n)
	case tagExpires:
		b.Expires = instant(n)
	case tagRegistered:
		b.Registered = instant(n)
	case tagUpdated:
		b.Updated = instant(n)
	default:
		return false
	}
	return true
}

// instant reads what appendTime wrote, which leaves the zero time out: a
// written 0 says no more than an absent one.
func instant(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func address(s string) (netip.Addr, bool) {
	switch len(s) {
	case 4:
		return netip.AddrFrom4([4]byte{s[0], s[1], s[2], s[3]}), true
	case 16:
		var v [16]byte
		copy(v[:], s)
		return netip.AddrFrom16(v), true
	}
	return netip.Addr{}, false
}

// number reads an unsigned varint.
func number(s string) (n uint64, rest string, ok bool) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		c := s[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return n, s[i+1:], true
		}
	}
	return 0, "", false
}
