package wire

// The scan functions read one value of s from i on and stop in front of the comma that ends it, or at the end of s;
// s is a message, or more, cut at the end of a header value, so that all offsets are those of the message. They are
// the only readers of their grammars: Parse checks with them, the views answer with them. Each octet is visited a
// bounded number of times.

// span is s[lo:hi]; empty when the part is absent.
type span struct{ lo, hi uint32 }

func mkspan(lo, hi int) span { return span{uint32(lo), uint32(hi)} }

// of is the part of b, nil when it is absent.
func (s span) of(b []byte) []byte {
	if s.lo >= s.hi {
		return nil
	}
	return b[s.lo:s.hi:s.hi]
}

// param is one parameter: ";name" or ";name=value", the value with its quotes.
type param struct{ name, value span }

// scanParam reads one parameter, s[i] being its ";", and the white space behind. Unquoted values may hold more than
// the token and host of the grammar, since tags and branches of the field hold "=", "/" or "@"; nothing that ends or
// nests a value is let through.
func scanParam(s []byte, i int, p *param) (next int, r Reason) {
	lo := i + 1
	i = skip(s, lo, clToken)
	if i == lo {
		lo = skipLWS(s, lo)
		if i = skip(s, lo, clToken); i == lo {
			return i, ReasonParam
		}
	}
	p.name, p.value = mkspan(lo, i), span{}
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	if uint(i) >= uint(len(s)) || s[i] != '=' {
		return i, ReasonNone
	}
	lo = i + 1
	if uint(lo) < uint(len(s)) && is(s[lo], clLWS) {
		lo = skipLWS(s, lo)
	}
	if uint(lo) < uint(len(s)) && s[lo] == '"' {
		if i = quotedEnd(s, lo); i < 0 {
			return lo, ReasonQuote
		}
	} else if i = skip(s, lo, clParamVal); i == lo {
		return i, ReasonParam
	}
	p.value = mkspan(lo, i)
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	return i, ReasonNone
}

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
		return bitIf(name, "q", parQ)
	case 3:
		return bitIf(name, "tag", parTag) | bitIf(name, "ttl", parTTL)
	case 5:
		return bitIf(name, "rport", parRPort) | bitIf(name, "maddr", parMAddr)
	case 6:
		return bitIf(name, "branch", parBranch) | bitIf(name, "reg-id", parRegID)
	case 7:
		return bitIf(name, "expires", parExpires)
	case 8:
		return bitIf(name, "received", parReceived)
	case 13:
		return bitIf(name, "+sip.instance", parInstance)
	}
	return 0
}

func bitIf(name []byte, want string, bit uint16) uint16 {
	if name[0]|0x20 == want[0]|0x20 && EqualFold(name, want) {
		return bit
	}
	return 0
}

// paramScan is what scanParams keeps of the parameters it passes over.
type paramScan struct {
	all   span // from the first ";" to the end of the last parameter
	steer span // value of tag, or of branch
}

// scanParams reads *( ";" param ). steering names the parameter whose value is kept: parTag or parBranch.
func scanParams(s []byte, i, limit int, steering uint16, o *paramScan) (next int, r Reason) {
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	var p param
	var seen uint16
	lo, end := i, i
	for n := 0; uint(i) < uint(len(s)) && s[i] != ','; n++ {
		if s[i] != ';' {
			return i, ReasonParam
		}
		if n == limit {
			return i, ReasonTooManyParams
		}
		if i, r = scanParam(s, i, &p); r != ReasonNone {
			return i, r
		}
		end = int(max(p.name.hi, p.value.hi))
		bit := paramBit(s[p.name.lo:p.name.hi])
		if seen&bit != 0 {
			return int(p.name.lo), ReasonDuplicateParam
		}
		seen |= bit
		if bit&steering != 0 {
			if p.value.lo == p.value.hi {
				return i, ReasonParam
			}
			o.steer = p.value
		}
	}
	o.all = mkspan(lo, end)
	return i, ReasonNone
}

// scanQuotes passes over one value of a grammar known only to have quoted strings.
func scanQuotes(s []byte, i int) (next int, r Reason) {
	for uint(i) < uint(len(s)) && s[i] != ',' {
		if s[i] != '"' {
			i++
			continue
		}
		j := quotedEnd(s, i)
		if j < 0 {
			return i, ReasonQuote
		}
		i = j
	}
	return i, ReasonNone
}
