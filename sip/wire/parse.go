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
	m.b = b[skipped:]
	if len(m.b) > lim.Message {
		m.fail(ReasonTooLarge, lim.Message)
		m.b = m.b[:lim.Message]
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
	m.method, m.request, m.soiled = MethodUnknown, false, false
	m.n = 0
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
		at = m.headerLine(at, lim)
	}
	// The head was not read to its end, so that there is no body to speak of.
	m.bodyAt = uint32(len(b))
}

// headerLine reads one header with its folds at b[at:] and returns the start of the next line, -1 when it can't be
// read on.
func (m *Message) headerLine(at int, lim *Limits) int {
	b := m.b
	id, n := scanKnownName(b, at)
	end, stray := endOfLine(b, at)
	if isFolded(b, end) {
		end, stray = endOfFolds(b, at, end, stray, lim.HeaderLine)
	}
	switch {
	case end < 0 && len(b)-at <= lim.HeaderLine:
		m.fail(ReasonNoEnd, len(b))
		return -1
	case end < 0, end-at > lim.HeaderLine:
		m.fail(ReasonHeaderTooLong, at+lim.HeaderLine)
		return -1
	}
	l := &m.lines[m.n]
	m.n++
	*l = line{at: uint32(at), value: mkspan(end, end)}
	colon := at + n
	if n == 0 {
		if id, n, colon = scanName(b[:end], at); n == 0 {
			m.controls(HdrOther, b[:end], at)
			m.fail(ReasonHeaderName, colon)
			m.link(l)
			return end + 2
		}
	}
	lo := colon + 1
	if uint(lo) < uint(end) && b[lo] == ' ' {
		lo++
	}
	lo = skipLWS(b[:end], lo)
	hi := trimEnd(b, lo, end)
	l.id, l.nameLen, l.value = id, uint16(n), mkspan(lo, hi)
	m.link(l)
	if stray >= 0 {
		m.controls(id, b[:end], at)
	}
	m.check(id, b[:hi], lo, lim)
	return end + 2
}

// controls refuses the header s[at:] for a control character unless it is in a quoted-pair.
func (m *Message) controls(id HeaderID, s []byte, at int) {
	i := strayControl(s, at, headers[id].kind.hasQuotes())
	if i < 0 {
		return
	}
	m.fail(controlReason(s[i]), i)
	if needed(id) {
		m.soiled = true
	}
}

// scanName reads a header name that is unknown, or has white space in front of its colon.
func scanName(s []byte, at int) (id HeaderID, n, colon int) {
	i := skip(s, at, clToken)
	colon = i
	for uint(colon) < uint(len(s)) && (s[colon] == ' ' || s[colon] == '\t') {
		colon++
	}
	if i == at || uint(colon) >= uint(len(s)) || s[colon] != ':' {
		return HdrOther, 0, colon
	}
	return LookupHeader(s[at:i]), i - at, colon
}

// needed are the headers that a response copies.
func needed(id HeaderID) bool {
	switch id {
	case HdrVia, HdrFrom, HdrTo, HdrCallID, HdrCSeq, HdrRecordRoute:
		return true
	}
	return false
}

// link chains l to the earlier lines of the same header.
func (m *Message) link(l *line) {
	c := &m.chains[l.id]
	if c.first == 0 {
		c.first = m.n
	} else {
		m.lines[c.last-1].next = m.n
		if headers[l.id].single {
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
