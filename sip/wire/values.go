package wire

// Values walks over the comma-separated values of a header, over all its lines:
//
//	for v := m.Values(wire.HdrRoute); v.Next(); {
//		use(v.Value())
//	}
//
// Commas inside quoted strings and angle brackets do not separate. Empty values, which only headers without
// checked grammar can hold (Supported, Allow), are passed over.
type Values struct {
	m        *Message
	line     uint16 // index + 1 of the line to go on with
	at       span   // rest of that line
	value    span
	index    int
	perValue bool
}

// Values starts a walk over the values of header id. Headers whose value is not a list yield their whole value.
func (m *Message) Values(id HeaderID) Values {
	if id >= numHeaders || id == HdrOther {
		return Values{}
	}
	v := Values{m: m, line: m.first[id], index: -1, perValue: isList(id)}
	if v.line != 0 {
		v.at = m.lines[v.line-1].value
	}
	return v
}

// isList reports whether commas separate values of id. The challenges and credentials of digest use commas inside
// one value, dates and free text hold them as text.
func isList(id HeaderID) bool {
	if headers[id].single {
		return false
	}
	switch id {
	case HdrAuthorization, HdrProxyAuthorization, HdrWWWAuthenticate, HdrProxyAuthenticate, HdrAuthenticationInfo,
		HdrUserAgent, HdrServer, HdrSubject, HdrOrganization, HdrRetryAfter:
		return false
	}
	return true
}

// Next moves to the next value.
func (v *Values) Next() bool {
	for v.line != 0 {
		l := &v.m.lines[v.line-1]
		if v.at.lo > l.value.hi || l.value.lo == l.value.hi {
			if v.line = l.next; v.line != 0 {
				v.at = v.m.lines[v.line-1].value
			}
			continue
		}
		lo, hi := int(v.at.lo), int(l.value.hi)
		end := hi
		if v.perValue {
			end = valueEnd(v.m.b, lo, hi)
		}
		v.at.lo = uint32(end) + 1
		lo = skipLWS(v.m.b, lo, end)
		end = trimEnd(v.m.b, lo, end)
		if lo == end {
			continue
		}
		v.value = mkspan(lo, end)
		v.index++
		return true
	}
	return false
}

// Value is the current value without outer white space.
func (v *Values) Value() []byte { return v.value.of(v.m.b) }

// Index counts the values from 0.
func (v *Values) Index() int { return v.index }

// NameAddr is the current value as name-addr.
func (v *Values) NameAddr() (NameAddr, error) { return ParseNameAddr(v.Value()) }

// Via is the current value as Via.
func (v *Values) Via() (Via, error) { return ParseVia(v.Value()) }

// valueEnd is the index of the comma that ends the value at b[i:hi], or hi.
func valueEnd(b []byte, i, hi int) int {
	for i < hi {
		switch b[i] {
		case ',':
			return i
		case '"':
			j := quotedEnd(b, i, hi)
			if j < 0 {
				return hi
			}
			i = j
		case '<':
			for i < hi && b[i] != '>' {
				i++
			}
		default:
			i++
		}
	}
	return hi
}
