package wire

// Message is a view of one SIP message: the octets as they came, plus offsets. It is meant to be reused; its
// header table makes it a little over 4 KiB large, of which Parse touches only the rows it needs. It refers to the
// octets given to Parse and never changes or copies them; slices handed out lie inside them.
//
// The zero value is an empty view. A Message must not be used by two goroutines at once.
type Message struct {
	b   []byte // the message, without what stood in front of or behind it
	err Error

	request bool
	method  Method
	status  int

	name   span // method name; empty in a response
	target span // Request-URI, or reason phrase

	callID     span
	cseqMethod span
	cseq       uint32
	maxFwd     int16 // -1 absent
	contentLen int32 // -1 absent
	bodyAt     uint32
	headersAt  uint32
	headersEnd uint32 // start of the empty line
	fromTag    span
	toTag      span
	topVia     via
	clean      bool // no header needed for a response holds a stray control character

	n     int
	first [numHeaders]uint16 // index + 1 of the first line of each header
	last  [numHeaders]uint16 // index + 1 of the last one so far
	count [numHeaders]uint16
	lines [maxHeaders]line
}

// line is one row of the header table. It ends where the next one begins.
type line struct {
	at      uint32
	value   span   // outer white space trimmed
	nameLen uint16 // without white space in front of the colon
	next    uint16 // index + 1 of the next line with the same id
	id      HeaderID
}

// Header is one header line.
type Header struct {
	ID    HeaderID
	Name  []byte // as spelled
	Value []byte // outer white space trimmed; may hold folds (CR LF and white space)
	Line  []byte // everything, CR LF included
}

// Bytes is the message as it came, without octets in front of the start line or behind the body.
func (m *Message) Bytes() []byte { return m.b }

// IsRequest tells a request from a response.
func (m *Message) IsRequest() bool { return m.request }

// Method is the method of a request, MethodUnknown when it is not in the table or the message is a response.
func (m *Message) Method() Method { return m.method }

// MethodName is the method of a request as spelled, nil in a response.
func (m *Message) MethodName() []byte { return m.name.of(m.b) }

// RequestURI is the Request-URI, nil in a response.
func (m *Message) RequestURI() []byte {
	if !m.request {
		return nil
	}
	return m.target.of(m.b)
}

// Status is the status code of a response, 0 in a request.
func (m *Message) Status() int { return m.status }

// ReasonPhrase is the reason phrase of a response, possibly empty.
func (m *Message) ReasonPhrase() []byte {
	if m.request {
		return nil
	}
	return m.target.of(m.b)
}

// Body is the message body, empty when there is none.
func (m *Message) Body() []byte { return m.b[m.bodyAt:] }

// Len is the number of header lines.
func (m *Message) Len() int { return m.n }

// At is the header line with index i, 0 <= i < Len().
func (m *Message) At(i int) Header {
	l := &m.lines[:m.n][i]
	return Header{
		ID:    l.id,
		Name:  m.b[l.at : l.at+uint32(l.nameLen)],
		Value: m.b[l.value.lo:l.value.hi:l.value.hi],
		Line:  m.b[l.at:m.lineEnd(i)],
	}
}

func (m *Message) lineEnd(i int) uint32 {
	if i+1 < m.n {
		return m.lines[i+1].at
	}
	return m.headersEnd
}

// First is the first line of header id.
func (m *Message) First(id HeaderID) (h Header, ok bool) {
	if id >= numHeaders || m.first[id] == 0 {
		return Header{}, false
	}
	return m.At(int(m.first[id]) - 1), true
}

// Count is the number of lines of header id.
func (m *Message) Count(id HeaderID) int {
	if id >= numHeaders {
		return 0
	}
	return int(m.count[id])
}

// Find is the first header line with this name: any case, compact forms included.
func (m *Message) Find(name string) (h Header, ok bool) {
	i := m.findFrom(0, name)
	if i < 0 {
		return Header{}, false
	}
	return m.At(i), true
}

// findFrom is the index of the first line at or behind i that has this name, -1 when there is none.
func (m *Message) findFrom(i int, name string) int {
	id := lookupName(name)
	for ; i < m.n; i++ {
		l := &m.lines[i]
		if l.id != id {
			continue
		}
		if id != HdrOther || EqualFold(m.b[l.at:l.at+uint32(l.nameLen)], name) {
			return i
		}
	}
	return -1
}

// CallID is the Call-ID.
func (m *Message) CallID() []byte { return m.callID.of(m.b) }

// CSeq is the sequence number and the method of the CSeq header.
func (m *Message) CSeq() (n uint32, method []byte) { return m.cseq, m.cseqMethod.of(m.b) }

// CSeqMethod is the method of the CSeq header: in a response the method of its request.
func (m *Message) CSeqMethod() Method { return LookupMethod(m.cseqMethod.of(m.b)) }

// FromTag is the tag of From, nil when there is none (RFC 2543 clients).
func (m *Message) FromTag() []byte { return m.fromTag.of(m.b) }

// ToTag is the tag of To, nil outside a dialog.
func (m *Message) ToTag() []byte { return m.toTag.of(m.b) }

// MaxForwards is the value of Max-Forwards, ok false when it is absent.
func (m *Message) MaxForwards() (n int, ok bool) { return max(0, int(m.maxFwd)), m.maxFwd >= 0 }

// ContentLength is the value of Content-Length, ok false when it is absent.
func (m *Message) ContentLength() (n int, ok bool) {
	return max(0, int(m.contentLen)), m.contentLen >= 0
}

// Uint32 is the leading number of the first line of header id (Expires, Min-SE, Session-Expires, RSeq, ...).
func (m *Message) Uint32(id HeaderID) (n uint32, ok bool) {
	h, ok := m.First(id)
	if !ok {
		return 0, false
	}
	end := 0
	for end < len(h.Value) && h.Value[end]-'0' <= 9 {
		end++
	}
	v, ok := number(h.Value, 0, end, 1<<32-1)
	return uint32(v), ok
}

// TopVia is the first Via value.
func (m *Message) TopVia() (v Via, ok bool) {
	if m.topVia.host.lo == m.topVia.host.hi {
		return Via{}, false
	}
	return m.topVia.view(m.b), true
}

// Answerable reports whether a response can be built from the message: it is a request other than ACK, and its
// Via, From, To, Call-ID and CSeq can be copied. It is meaningful even when Parse refused the message.
func (m *Message) Answerable() bool {
	return m.request && m.method != ACK && m.clean && m.first[HdrVia] != 0 && m.first[HdrFrom] != 0 &&
		m.first[HdrTo] != 0 && m.first[HdrCallID] != 0 && m.first[HdrCSeq] != 0
}

func lookupName(name string) HeaderID {
	switch len(name) {
	case 0:
		return HdrOther
	case 1:
		return compactTable[name[0]]
	}
	if id := nameTable[nameHash(name)]; id != HdrOther && EqualFold(name, headers[id].name) {
		return id
	}
	return HdrOther
}
