package wire

import "strconv"

// AppendCanonical appends the message in the one form that even a lenient parser can't misread: long header names,
// folds and white space removed, Via, Route, Contact and their like one value a line, in brackets and with lower-case
// parameter names, SP for control characters in quoted-pairs, numbers without leading zeros, Content-Length always
// there. Values of other headers are unfolded only. m must hold a message that Parse accepted.
func (m *Message) AppendCanonical(dst []byte) []byte {
	if m.request {
		dst = append(append(dst, m.MethodName()...), ' ')
		dst = append(append(dst, m.RequestURI()...), " SIP/2.0\r\n"...)
	} else {
		dst = strconv.AppendInt(append(dst, "SIP/2.0 "...), int64(m.status), 10)
		dst = append(append(dst, ' '), m.ReasonPhrase()...)
		dst = append(dst, "\r\n"...)
	}
	for i := range int(m.n) {
		if id := m.lines[i].id; id != HdrContentLength {
			dst = m.appendCanonicalHeader(dst, i)
		}
	}
	dst = append(append(dst, headers[HdrContentLength].name...), ": "...)
	dst = strconv.AppendInt(dst, int64(len(m.b)-int(m.bodyAt)), 10)
	return append(append(dst, "\r\n\r\n"...), m.Body()...)
}

func (m *Message) appendCanonicalHeader(dst []byte, i int) []byte {
	h := m.At(i)
	name := headers[h.ID].name
	if h.ID == HdrOther {
		return appendPlainLine(dst, string(h.Name), h.Value)
	}
	switch headers[h.ID].kind {
	case kindVia, kindNameAddrList, kindContact, kindNameAddrTag, kindNameAddr:
		return m.appendCanonicalValues(dst, h, name)
	case kindCSeq:
		dst = strconv.AppendUint(append(append(dst, name...), ": "...), uint64(m.cseq), 10)
		dst = append(append(dst, ' '), m.cseqMethod.of(m.b)...)
		return append(dst, "\r\n"...)
	case kindMaxForwards:
		dst = strconv.AppendInt(append(append(dst, name...), ": "...), int64(m.maxFwd), 10)
		return append(dst, "\r\n"...)
	}
	return appendPlainLine(dst, name, h.Value)
}

func appendPlainLine(dst []byte, name string, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(AppendPlain(dst, value), "\r\n"...)
}

// appendCanonicalValues writes every value of a checked list on a line of its own.
func (m *Message) appendCanonicalValues(dst []byte, h Header, name string) []byte {
	for i := 0; i <= len(h.Value); {
		end := valueEnd(h.Value, i)
		dst = append(append(dst, name...), ": "...)
		if h.ID == HdrVia {
			v, _ := ParseVia(h.Value[i:end])
			dst = v.AppendTo(dst)
		} else {
			v, _ := ParseNameAddr(h.Value[i:end])
			dst = v.AppendTo(dst)
		}
		dst = append(dst, "\r\n"...)
		i = end + 1
	}
	return dst
}

// AppendTo appends the value without folds, control characters and needless white space.
func (v Via) AppendTo(dst []byte) []byte {
	return v.Params.AppendTo(v.appendSentBy(dst))
}

// appendSentBy appends what stands in front of the parameters.
func (v *Via) appendSentBy(dst []byte) []byte {
	dst = append(append(dst, v.Name...), '/')
	dst = append(append(dst, v.Version...), '/')
	dst = append(append(dst, v.Transport...), ' ')
	dst = append(dst, v.Host...)
	if v.Port != 0 {
		dst = strconv.AppendUint(append(dst, ':'), uint64(v.Port), 10)
	}
	return dst
}

// AppendTo appends the value with brackets, without folds, control characters and needless white space.
func (n NameAddr) AppendTo(dst []byte) []byte {
	if string(n.URI) == "*" {
		return append(dst, '*')
	}
	if len(n.Display) > 0 {
		dst = append(AppendPlain(dst, n.Display), ' ')
	}
	dst = append(append(append(dst, '<'), n.URI...), '>')
	return n.Params.AppendTo(dst)
}

// AppendTo appends the parameters with lower-case names, without folds, control characters and white space around them.
func (p Params) AppendTo(dst []byte) []byte {
	for name, value := range p.All() {
		dst = append(dst, ';')
		for _, c := range name {
			dst = append(dst, lower(c))
		}
		if value != nil {
			dst = AppendPlain(append(dst, '='), value)
		}
	}
	return dst
}
