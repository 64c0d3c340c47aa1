package wire

import "encoding/binary"

// nameAddr are the parts of one From, To, Contact, Route ... value.
type nameAddr struct {
	value, display, uri span
	params              paramScan // steer: tag
}

// scanNameAddr reads name-addr or addr-spec with header parameters.
func scanNameAddr(s []byte, i, limit int, o *nameAddr) (next int, r Reason) {
	if uint(i) < uint(len(s)) && is(s[i], clLWS) {
		i = skipLWS(s, i)
	}
	*o = nameAddr{}
	if uint(i) >= uint(len(s)) {
		return i, ReasonNameAddr
	}
	start, bracketed := i, s[i] == '<'
	if !bracketed {
		if i, bracketed, r = scanDisplay(s, i, o); r != ReasonNone {
			return i, r
		}
	}
	if bracketed {
		lo := i + 1
		i = skipURI(s, lo)
		switch {
		case i == len(s):
			return lo - 1, ReasonBracket
		case s[i] != '>' || !hasScheme(s[lo:i]):
			return i, ReasonNameAddr
		}
		o.uri = mkspan(lo, i)
		i++
	}
	end := o.uri.hi
	if bracketed {
		end++
	}
	next, r = scanParams(s, i, limit, parTag, &o.params)
	if o.params.n > 0 {
		end = o.params.all.hi
	}
	o.value = span{uint32(start), end}
	return next, r
}

// scanDisplay reads a display name up to "<", or an addr-spec without brackets up to what ends it.
func scanDisplay(s []byte, i int, o *nameAddr) (next int, bracketed bool, r Reason) {
	lo := i
	if s[i] == '"' {
		if i = quotedEnd(s, i); i < 0 {
			return lo, false, ReasonQuote
		}
		o.display = mkspan(lo, i)
		if i = skipLWS(s, i); i == len(s) || s[i] != '<' {
			return i, false, ReasonNameAddr
		}
		return i, true, ReasonNone
	}
	colon, lws := false, false
	for ; uint(i) < uint(len(s)); i++ {
		c := s[i]
		switch {
		case c == '<':
			if colon {
				return i, false, ReasonNameAddr // an addr-spec with something behind it, or a display name?
			}
			o.display = mkspan(lo, trimEnd(s, lo, i))
			return i, true, ReasonNone
		case c == ';' || c == ',':
			end := trimEnd(s, lo, i)
			o.uri = mkspan(lo, end)
			return i, false, addrSpec(s[lo:end])
		case c == ':':
			colon = true
		case lws && colon && !is(c, clLWS), !is(c, clURI|clLWS):
			return i, false, ReasonNameAddr
		case c == '?' && colon:
			// Without brackets this starts URI headers for one reader, and is refused by another.
			return i, false, ReasonNameAddr
		}
		lws = is(c, clLWS)
	}
	end := trimEnd(s, lo, i)
	o.uri = mkspan(lo, end)
	return i, false, addrSpec(s[lo:end])
}

func addrSpec(uri []byte) Reason {
	if !hasScheme(uri) || skipURI(uri, 0) != len(uri) {
		return ReasonNameAddr
	}
	return ReasonNone
}

// hasScheme reports whether uri begins with scheme ":" and has something behind it.
func hasScheme(uri []byte) bool {
	if len(uri) > 4 && binary.LittleEndian.Uint32(uri) == sipColon {
		return true
	}
	if len(uri) < 3 || uri[0]|0x20 < 'a' || uri[0]|0x20 > 'z' {
		return false
	}
	i := skip(uri, 1, clScheme)
	return i+1 < len(uri) && uri[i] == ':'
}
