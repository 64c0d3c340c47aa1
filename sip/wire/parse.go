package wire

import "bytes"

// Parse reads one datagram. Line ends in front of the start line are skipped, and octets behind the length that
// Content-Length gives are cut off (RFC 3261 18.3). A nil l means the default limits.
//
// Parse refuses what two elements could read differently and what a limit forbids; the error is an *Error owned by m.
// It reads on behind a fault until a limit is met, so that Answerable and the views that a response is built from still
// work; nothing else of a refused message should be acted on.
func (m *Message) Parse(b []byte, l *Limits) error { return m.parse(b, l, false) }

// ParseStream reads b, which is one message as cut from a stream by a Framer: Content-Length must be there and must be
// the length of the body.
func (m *Message) ParseStream(b []byte, l *Limits) error { return m.parse(b, l, true) }

func (m *Message) parse(b []byte, l *Limits, stream bool) error {
	lim := l.orDefaults()
	m.reset()
	skipped := 0
	for len(b)-skipped >= 2 && b[skipped] == '\r' && b[skipped+1] == '\n' {
		skipped += 2
	}
	m.b = b[skipped:len(b):len(b)]
	if len(m.b) > lim.Message {
		m.fail(ReasonTooLarge, lim.Message)
		m.b = m.b[:lim.Message:lim.Message]
	}
	if len(m.b) == 0 {
		m.fail(ReasonEmpty, 0)
	} else {
		m.head(&lim)
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
	m.name, m.target, m.callID, m.cseqMethod = span{}, span{}, span{}, span{}
	m.fromTag, m.toTag, m.topVia = span{}, span{}, via{}
	m.headersAt, m.headersEnd, m.bodyAt = 0, 0, 0
	m.cseq, m.contentLen, m.maxFwd, m.status = 0, -1, -1, 0
	m.method, m.request, m.soiled, m.private = MethodUnknown, false, false, false
	m.n, m.params, m.nrows = 0, 0, 0
	clear(m.chains[:])
}

// fail keeps the first fault.
func (m *Message) fail(r Reason, at int) {
	if m.err.Reason == ReasonNone {
		m.err.Reason, m.err.Offset = r, at
	}
}

// head reads start line and headers, up to and including the empty line.
func (m *Message) head(lim *Limits) {
	b := m.b
	at := m.startLine(lim)
	m.headersAt = uint32(at)
	for at > 0 {
		m.headersEnd = uint32(at)
		if uint(at)+1 < uint(len(b)) && b[at] == '\r' && b[at+1] == '\n' {
			m.bodyAt = uint32(at) + 2
			return
		}
		if int(m.n) >= lim.Headers {
			m.fail(ReasonTooManyHeaders, at)
			break
		}
		at = m.header(at, lim)
	}
	// The head was not read to its end, so that there is no body to speak of.
	m.bodyAt = uint32(len(b))
}

// header reads one header at b[at:] and returns the start of the next line, -1 when it can't be read on. A known name
// with its colon at once, on one line without control characters, goes the short way.
func (m *Message) header(at int, lim *Limits) int {
	b := m.b
	id, n := scanKnownName(b, at)
	end := nextControl(b, at+n) // no name has any
	if n == 0 || uint(end)+2 >= uint(len(b)) || b[end] != '\r' || b[end+1] != '\n' || b[end+2] == ' ' || b[end+2] == '\t' ||
		end-at > lim.HeaderLine {
		return m.oddHeader(at, lim)
	}
	m.keep(id, at, n, at+n, end, lim)
	return end + 2
}

// keep enters the header that b[at:end] is into the table and checks its value.
func (m *Message) keep(id HeaderID, at, n, colon, end int, lim *Limits) {
	s := m.b[:end]
	lo := colon + 1
	if uint(lo) < uint(len(s)) && s[lo] == ' ' {
		lo++
	}
	lo = skipLWS(s, lo)
	for end > lo && is(s[end-1], clLWS) {
		end--
	}
	l := &m.lines[m.n&(maxHeaders-1)]
	m.n++
	if n > 2 && m.b[at]|0x20 == 'p' && m.b[at+1] == '-' {
		m.private = true
	}
	l.at, l.value.lo, l.value.hi = uint32(at), uint32(lo), uint32(end)
	l.nameLen, l.id, l.next, l.row, l.rows = uint16(n), id, 0, 0, 0
	m.link(l)
	if headers[id].kind != kindText {
		m.check(id, s[:end], lo, lim)
	}
}

// oddHeader is header for folds, unknown names, white space in front of the colon, control characters and faults.
func (m *Message) oddHeader(at int, lim *Limits) int {
	b := m.b
	end, stray := endOfLine(b, at)
	if isFolded(b, end) {
		end, stray = endOfFolds(b, at, end, stray, lim.HeaderLine)
	}
	switch {
	case end < 0 && stray >= 0:
		m.fail(controlReason(b[stray]), stray)
		return -1
	case end < 0 && len(b)-at <= lim.HeaderLine:
		m.fail(ReasonNoEnd, len(b))
		return -1
	case end < 0, end-at > lim.HeaderLine:
		m.fail(ReasonHeaderTooLong, at+lim.HeaderLine)
		return -1
	}
	id, n, colon := scanName(b[:end], at)
	if stray >= 0 {
		m.controls(id, b[:end], at)
	}
	if colon < 0 {
		m.fail(ReasonHeaderName, at+n)
		n, colon = 0, end-1
	}
	m.keep(id, at, n, colon, end, lim)
	return end + 2
}

// scanName reads any header name and the white space in front of its colon. Without a name or a colon, colon is -1.
func scanName(s []byte, at int) (id HeaderID, n, colon int) {
	i := skip(s, at, clToken)
	n = i - at
	for uint(i) < uint(len(s)) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	if n == 0 || uint(i) >= uint(len(s)) || s[i] != ':' {
		return HdrOther, n, -1
	}
	return LookupHeader(s[at : at+n]), n, i
}

// controls refuses the header s[at:] for a control character unless it is in a quoted-pair.
func (m *Message) controls(id HeaderID, s []byte, at int) {
	i := strayControl(s, at, headers[id].kind.hasQuotes())
	if i < 0 {
		return
	}
	m.fail(controlReason(s[i]), i)
	switch id {
	case HdrVia, HdrFrom, HdrTo, HdrCallID, HdrCSeq, HdrRecordRoute: // a response copies them
		m.soiled = true
	}
}

// link chains l to the earlier lines of the same header.
func (m *Message) link(l *line) {
	c := &m.chains[l.id]
	if c.first == 0 {
		c.first = m.n
	} else {
		m.lines[c.last-1].next = m.n
		if headers[l.id].single && l.id != HdrContentLength { // which two of are compared first
			m.fail(ReasonDuplicateHeader, int(l.at))
		}
	}
	c.last = m.n
}

// finish checks what needs the whole message: mandatory headers, CSeq against the method, the body's length.
func (m *Message) finish(stream bool) {
	for _, id := range [...]HeaderID{HdrVia, HdrFrom, HdrTo, HdrCallID, HdrCSeq} {
		if m.chains[id].first == 0 {
			m.fail(ReasonMissingHeader, int(m.headersEnd))
		}
	}
	if m.request && m.err.Reason == ReasonNone && !bytes.Equal(m.name.of(m.b), m.cseqMethod.of(m.b)) {
		m.fail(ReasonCSeqMethod, int(m.cseqMethod.lo))
	}
	have, want := len(m.b)-int(m.bodyAt), int(m.contentLen)
	if m.err.Reason == ReasonNone {
		switch {
		case want < 0 && stream:
			m.fail(ReasonContentLengthMissing, int(m.headersEnd))
		case want > have:
			m.fail(ReasonContentLengthLong, int(m.lines[m.chains[HdrContentLength].first-1].value.lo))
		case want < have && stream:
			m.fail(ReasonContentLengthMismatch, int(m.bodyAt)+want)
		}
	}
	if want >= 0 && want < have {
		m.b = m.b[:int(m.bodyAt)+want]
	}
}
