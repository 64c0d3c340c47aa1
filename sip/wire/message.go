package wire

// Message is a view of one SIP message: the octets as they came, plus offsets. It is meant to be reused; its header
// table makes it some 6 KiB large, of which Parse touches only the rows it needs. It refers to the octets given to
// Parse and never changes or copies them; slices handed out lie inside them.
//
// The zero value is an empty view. A Message must not be used by two goroutines at once.
type Message struct {
	b   []byte // the message, without what stood in front of or behind it
	err Error

	name       span // method name; empty in a response
	target     span // Request-URI, or reason phrase
	callID     span
	cseqMethod span
	fromTag    span
	toTag      span
	headersAt  uint32
	headersEnd uint32 // start of the empty line
	bodyAt     uint32
	cseq       uint32
	contentLen int32 // -1 absent
	maxFwd     int16 // -1 absent
	status     uint16
	n          uint16 // rows of lines in use
	method     Method
	request    bool
	params     int  // header parameters so far
	private    bool // a header name begins with "P-"
	soiled     bool // a header needed for a response holds a stray control character
	topVia     via

	nrows  int // rows of values in use
	chains [numHeaders]chain
	lines  [maxHeaders]line
	values [maxRows]row
}

// maxRows is how many values Parse remembers the parts of. Those of a usual message fit; the rest is read again when
// it is asked for.
const maxRows = 32

// row keeps what Parse has read of one Via or name-addr value. Of a Via it has the first part only.
type row struct{ value, display, uri, params span }

// chain ties the lines of one header together.
type chain struct {
	first, last uint16 // index + 1
	values      uint16 // comma-separated values, counted for headers whose grammar Parse reads
}

// line is one row of the header table. It ends where the next one begins.
type line struct {
	at      uint32
	value   span   // outer white space trimmed
	nameLen uint16 // without white space in front of the colon
	next    uint16 // index + 1 of the next line of the same header
	id      HeaderID
	row     uint8 // index + 1 of the row of its first value, 0 when they are not kept
	rows    uint8
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
func (m *Message) Status() int { return int(m.status) }

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
func (m *Message) Len() int { return int(m.n) }

// At is the header line with index i, 0 <= i < Len().
func (m *Message) At(i int) Header {
	l := &m.lines[:m.n][i]
	return Header{
		ID:    l.id,
		Name:  m.b[l.at : l.at+uint32(l.nameLen) : l.at+uint32(l.nameLen)],
		Value: m.b[l.value.lo:l.value.hi:l.value.hi],
		Line:  m.lineBytes(l),
	}
}

// NameAt is id and name, as spelled, of the header line with index i: what At costs least.
func (m *Message) NameAt(i int) (HeaderID, []byte) {
	l := &m.lines[:m.n][i]
	return l.id, m.b[l.at : l.at+uint32(l.nameLen) : l.at+uint32(l.nameLen)]
}

// HasPrivate reports whether the name of any header begins with "P-", in either case: without one there is nothing to
// strip at the border of a network that gives such headers a meaning.
func (m *Message) HasPrivate() bool { return m.private }

func (m *Message) lineBytes(l *line) []byte {
	end := m.lineEnd(l)
	return m.b[l.at:end:end]
}

// lineEnd finds the CR LF behind the value; only white space, which may be folded, is between them.
func (m *Message) lineEnd(l *line) uint32 {
	i := l.value.hi
	for m.b[i] != '\n' || isFolded(m.b, int(i)-1) {
		i++
	}
	return i + 1
}

// chain answers for any id, unknown ones included.
func (m *Message) chain(id HeaderID) chain {
	if id >= numHeaders {
		return chain{}
	}
	return m.chains[id]
}

// First is the first line of header id.
func (m *Message) First(id HeaderID) (h Header, ok bool) {
	c := m.chain(id)
	if c.first == 0 {
		return Header{}, false
	}
	return m.At(int(c.first) - 1), true
}

// Count is the number of lines of header id.
func (m *Message) Count(id HeaderID) (n int) {
	for i := m.chain(id).first; i != 0; i = m.lines[i-1].next {
		n++
	}
	return n
}

// Find is the first header line with this name: any case, compact forms included.
func (m *Message) Find(name string) (h Header, ok bool) {
	id := lookup(name)
	if id != HdrOther {
		return m.First(id)
	}
	for i := m.chains[HdrOther].first; i != 0; i = m.lines[i-1].next {
		if h = m.At(int(i) - 1); EqualFold(h.Name, name) {
			return h, true
		}
	}
	return Header{}, false
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
	v, ok := number(h.Value[:skipDigits(h.Value, 0)], 1<<32-1)
	return uint32(v), ok
}

// TopVia is the first Via value.
func (m *Message) TopVia() (v Via, ok bool) {
	ok = m.TopViaInto(&v)
	return v, ok
}

// TopViaInto is TopVia into a Via that is there, which is zero afterwards when there is none.
func (m *Message) TopViaInto(v *Via) bool {
	if m.topVia.host.hi == 0 {
		*v = Via{}
		return false
	}
	m.topVia.view(m.b, v)
	return true
}

// TopBranch is the branch of the first Via value, nil when it has none.
func (m *Message) TopBranch() []byte { return m.topVia.params.steer.of(m.b) }

// Answerable reports whether a response can be built from the message: it is a request other than ACK, the host of its
// first Via could be read, and no header to be copied holds a stray control character. It is meaningful even when Parse
// refused the message, which may lack From, To, Call-ID or CSeq then; the response lacks them too.
func (m *Message) Answerable() bool {
	return m.request && m.method != ACK && !m.soiled && m.topVia.host.hi != 0
}
