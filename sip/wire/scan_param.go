package wire

import "encoding/binary"

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

// scanParam reads the parameter behind the ";" at s[i-1], and the white space behind it. Unquoted values may hold more
// than the token and host of the grammar, since tags and branches of the field hold "=", "/" or "@"; nothing that ends
// or nests a value is let through. names is the class of the name's octets: clToken in a header.
func scanParam(s []byte, i int, names uint8) (p param, next int, r Reason) {
	lo := skipLWS(s, i)
	i = skip(s, lo, names)
	if i == lo {
		return p, i, ReasonParam
	}
	p.name = mkspan(lo, i)
	i = skipLWS(s, i)
	if uint(i) >= uint(len(s)) || s[i] != '=' {
		return p, i, ReasonNone
	}
	lo = i + 1
	i = skip(s, lo, clParamVal)
	if i == lo {
		if lo = skipLWS(s, lo); uint(lo) < uint(len(s)) && s[lo] == '"' {
			if i = quotedEnd(s, lo); i < 0 {
				return p, lo, ReasonQuote
			}
		} else if i = skip(s, lo, clParamVal); i == lo {
			return p, i, ReasonParam
		}
	}
	p.value = mkspan(lo, i)
	return p, skipLWS(s, i), ReasonNone
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

// paramBit finds the parameter s[lo:hi], a token, among those above. Tokens of up to eight octets are compared as one
// word.
func paramBit(s []byte, lo, hi int) uint16 {
	n := hi - lo
	if n == 1 {
		if s[lo]|0x20 == 'q' {
			return parQ
		}
		return 0
	}
	if n > 8 {
		if n == 13 && EqualFold(s[lo:hi], "+sip.instance") {
			return parInstance
		}
		return 0
	}
	switch fold(word(s, lo, n)) {
	case 't' | 'a'<<8 | 'g'<<16:
		return parTag
	case 'b' | 'r'<<8 | 'a'<<16 | 'n'<<24 | 'c'<<32 | 'h'<<40:
		return parBranch
	case 'r' | 'p'<<8 | 'o'<<16 | 'r'<<24 | 't'<<32:
		return parRPort
	case 'r' | 'e'<<8 | 'c'<<16 | 'e'<<24 | 'i'<<32 | 'v'<<40 | 'e'<<48 | 'd'<<56:
		return parReceived
	case 'e' | 'x'<<8 | 'p'<<16 | 'i'<<24 | 'r'<<32 | 'e'<<40 | 's'<<48:
		return parExpires
	case 'm' | 'a'<<8 | 'd'<<16 | 'd'<<24 | 'r'<<32:
		return parMAddr
	case 't' | 't'<<8 | 'l'<<16:
		return parTTL
	case 'r' | 'e'<<8 | 'g'<<16 | '-'<<24 | 'i'<<32 | 'd'<<40:
		return parRegID
	}
	return 0
}

// word is s[lo:lo+n] as a little-endian number, 0 < n <= 8. It may read the memory behind s, not use it.
func word(s []byte, lo, n int) (w uint64) {
	if lo+8 <= cap(s) {
		return binary.LittleEndian.Uint64(s[lo:lo+8]) << (64 - 8*n) >> (64 - 8*n)
	}
	for i := n - 1; i >= 0; i-- {
		w = w<<8 | uint64(s[lo+i])
	}
	return w
}

// paramScan is what scanParams keeps of the parameters it passes over.
type paramScan struct {
	all   span   // from the first ";" to the end of the last parameter
	steer span   // value of tag, or of branch
	rport uint32 // where the name of rport begins
	seen  uint16 // which of the parameters above are there
	n     int    // how many
}

// scanParams reads *( ";" param ). steering names the parameter whose value is kept: parTag or parBranch.
func scanParams(s []byte, i, limit int, steering uint16, o *paramScan) (next int, r Reason) {
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	lo, end, n := i, i, 0
	var seen uint16
	for ; uint(i) < uint(len(s)) && s[i] != ','; n++ {
		if s[i] != ';' {
			return i, ReasonParam
		}
		if n == limit {
			return i, ReasonTooManyParams
		}
		p, next, r := scanTightParam(s, i+1, clToken)
		if r != ReasonNone {
			return next, r
		}
		end = int(max(p.name.hi, p.value.hi))
		i = next
		bit := paramBit(s, int(p.name.lo), int(p.name.hi))
		if bit == 0 {
			continue
		}
		if seen&bit != 0 {
			return int(p.name.lo), ReasonDuplicateParam
		}
		seen |= bit
		if bit == parRPort {
			o.rport = p.name.lo
		}
		if bit == steering {
			if p.value.lo == p.value.hi || s[p.value.lo] == '"' {
				return int(p.name.lo), ReasonParam // a token by its grammar
			}
			o.steer = p.value
		}
	}
	o.all, o.n, o.seen = mkspan(lo, end), n, seen
	return i, ReasonNone
}

// scanTightParam is scanParam; it takes the usual form, without white space, in one go.
func scanTightParam(s []byte, lo int, names uint8) (p param, next int, r Reason) {
	i := skip(s, lo, names)
	p.name = mkspan(lo, i)
	if uint(i) < uint(len(s)) && s[i] == '=' {
		value := i + 1
		if uint(value) < uint(len(s)) && s[value] == '"' {
			if i = quotedEnd(s, value); i < 0 {
				return p, value, ReasonQuote
			}
		} else if i = skipParamVal(s, value); i == value {
			return scanParam(s, lo, names)
		}
		p.value = mkspan(value, i)
	}
	if uint(i) < uint(len(s)) && s[i] != ';' && s[i] != ',' || p.name.lo == p.name.hi {
		return scanParam(s, lo, names)
	}
	return p, i, ReasonNone
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
