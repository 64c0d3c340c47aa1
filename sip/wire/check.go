package wire

// check reads the value b[lo:hi] of header id by its grammar and keeps what the accessors of Message need.
func (m *Message) check(id HeaderID, lo, hi int, lim *Limits) {
	switch headers[id].kind {
	case kindVia:
		m.checkVia(lo, hi, lim)
	case kindNameAddrList, kindContact:
		m.checkNameAddrs(id, lo, hi, lim)
	case kindNameAddrTag, kindNameAddr:
		m.checkNameAddr(id, lo, hi, lim)
	case kindCallID:
		m.checkCallID(lo, hi)
	case kindCSeq:
		m.checkCSeq(lo, hi)
	case kindMaxForwards:
		n, ok := number(m.b, lo, hi, 255)
		if !ok {
			m.fail(ReasonNumber, lo)
			return
		}
		m.maxFwd = int16(n)
	case kindContentLength:
		n, ok := number(m.b, lo, hi, 1<<31-1)
		if !ok {
			m.fail(ReasonContentLength, lo)
			return
		}
		m.contentLen = int32(n)
	case kindNumber:
		if _, ok := number(m.b, lo, hi, 1<<32-1); !ok {
			m.fail(ReasonNumber, lo)
		}
	case kindNumberParams:
		m.checkLeadingNumber(lo, hi)
	case kindQuoted:
		m.checkQuotes(lo, hi)
	}
}

func (m *Message) checkVia(lo, hi int, lim *Limits) {
	var v via
	for n := 0; ; n++ {
		if n == lim.Values {
			m.fail(ReasonTooManyValues, lo)
			return
		}
		next, r := scanVia(m.b, lo, hi, lim.Params, &v)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		if m.topVia.host.hi == 0 {
			m.topVia = v
		}
		if next == hi {
			return
		}
		lo = next + 1
	}
}

func (m *Message) checkNameAddrs(id HeaderID, lo, hi int, lim *Limits) {
	if id == HdrContact && hi-lo == 1 && m.b[lo] == '*' {
		return
	}
	var v nameAddr
	for n := 0; ; n++ {
		if n == lim.Values {
			m.fail(ReasonTooManyValues, lo)
			return
		}
		next, r := scanNameAddr(m.b, lo, hi, lim.Params, &v)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		if next == hi {
			return
		}
		lo = next + 1
	}
}

func (m *Message) checkNameAddr(id HeaderID, lo, hi int, lim *Limits) {
	var v nameAddr
	next, r := scanNameAddr(m.b, lo, hi, lim.Params, &v)
	if r == ReasonNone && next != hi {
		r = ReasonValueList
	}
	if r != ReasonNone {
		m.fail(r, next)
		return
	}
	switch id {
	case HdrFrom:
		m.fromTag = v.tag
	case HdrTo:
		m.toTag = v.tag
	}
}

func (m *Message) checkCallID(lo, hi int) {
	if lo == hi {
		m.fail(ReasonCallID, lo)
		return
	}
	for i := lo; i < hi; i++ {
		if is(m.b[i], clLWS) {
			m.fail(ReasonCallID, i)
			return
		}
	}
	m.callID = mkspan(lo, hi)
}

// checkCSeq reads 1*DIGIT LWS Method; the number stays below 2**31 (RFC 3261 8.1.1.5).
func (m *Message) checkCSeq(lo, hi int) {
	i := lo
	for i < hi && m.b[i]-'0' <= 9 {
		i++
	}
	n, ok := number(m.b, lo, i, 1<<31-1)
	name := skipLWS(m.b, i, hi)
	if !ok || name == i || name == hi || skipToken(m.b, name, hi) != hi {
		m.fail(ReasonCSeq, lo)
		return
	}
	m.cseq, m.cseqMethod = uint32(n), mkspan(name, hi)
}

func (m *Message) checkLeadingNumber(lo, hi int) {
	i := lo
	for i < hi && m.b[i]-'0' <= 9 {
		i++
	}
	_, ok := number(m.b, lo, i, 1<<32-1)
	i = skipLWS(m.b, i, hi)
	if !ok || i < hi && m.b[i] != ';' && m.b[i] != '(' {
		m.fail(ReasonNumber, lo)
	}
}

func (m *Message) checkQuotes(lo, hi int) {
	for i := lo; i < hi; i++ {
		next, r := scanQuotes(m.b, i, hi)
		if r != ReasonNone {
			m.fail(r, next)
			return
		}
		i = next
	}
}
