package wire

import "iter"

// Values walks over the comma-separated values of a header, over all its lines:
//
//	for v := m.Values(wire.HdrRoute); v.Next(); {
//		use(v.Value())
//	}
//
// Commas inside quoted strings and angle brackets do not separate. Empty values, which only headers can hold whose
// grammar Parse does not check (Supported, Allow), are passed over.
type Values struct {
	m     *Message
	line  uint16 // index + 1 of the line being walked, 0 at the end
	list  bool
	at    int // where the next value of the line starts; behind the line's value when it has none
	value span
	row   uint8 // index + 1 of the row of the current value, 0 when Parse has not kept it
	ahead uint8 // rows of the line that are still to come
	index int
}

// Values starts a walk over the values of header id. A header whose value is no list yields its whole value.
func (m *Message) Values(id HeaderID) Values {
	v := Values{m: m, line: m.chain(id).first, index: -1, list: isList(id)}
	if id == HdrOther {
		v.line = 0
	}
	v.open()
	return v
}

// open starts a line, or ends the walk.
func (v *Values) open() {
	if v.line == 0 {
		v.row = 0
		return
	}
	l := &v.m.lines[v.line-1]
	v.at, v.row, v.ahead = int(l.value.lo), l.row, l.rows
}

// isList reports whether commas separate values of id. The challenges and credentials of digest use commas inside
// one value; dates and free text hold them as text.
func isList(id HeaderID) bool {
	switch id {
	case HdrAuthorization, HdrProxyAuthorization, HdrWWWAuthenticate, HdrProxyAuthenticate, HdrAuthenticationInfo,
		HdrUserAgent, HdrServer, HdrSubject, HdrOrganization, HdrRetryAfter:
		return false
	}
	return id < numHeaders && !headers[id].single
}

// Next moves to the next value.
func (v *Values) Next() bool {
	for v.line != 0 {
		l := &v.m.lines[v.line-1]
		if l.row != 0 {
			if v.ahead > 0 {
				v.row = l.row + l.rows - v.ahead
				v.ahead--
				v.value = v.m.values[(v.row-1)&(maxRows-1)].value
				v.index++
				return true
			}
			v.line = l.next
			v.open()
			continue
		}
		s := v.m.b[:l.value.hi]
		for v.at < len(s) {
			lo, end := v.at, len(s)
			if v.list {
				end = valueEnd(s, lo)
			}
			v.at = end + 1
			lo = skipLWS(s[:end], lo)
			if lo < end {
				v.value = mkspan(lo, trimEnd(s, lo, end))
				v.index++
				return true
			}
		}
		v.line = l.next
		v.open()
	}
	return false
}

// Value is the current value without outer white space; it may hold folds.
func (v *Values) Value() []byte { return v.value.of(v.m.b) }

// Index counts the values from 0.
func (v *Values) Index() int { return v.index }

// NameAddr is the current value as name-addr.
func (v *Values) NameAddr() (NameAddr, error) {
	if v.row != 0 {
		if n, ok := v.m.rowNameAddr(v.row); ok {
			return n, nil
		}
	}
	return ParseNameAddr(v.Value())
}

// URI is the URI of the current value as name-addr, without angle brackets: what NameAddr costs least.
func (v *Values) URI() ([]byte, error) {
	if v.row != 0 {
		if w := &v.m.values[(v.row-1)&(maxRows-1)]; w.uri.hi != 0 && v.m.b != nil {
			return w.uri.of(v.m.b), nil
		}
	}
	n, err := ParseNameAddr(v.Value())
	return n.URI, err
}

// rowNameAddr is what Parse has kept of a value; a row without URI is that of a Via.
func (m *Message) rowNameAddr(i uint8) (n NameAddr, ok bool) {
	w := &m.values[(i-1)&(maxRows-1)]
	if m.b == nil || w.uri.hi == 0 {
		return n, false
	}
	return NameAddr{Display: w.display.of(m.b), URI: w.uri.of(m.b), Params: Params(w.params.of(m.b))}, true
}

// NameAddr is the first value of header id, which Parse has read as name-addr: From, To, Contact, Route and their like.
// ok is false when the header is absent, not of that kind, or "*".
func (m *Message) NameAddr(id HeaderID) (n NameAddr, ok bool) {
	v := m.Values(id)
	if !v.Next() {
		return n, false
	}
	n, err := v.NameAddr()
	return n, err == nil && string(n.URI) != "*"
}

// CountValues is the number of comma-separated values of header id over all its lines.
func (m *Message) CountValues(id HeaderID) (n int) {
	if c := m.chain(id); c.first == 0 || headers[id].kind.counted() && m.err.Reason == ReasonNone {
		return int(c.values)
	}
	for v := m.Values(id); v.Next(); {
		n++
	}
	return n
}

// Via is the current value as Via.
func (v *Values) Via() (Via, error) { return ParseVia(v.Value()) }

// valueEnd is the index of the comma that ends the value at s[i:], or the end of s.
func valueEnd(s []byte, i int) int {
	for uint(i) < uint(len(s)) {
		switch s[i] {
		case ',':
			return i
		case '"':
			if i = quotedEnd(s, i); i < 0 {
				return len(s)
			}
		case '<':
			for uint(i) < uint(len(s)) && s[i] != '>' {
				i++
			}
		default:
			i++
		}
	}
	return len(s)
}

// SplitValues yields the comma-separated values of one header value, without outer white space; empty ones are passed
// over.
func SplitValues(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := 0; i < len(value); {
			end := valueEnd(value, i)
			lo := skipLWS(value[:end], i)
			hi := trimEnd(value, lo, end)
			i = end + 1
			if lo < hi && !yield(value[lo:hi:hi]) {
				return
			}
		}
	}
}
