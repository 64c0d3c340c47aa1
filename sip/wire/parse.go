package wire

import "bytes"

// Parse reads one datagram. Line ends in front of the start line are skipped, and octets behind the length that
// Content-Length gives are cut off (RFC 3261 18.3). A nil l means the default limits.
//
// Parse refuses what two elements could read differently and what a limit forbids; the error is an *Error owned
// by m. It reads on behind a fault as far as it can, so that Answerable and the views needed to build the
// suggested response still work; nothing else of a refused message should be acted on.
func (m *Message) Parse(b []byte, l *Limits) error { return m.parse(b, l, false) }

// ParseStream reads b, which is one message as cut from a stream by a Framer: Content-Length must be there and
// must be the length of the body.
func (m *Message) ParseStream(b []byte, l *Limits) error { return m.parse(b, l, true) }

func (m *Message) parse(b []byte, l *Limits, stream bool) error {
	lim := l.orDefaults()
	m.reset()
	skipped := 0
	for len(b)-skipped >= 2 && b[skipped] == '\r' && b[skipped+1] == '\n' {
		skipped += 2
	}
	m.b = b[skipped:]
	if len(m.b) > lim.Message {
		m.fail(ReasonTooLarge, lim.Message)
		m.b = m.b[:lim.Message]
	}
	if len(m.b) == 0 {
		m.fail(ReasonEmpty, 0)
	} else {
		at := m.startLine(&lim)
		m.headersAt = uint32(at)
		m.headerLines(at, &lim)
		m.finish(stream)
	}
	if m.err.Reason == ReasonNone {
		return nil
	}
	m.err.Offset += skipped
	if m.Answerable() {
		m.err.Status = m.err.Reason.status()
	}
	return &m.err
}

func (m *Message) reset() {
	m.b, m.err = nil, Error{}
	m.request, m.method, m.status = false, MethodUnknown, 0
	m.name, m.target, m.callID, m.cseqMethod = span{}, span{}, span{}, span{}
	m.cseq, m.maxFwd, m.contentLen = 0, -1, -1
	m.bodyAt, m.headersAt, m.headersEnd = 0, 0, 0
	m.fromTag, m.toTag, m.topVia = span{}, span{}, via{}
	m.clean = true
	m.n = 0
	clear(m.first[:])
	clear(m.last[:])
	clear(m.count[:])
}

// fail keeps the first fault.
func (m *Message) fail(r Reason, at int) {
	if m.err.Reason == ReasonNone {
		m.err.Reason, m.err.Offset = r, at
	}
}

// lineEnd finds the CR LF that ends the line with the text at i, folds not considered. Control characters on the
// way are faults, HTAB apart; clean is false when there was one.
func (m *Message) endOfLine(i int) (end int, clean, ok bool) {
	clean = true
	for {
		i = nextControl(m.b, i)
		if i == len(m.b) {
			return i, clean, false
		}
		if m.b[i] == '\r' && i+1 < len(m.b) && m.b[i+1] == '\n' {
			return i, clean, true
		}
		if m.b[i] != '\t' {
			m.fail(controlReason(m.b[i]), i)
			clean = false
		}
		i++
	}
}

func controlReason(c byte) Reason {
	switch c {
	case '\r':
		return ReasonBareCR
	case '\n':
		return ReasonBareLF
	case 0:
		return ReasonNUL
	}
	return ReasonControl
}

// startLine reads the first line and returns the start of the headers.
func (m *Message) startLine(lim *Limits) int {
	end, _, ok := m.endOfLine(0)
	if !ok {
		m.fail(ReasonNoEnd, end)
	}
	if end > lim.HeaderLine {
		m.fail(ReasonHeaderTooLong, lim.HeaderLine)
	}
	if end >= 4 && EqualFold(m.b[:4], "SIP/") {
		m.statusLine(end)
	} else {
		m.requestLine(end)
	}
	return min(end+2, len(m.b))
}

// statusLine reads SIP-Version SP Status-Code SP Reason-Phrase. The second SP may be missing with the phrase.
func (m *Message) statusLine(end int) {
	b := m.b
	if i := version(b[:end], 0); i == 0 || i == end || b[i] != ' ' {
		m.fail(ReasonStartLine, i)
		return
	} else if !isVersion2(b[:i]) {
		m.fail(ReasonVersion, 0)
		return
	}
	const at = len("SIP/2.0 ")
	code, ok := 0, end >= at+3 && (end == at+3 || b[at+3] == ' ')
	for i := at; ok && i < at+3; i++ {
		ok = b[i]-'0' <= 9
		code = code*10 + int(b[i]-'0')
	}
	if !ok {
		if end > at && b[at]-'0' <= 9 {
			m.fail(ReasonStatusCode, at)
		}
		m.fail(ReasonStartLine, at)
		return
	}
	if code < 100 || code > 699 {
		m.fail(ReasonStatusCode, at)
	}
	m.status = code
	m.target = mkspan(min(at+4, end), end)
}

// requestLine reads Method SP Request-URI SP SIP-Version.
func (m *Message) requestLine(end int) {
	b := m.b
	m.request = true
	i := skipToken(b, 0, end)
	m.name = mkspan(0, i)
	m.method = LookupMethod(b[:i])
	if i == 0 || i == end || b[i] != ' ' {
		m.fail(ReasonMethod, i)
		return
	}
	lo := i + 1
	hi := lo + max(0, bytes.IndexByte(b[lo:end], ' '))
	if hi == lo {
		m.fail(ReasonStartLine, lo)
		return
	}
	m.target = mkspan(lo, hi)
	v := version(b[:end], hi+1)
	switch {
	case v != end || v == hi+1:
		m.fail(ReasonStartLine, hi+1)
	case !isVersion2(b[hi+1 : v]):
		m.fail(ReasonVersion, hi+1)
	default:
		m.requestURI(lo, hi)
	}
}

// version is the index behind a SIP-Version at b[i:], i when there is none.
func version(b []byte, i int) int {
	j := i + len("SIP/")
	if j > len(b) || !EqualFold(b[i:j], "SIP/") {
		return i
	}
	major := j
	for j < len(b) && b[j]-'0' <= 9 {
		j++
	}
	if j == major || j == len(b) || b[j] != '.' {
		return i
	}
	minor := j + 1
	for j = minor; j < len(b) && b[j]-'0' <= 9; j++ {
	}
	if j == minor {
		return i
	}
	return j
}

func isVersion2(b []byte) bool { return len(b) == len("SIP/2.0") && string(b[4:]) == "2.0" }

// requestURI checks what decides where the request goes.
func (m *Message) requestURI(lo, hi int) {
	u, err := parseURI(m.b[lo:hi:hi])
	if err.Reason != ReasonNone {
		r := err.Reason
		if r != ReasonEscape && r != ReasonTooManyParams && r != ReasonDuplicateParam {
			r = ReasonRequestURI
		}
		m.fail(r, lo+err.Offset)
		return
	}
	if u.isSIP() && u.Headers != nil {
		m.fail(ReasonRequestURIHeaders, lo)
	}
}

// headerLines fills the header table from b[at:], up to and including the empty line.
func (m *Message) headerLines(at int, lim *Limits) {
	b := m.b
	for {
		if at+1 < len(b) && b[at] == '\r' && b[at+1] == '\n' {
			m.headersEnd, m.bodyAt = uint32(at), uint32(at+2)
			return
		}
		if at >= len(b) {
			m.fail(ReasonNoEnd, at)
			break
		}
		if m.n == lim.Headers {
			m.fail(ReasonTooManyHeaders, at)
			break
		}
		next := m.headerLine(at, lim)
		if next < 0 {
			m.fail(ReasonNoEnd, len(b))
			break
		}
		at = next
	}
	m.headersEnd, m.bodyAt = uint32(at), uint32(len(b))
}

// headerLine reads one header with its folds at b[at:] and returns the start of the next line, -1 when the octets
// end before it does.
func (m *Message) headerLine(at int, lim *Limits) int {
	b := m.b
	end, clean, ok := m.endOfLine(at)
	for ok && end+2 < len(b) && (b[end+2] == ' ' || b[end+2] == '\t') {
		var c bool
		end, c, ok = m.endOfLine(end + 2)
		clean = clean && c
	}
	if !ok {
		return -1
	}
	if end-at > lim.HeaderLine {
		m.fail(ReasonHeaderTooLong, at+lim.HeaderLine)
		return end + 2
	}
	l := &m.lines[m.n]
	m.n++
	*l = line{at: uint32(at)}
	nameEnd := skipToken(b, at, end)
	colon := nameEnd
	for colon < end && (b[colon] == ' ' || b[colon] == '\t') {
		colon++
	}
	if nameEnd == at || colon == end || b[colon] != ':' {
		m.fail(ReasonHeaderName, colon)
		l.nameLen, l.value = uint16(end-at), mkspan(end, end)
		return end + 2
	}
	lo := skipLWS(b, colon+1, end)
	hi := trimEnd(b, lo, end)
	l.nameLen, l.value = uint16(nameEnd-at), mkspan(lo, hi)
	l.id = LookupHeader(b[at:nameEnd])
	m.index(l, clean)
	m.check(l.id, lo, hi, lim)
	return end + 2
}

// index chains l to the lines of the same header.
func (m *Message) index(l *line, clean bool) {
	id, idx := l.id, uint16(m.n)
	if prev := m.last[id]; prev == 0 {
		m.first[id] = idx
	} else {
		m.lines[prev-1].next = idx
		if headers[id].single {
			m.fail(ReasonDuplicateHeader, int(l.at))
		}
	}
	m.last[id] = idx
	m.count[id]++
	switch id {
	case HdrVia, HdrFrom, HdrTo, HdrCallID, HdrCSeq, HdrRecordRoute:
		m.clean = m.clean && clean
	}
}

// finish checks what needs the whole message: mandatory headers, CSeq against the method, the body's length.
func (m *Message) finish(stream bool) {
	for _, id := range [...]HeaderID{HdrVia, HdrFrom, HdrTo, HdrCallID, HdrCSeq} {
		if m.first[id] == 0 {
			m.fail(ReasonMissingHeader, int(m.headersEnd))
		}
	}
	if m.request && m.err.Reason == ReasonNone && string(m.name.of(m.b)) != string(m.cseqMethod.of(m.b)) {
		m.fail(ReasonCSeqMethod, int(m.cseqMethod.lo))
	}
	have, want := len(m.b)-int(m.bodyAt), int(m.contentLen)
	switch {
	case m.err.Reason != ReasonNone:
	case want < 0 && stream:
		m.fail(ReasonContentLengthMissing, int(m.headersEnd))
	case want > have:
		m.fail(ReasonContentLengthLong, int(m.lines[m.first[HdrContentLength]-1].value.lo))
	case want < have && stream:
		m.fail(ReasonContentLengthMismatch, int(m.bodyAt)+want)
	}
	if want >= 0 && want < have {
		m.b = m.b[:int(m.bodyAt)+want]
	}
}
