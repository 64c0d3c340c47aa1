package wire

import "strconv"

// Builder writes a message from nothing into a buffer of the caller. Start with Request or Response, add headers
// in the order wanted, finish with End, which writes Content-Length and the body. Names are written in their long
// form. A value with CR, LF, NUL or another control character but HTAB makes End fail with ReasonInserted: text
// that came from outside can't add a header of its own.
//
// The zero value is ready; it may be used again after End.
type Builder struct {
	dst  []byte
	base int
	err  Reason
}

// Request starts a request at the end of dst.
func (b *Builder) Request(dst []byte, method string, uri []byte) {
	b.start(dst)
	b.dst = append(append(append(append(b.dst, method...), ' '), uri...), " SIP/2.0\r\n"...)
	end := b.base + len(method)
	if len(method) == 0 || skip(b.dst[:end], b.base, clToken) != end {
		b.fail(ReasonMethod)
	}
	if len(uri) == 0 || skipURI(uri, 0) != len(uri) {
		b.fail(ReasonRequestURI)
	}
}

// Response starts a response at the end of dst; reason "" means the standard phrase.
func (b *Builder) Response(dst []byte, code int, reason string) {
	b.start(dst)
	if code < 100 || code > 699 {
		b.fail(ReasonStatusCode)
	}
	if !insertable([]byte(reason)) {
		b.fail(ReasonInserted)
	}
	b.dst = AppendStatusLine(b.dst, code, reason)
}

func (b *Builder) start(dst []byte) { b.dst, b.base, b.err = dst, len(dst), ReasonNone }

func (b *Builder) fail(r Reason) {
	if b.err == ReasonNone {
		b.err = r
	}
}

// Header adds a line of a known header. Content-Length is End's business and refused here.
func (b *Builder) Header(id HeaderID, value []byte) {
	if id == HdrOther || id >= numHeaders || id == HdrContentLength {
		b.fail(ReasonHeaderName)
		return
	}
	if !insertable(value) {
		b.fail(ReasonInserted)
	}
	b.line(headers[id].name, value)
}

// HeaderString is Header for a string.
func (b *Builder) HeaderString(id HeaderID, value string) { b.Header(id, []byte(value)) }

// HeaderInt is Header for a number.
func (b *Builder) HeaderInt(id HeaderID, n int64) {
	var text [20]byte
	b.Header(id, strconv.AppendInt(text[:0], n, 10))
}

// Named adds a line with any name.
func (b *Builder) Named(name string, value []byte) {
	if id := lookup(name); id != HdrOther {
		b.Header(id, value)
		return
	}
	if !isToken(name) {
		b.fail(ReasonHeaderName)
		return
	}
	if !insertable(value) {
		b.fail(ReasonInserted)
	}
	b.line(name, value)
}

func isToken(s string) bool {
	for i := range len(s) {
		if !is(s[i], clToken) {
			return false
		}
	}
	return s != ""
}

// Field adds a line; a Field made by Body belongs to AppendResponse and End and is refused.
func (b *Builder) Field(f Field) {
	switch {
	case f.body:
		b.fail(ReasonHeaderName)
	case f.ID != HdrOther:
		b.Header(f.ID, f.Value)
	default:
		b.Named(f.Name, f.Value)
	}
}

// Copy adds every line that m has of header id, as it came.
func (b *Builder) Copy(m *Message, id HeaderID) {
	for i := m.chains[id].first; i != 0; i = m.lines[i-1].next {
		b.dst = append(b.dst, m.At(int(i)-1).Line...)
	}
}

func (b *Builder) line(name string, value []byte) {
	b.dst = append(append(b.dst, name...), ": "...)
	b.dst = append(append(b.dst, value...), "\r\n"...)
}

// End writes Content-Type (unless empty), Content-Length and the body, and returns the buffer with the whole
// message behind what Request or Response was given. On error that is returned as it was.
func (b *Builder) End(contentType string, body []byte) ([]byte, error) {
	if contentType != "" {
		b.HeaderString(HdrContentType, contentType)
	}
	b.dst = append(append(b.dst, headers[HdrContentLength].name...), ": "...)
	b.dst = strconv.AppendInt(b.dst, int64(len(body)), 10)
	b.dst = append(append(b.dst, "\r\n\r\n"...), body...)
	dst := b.dst
	b.dst = nil
	if b.err != ReasonNone {
		return dst[:b.base], &Error{Reason: b.err}
	}
	return dst, nil
}
