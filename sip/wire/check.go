package wire

import "bytes"

var quote = []byte{'"'}

// check reads the value s[lo:] of header id by its grammar and keeps what the accessors of Message need. s is the
// message up to the end of the value.
func (m *Message) check(id HeaderID, s []byte, lo int, lim *Limits) {
	switch headers[id].kind {
	case kindVia:
		m.checkVias(s, lo, lim)
	case kindNameAddrList:
		m.checkNameAddrs(id, s, lo, lim)
	case kindContact:
		if len(s)-lo != 1 || s[lo] != '*' {
			m.checkNameAddrs(id, s, lo, lim)
		}
	case kindNameAddrTag, kindNameAddr:
		m.checkNameAddr(id, s, lo, lim)
	case kindCallID:
		m.checkCallID(s, lo)
	case kindCSeq:
		m.checkCSeq(s, lo)
	case kindMaxForwards:
		if n, ok := number(s[lo:], 255); ok {
			m.maxFwd = int16(n)
		} else {
			m.fail(ReasonNumber, lo)
		}
	case kindContentLength:
		m.checkContentLength(s, lo)
	case kindNumber:
		if _, ok := number(s[lo:], 1<<32-1); !ok {
			m.fail(ReasonNumber, lo)
		}
	case kindNumberParams:
		m.checkLeadingNumber(s, lo)
	case kindQuoted:
		m.checkQuotes(s, lo)
	}
}

func (m *Message) checkContentLength(s []byte, lo int) {
	n, ok := number(s[lo:], 1<<31-1)
	switch {
	case !ok:
		m.fail(ReasonContentLength, lo)
	case m.contentLen < 0:
		m.contentLen = int32(n)
	default:
		m.fail(secondLength(int(m.contentLen), int(n)), lo)
	}
}

// secondLength is the reason to refuse a second Content-Length.
func secondLength(first, second int) Reason {
	if first != second {
		return ReasonContentLengthDiffers
	}
	return ReasonDuplicateHeader
}

// room counts one more value of id.
func (m *Message) room(id HeaderID, at int, lim *Limits) bool {
	c := &m.chains[id]
	limit, reason := lim.Values, ReasonTooManyValues
	if id == HdrContact {
		limit, reason = lim.Contacts, ReasonTooManyContacts
	}
	if int(c.values) >= limit {
		m.fail(reason, at)
		return false
	}
	c.values++
	return true
}

// budget counts the parameters of the whole message. Without it a message of 64 KiB that keeps every other limit could
// hold twenty thousand, and cost several times what its size suggests.
func (m *Message) budget(p *paramScan, at int, lim *Limits) bool {
	if m.params += p.n; m.params > messageParams*lim.Params {
		m.fail(ReasonTooManyParams, at)
		return false
	}
	return true
}

func (m *Message) checkVias(s []byte, lo int, lim *Limits) {
	var v via
	first := m.nrows
	for m.room(HdrVia, lo, lim) {
		o := &v
		if m.topVia.host.hi == 0 {
			o = &m.topVia
		}
		next, r := scanVia(s, lo, lim.Params, o)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		if m.nrows < maxRows {
			m.values[m.nrows] = row{value: o.value}
		}
		m.nrows++
		if !m.budget(&o.params, next, lim) {
			return
		}
		if next >= len(s) {
			m.keepRows(first)
			return
		}
		lo = next + 1
	}
}

// keepRows gives the line that was entered last the rows from first on, unless they were too many.
func (m *Message) keepRows(first int) {
	if m.nrows > maxRows {
		m.nrows = maxRows
		return
	}
	l := &m.lines[(m.n-1)&(maxHeaders-1)]
	l.row, l.rows = uint8(first+1), uint8(m.nrows-first)
}

func (m *Message) checkNameAddrs(id HeaderID, s []byte, lo int, lim *Limits) {
	var v nameAddr
	first := m.nrows
	for m.room(id, lo, lim) {
		next, r := scanNameAddr(s, lo, lim.Params, &v)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		m.addRow(&v)
		if !m.budget(&v.params, next, lim) {
			return
		}
		if next >= len(s) {
			m.keepRows(first)
			return
		}
		lo = next + 1
	}
}

func (m *Message) addRow(v *nameAddr) {
	if m.nrows < maxRows {
		w := &m.values[m.nrows]
		w.value, w.display, w.uri, w.params = v.value, v.display, v.uri, v.params.all
	}
	m.nrows++
}

func (m *Message) checkNameAddr(id HeaderID, s []byte, lo int, lim *Limits) {
	var v nameAddr
	first := m.nrows
	next, r := scanNameAddr(s, lo, lim.Params, &v)
	switch {
	case r != ReasonNone:
		m.fail(r, next)
		return
	case next < len(s):
		m.fail(ReasonValueList, next)
		return
	case id == HdrFrom:
		m.fromTag = v.params.steer
	case id == HdrTo:
		m.toTag = v.params.steer
	}
	m.addRow(&v)
	m.keepRows(first)
}

// checkCallID wants one word without white space. The grammar's list of characters is not enforced: what is not
// white space is compared octet by octet by everybody.
func (m *Message) checkCallID(s []byte, lo int) {
	i := skipURI(s, lo)
	for ; i < len(s); i = skipURI(s, i+1) {
		if is(s[i], clLWS) {
			m.fail(ReasonCallID, i)
			return
		}
	}
	if lo == len(s) {
		m.fail(ReasonCallID, lo)
	}
	m.callID = mkspan(lo, len(s))
}

// checkCSeq reads 1*DIGIT LWS Method; the number stays below 2**31 (RFC 3261 8.1.1.5).
func (m *Message) checkCSeq(s []byte, lo int) {
	i := skipDigits(s, lo)
	n, ok := number(s[lo:i], 1<<31-1)
	name := skipLWS(s, i)
	if !ok || name == i || name == len(s) || skip(s, name, clToken) != len(s) {
		m.fail(ReasonCSeq, lo)
		return
	}
	m.cseq, m.cseqMethod = uint32(n), mkspan(name, len(s))
}

func (m *Message) checkLeadingNumber(s []byte, lo int) {
	i := skipDigits(s, lo)
	_, ok := number(s[lo:i], 1<<32-1)
	i = skipLWS(s, i)
	if !ok || i < len(s) && s[i] != ';' && s[i] != '(' {
		m.fail(ReasonNumber, lo)
		return
	}
	m.checkQuotes(s, i)
}

// checkQuotes wants every quoted string closed.
func (m *Message) checkQuotes(s []byte, lo int) {
	// Without a backslash quotes only have to come in pairs.
	if v := s[lo:]; bytes.Count(v, quote)&1 == 0 && bytes.IndexByte(v, '\\') < 0 {
		return
	}
	for lo <= len(s) {
		next, r := scanQuotes(s, lo)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		lo = next + 1
	}
}
