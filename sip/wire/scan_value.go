package wire

// The scanners of this file read one value at b[i:hi] and stop in front of the comma that ends it, or at hi. They
// are the only readers of these grammars: Parse uses them to check, the views to answer. Each octet is visited a
// constant number of times.

// Parameters of which a second one would be read differently by different elements.
const (
	parTag = 1 << iota
	parBranch
	parReceived
	parRPort
	parMAddr
	parTTL
	parQ
	parExpires
	parInstance
	parRegID
)

func paramBit(name []byte) uint16 {
	switch len(name) {
	case 1:
		if lower(name[0]) == 'q' {
			return parQ
		}
	case 3:
		switch {
		case EqualFold(name, "tag"):
			return parTag
		case EqualFold(name, "ttl"):
			return parTTL
		}
	case 5:
		switch {
		case EqualFold(name, "rport"):
			return parRPort
		case EqualFold(name, "maddr"):
			return parMAddr
		}
	case 6:
		switch {
		case EqualFold(name, "branch"):
			return parBranch
		case EqualFold(name, "reg-id"):
			return parRegID
		}
	case 7:
		if EqualFold(name, "expires") {
			return parExpires
		}
	case 8:
		if EqualFold(name, "received") {
			return parReceived
		}
	case 13:
		if EqualFold(name, "+sip.instance") {
			return parInstance
		}
	}
	return 0
}

// span is b[lo:hi] of a message; lo == hi when absent.
type span struct{ lo, hi uint32 }

func (s span) of(b []byte) []byte {
	if s.lo == s.hi {
		return nil
	}
	return b[s.lo:s.hi:s.hi]
}

func mkspan(lo, hi int) span { return span{uint32(lo), uint32(hi)} }

// param is one parameter: ";name" or ";name=value", value with its quotes.
type param struct{ name, value span }

// scanParam reads one parameter at b[i] == ';'. Unquoted values may hold more than the grammar's token and host,
// "=" for instance, since tags and branches of the field do; nothing that ends or nests a value is let through.
func scanParam(b []byte, i, hi int, p *param) (next int, r Reason) {
	i = skipLWS(b, i+1, hi)
	lo := i
	i = skipToken(b, i, hi)
	if i == lo {
		return i, ReasonParam
	}
	p.name, p.value = mkspan(lo, i), span{}
	j := skipLWS(b, i, hi)
	if j == hi || b[j] != '=' {
		return j, ReasonNone
	}
	i = skipLWS(b, j+1, hi)
	lo = i
	if i < hi && b[i] == '"' {
		if i = quotedEnd(b, i, hi); i < 0 {
			return lo, ReasonQuote
		}
	} else {
		for i < hi && is(b[i], clParamVal) {
			i++
		}
	}
	if i == lo {
		return i, ReasonParam
	}
	p.value = mkspan(lo, i)
	return skipLWS(b, i, hi), ReasonNone
}

// scanParams reads *( ";" param ) up to a comma or hi.
func scanParams(b []byte, i, hi, limit int, tag *span) (next int, r Reason) {
	var p param
	var seen uint16
	for n := 0; ; n++ {
		i = skipLWS(b, i, hi)
		if i == hi || b[i] == ',' {
			return i, ReasonNone
		}
		if b[i] != ';' {
			return i, ReasonParam
		}
		if n == limit {
			return i, ReasonTooManyParams
		}
		if i, r = scanParam(b, i, hi, &p); r != ReasonNone {
			return i, r
		}
		bit := paramBit(p.name.of(b))
		if seen&bit != 0 {
			return i, ReasonDuplicateParam
		}
		seen |= bit
		if bit == parTag && tag != nil {
			if p.value.lo == p.value.hi {
				return i, ReasonParam
			}
			*tag = p.value
		}
	}
}

// nameAddr are the parts of one From, To, Contact, Route ... value.
type nameAddr struct{ display, uri, params, tag span }

// scanNameAddr reads name-addr or addr-spec with parameters.
func scanNameAddr(b []byte, i, hi, limit int, o *nameAddr) (next int, r Reason) {
	*o = nameAddr{}
	i = skipLWS(b, i, hi)
	if i == hi {
		return i, ReasonNameAddr
	}
	lo := i
	bracket := false
	if b[i] == '"' {
		if i = quotedEnd(b, i, hi); i < 0 {
			return lo, ReasonQuote
		}
		o.display = mkspan(lo, i)
		i = skipLWS(b, i, hi)
		if i == hi || b[i] != '<' {
			return i, ReasonNameAddr
		}
		bracket = true
	} else {
		colon := false
	unquoted:
		for ; i < hi; i++ {
			switch b[i] {
			case '<':
				if colon {
					return i, ReasonNameAddr
				}
				o.display = mkspan(lo, trimEnd(b, lo, i))
				bracket = true
				break unquoted
			case ':':
				colon = true
			case ';', ',':
				break unquoted
			case '"', '>', '\\':
				return i, ReasonNameAddr
			}
		}
	}
	if bracket {
		lo = i + 1
		i = scanURI(b, lo, hi)
		if i == hi {
			return i, ReasonBracket
		}
		if b[i] != '>' || !hasScheme(b, lo, i) {
			return i, ReasonNameAddr
		}
		o.uri = mkspan(lo, i)
		i++
	} else {
		end := trimEnd(b, lo, i)
		// Without brackets "?" would start URI headers for one reader and header parameters for another.
		for j := lo; j < end; j++ {
			if is(b[j], clLWS) || b[j] == '?' {
				return j, ReasonNameAddr
			}
		}
		if !hasScheme(b, lo, end) {
			return lo, ReasonNameAddr
		}
		o.uri = mkspan(lo, end)
	}
	lo = i
	if i, r = scanParams(b, i, hi, limit, &o.tag); r != ReasonNone {
		return i, r
	}
	o.params = mkspan(lo, trimEnd(b, lo, i))
	return i, ReasonNone
}

func scanURI(b []byte, i, hi int) int {
	for i < hi && is(b[i], clURI) {
		i++
	}
	return i
}

// hasScheme reports whether b[lo:hi] begins with scheme ":" and has something behind it.
func hasScheme(b []byte, lo, hi int) bool {
	if lo >= hi || b[lo]|0x20 < 'a' || b[lo]|0x20 > 'z' {
		return false
	}
	for lo++; lo < hi && is(b[lo], clScheme); lo++ {
	}
	return lo+1 < hi && b[lo] == ':'
}

// via are the parts of one Via value.
type via struct {
	value, name, version, transport, host, params span
	port                                          uint16
}

// scanVia reads via-parm: sent-protocol LWS sent-by *( SEMI via-params ).
func scanVia(b []byte, i, hi, limit int, o *via) (next int, r Reason) {
	*o = via{}
	i = skipLWS(b, i, hi)
	start := i
	if i, r = scanProtocol(b, i, hi, o); r != ReasonNone {
		return i, r
	}
	if i, o.host, o.port, r = scanHostPort(b, i, hi); r != ReasonNone {
		return i, r
	}
	lo := i
	if i, r = scanParams(b, i, hi, limit, nil); r != ReasonNone {
		return i, r
	}
	o.params = mkspan(lo, trimEnd(b, lo, i))
	o.value = mkspan(start, trimEnd(b, start, i))
	return i, ReasonNone
}

// scanProtocol reads protocol-name SLASH protocol-version SLASH transport LWS.
func scanProtocol(b []byte, i, hi int, o *via) (next int, r Reason) {
	for n, part := range [...]*span{&o.name, &o.version, &o.transport} {
		lo := i
		i = skipToken(b, i, hi)
		if i == lo {
			return i, ReasonVia
		}
		*part = mkspan(lo, i)
		lo = i
		i = skipLWS(b, i, hi)
		if n == 2 {
			if lo == i {
				return i, ReasonVia
			}
			break
		}
		if i == hi || b[i] != '/' {
			return i, ReasonVia
		}
		i = skipLWS(b, i+1, hi)
	}
	return i, ReasonNone
}

// scanHostPort reads host [ COLON port ] with white space around the colon, and the white space behind.
func scanHostPort(b []byte, i, hi int) (next int, host span, port uint16, r Reason) {
	lo := i
	if i < hi && b[i] == '[' {
		for i++; i < hi && b[i] != ']' && is(b[i], clHost); i++ {
		}
		if i == hi || b[i] != ']' || i == lo+1 {
			return i, span{}, 0, ReasonHost
		}
		i++
	} else {
		for i < hi && b[i] != ':' && is(b[i], clHost) {
			i++
		}
		if i == lo {
			return i, span{}, 0, ReasonHost
		}
	}
	host = mkspan(lo, i)
	i = skipLWS(b, i, hi)
	if i == hi || b[i] != ':' {
		return i, host, 0, ReasonNone
	}
	i = skipLWS(b, i+1, hi)
	lo = i
	for i < hi && b[i]-'0' <= 9 {
		i++
	}
	n, ok := number(b, lo, i, 65535)
	if !ok || n == 0 {
		return i, span{}, 0, ReasonHost
	}
	return skipLWS(b, i, hi), host, uint16(n), ReasonNone
}

// scanQuotes reads one value of a grammar known only to have quoted strings.
func scanQuotes(b []byte, i, hi int) (next int, r Reason) {
	for i < hi && b[i] != ',' {
		if b[i] != '"' {
			i++
			continue
		}
		j := quotedEnd(b, i, hi)
		if j < 0 {
			return i, ReasonQuote
		}
		i = j
	}
	return i, ReasonNone
}
