package rtpwire

import "encoding/binary"

// ExtensionTable gives header extension elements other identifiers; those that
// become 0 are taken out.
type ExtensionTable [256]uint8

const (
	profileOneByte = 0xbede
	profileTwoByte = 0x1000 // and 15 more
	// maxExtensionBlock bounds what is written, in octets.
	maxExtensionBlock = 512
)

// extensionBlock finds the header extension of a packet: its profile, and
// where it stands, its four octets of header included. at == end: there is
// none. ok is false for what is not a packet.
func extensionBlock(b []byte) (profile uint16, at, end int, ok bool) {
	if len(b) < HeaderSize {
		return 0, 0, 0, false
	}
	at = HeaderSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 == 0 {
		return 0, at, at, at <= len(b)
	}
	if len(b) < at+4 {
		return 0, 0, 0, false
	}
	end = at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	return binary.BigEndian.Uint16(b[at:]), at, end, end <= len(b)
}

func elements(profile uint16) bool {
	return profile == profileOneByte || profile&0xfff0 == profileTwoByte
}

// nextElement cuts the first element off; ok is false behind the last one.
func nextElement(profile uint16, e []byte) (id uint8, data, rest []byte, ok bool) {
	for len(e) > 0 && e[0] == 0 { // padding
		e = e[1:]
	}
	if len(e) == 0 {
		return 0, nil, nil, false
	}
	from, n := 1, int(e[0]&0x0f)+1
	if id = e[0] >> 4; profile != profileOneByte {
		if len(e) < 2 {
			return 0, nil, nil, false
		}
		id, from, n = e[0], 2, int(e[1])
	} else if id == 0 || id == 15 { // with a length: nothing behind it counts
		return 0, nil, nil, false
	}
	if from+n > len(e) {
		return 0, nil, nil, false
	}
	return id, e[from : from+n], e[from+n:], true
}

// MapExtensions changes the identifiers of a packet's header extension
// elements (RFC 8285) and returns the packet, in the same memory. Extensions of
// other kinds stay. Where the identifiers need the longer form and there is no
// room for it, all elements are taken out.
func MapExtensions(b []byte, t *ExtensionTable) []byte {
	profile, at, end, ok := extensionBlock(b)
	if !ok || at == end || !elements(profile) {
		return b
	}
	w := extensionWriter{appBits: profile & 0x0f}
	if profile == profileOneByte {
		w.appBits = 0
	}
	for _, long := range [...]bool{false, true} {
		w.begin(long)
		fits := true
		for id, data, rest, more := nextElement(profile, b[at+4:end]); more; id, data, rest, more = nextElement(profile, rest) {
			if to := t[id]; to != 0 && fits {
				fits = w.add(to, data)
			}
		}
		if fits {
			if out, ok := w.put(b, at, end); ok {
				return out
			}
		}
	}
	w.begin(false)
	out, _ := w.put(b, at, end) // it gets shorter
	return out
}

// SetExtension gives a packet a header extension element (RFC 8285), or
// another value if it has it, and returns the packet, in the same memory. A
// packet that has no room for it, or an extension of another kind, stays as it
// is.
func SetExtension(b []byte, id uint8, value []byte) []byte {
	profile, at, end, ok := extensionBlock(b)
	if !ok || id == 0 || at != end && !elements(profile) {
		return b
	}
	if has, found := Extension(b, id); found && string(has) == string(value) {
		return b
	}
	var w extensionWriter
	if profile != profileOneByte {
		w.appBits = profile & 0x0f
	}
	for _, long := range [...]bool{false, true} {
		w.begin(long)
		fits := true
		if at != end {
			for other, data, rest, more := nextElement(profile, b[at+4:end]); more; other, data, rest, more = nextElement(profile, rest) {
				fits = fits && (other == id || w.add(other, data))
			}
		}
		if fits && w.add(id, value) {
			if out, ok := w.put(b, at, end); ok {
				return out
			}
		}
	}
	return b
}

// extensionWriter makes a header extension.
type extensionWriter struct {
	block   [maxExtensionBlock]byte
	n       int
	long    bool // two-byte headers
	appBits uint16
}

func (w *extensionWriter) begin(long bool) { w.n, w.long = 4, long }

// add appends an element; false: it does not fit the form.
func (w *extensionWriter) add(id uint8, data []byte) bool {
	switch {
	case w.long && len(data) <= 255 && w.n+2+len(data) <= len(w.block):
		w.block[w.n], w.block[w.n+1] = id, byte(len(data))
		w.n += 2
	case !w.long && id <= 14 && len(data) >= 1 && len(data) <= 16 && w.n+1+len(data) <= len(w.block):
		w.block[w.n] = id<<4 | byte(len(data)-1)
		w.n++
	default:
		return false
	}
	w.n += copy(w.block[w.n:], data)
	return true
}

// put replaces b[at:end] by the extension.
func (w *extensionWriter) put(b []byte, at, end int) ([]byte, bool) {
	n := 0
	if w.n > 4 {
		for ; w.n%4 != 0; w.n++ {
			w.block[w.n] = 0
		}
		n = w.n
		profile := uint16(profileOneByte)
		if w.long {
			profile = profileTwoByte | w.appBits
		}
		binary.BigEndian.PutUint16(w.block[:], profile)
		binary.BigEndian.PutUint16(w.block[2:], uint16(n/4-1))
	}
	size := len(b) + n - (end - at)
	if size > cap(b) {
		return b, false
	}
	out := b[:size]
	copy(out[at+n:], b[end:])
	copy(out[at:], w.block[:n])
	if out[0] &^= 0x10; n > 0 {
		out[0] |= 0x10
	}
	return out, true
}
