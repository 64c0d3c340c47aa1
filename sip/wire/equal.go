package wire

import "bytes"

// EqualURI compares two URIs by RFC 3261 19.1.4. Schemes other than sip and sips are compared octet by octet
// behind the scheme, tel URIs by RFC 3966 5 (visual separators do not count).
func EqualURI(a, b URI) bool {
	if len(a.Scheme) != len(b.Scheme) || !EqualFold(a.Scheme, string(b.Scheme)) {
		return false
	}
	switch {
	case a.IsTel():
		return equalTel(a.User, b.User) && equalParams(a.Params, b.Params, true) && equalParams(b.Params, a.Params, true)
	case !a.IsSIP():
		return string(a.Opaque) == string(b.Opaque)
	}
	return (a.User == nil) == (b.User == nil) && equalEscaped(a.User, b.User, false) &&
		(a.Password == nil) == (b.Password == nil) && equalEscaped(a.Password, b.Password, false) &&
		EqualFold(a.Host, string(b.Host)) && a.Port == b.Port &&
		equalParams(a.Params, b.Params, false) && equalParams(b.Params, a.Params, false) &&
		equalURIHeaders(a.Headers, b.Headers)
}

// reserved are the characters that mean something else when escaped (RFC 3261 25.1).
func reserved(c byte) bool {
	switch c {
	case ';', '/', '?', ':', '@', '&', '=', '+', '$', ',':
		return true
	}
	return false
}

// octet reads one octet or escape of b and its length. An escaped reserved character is not equal to the character
// itself and is told apart by the ninth bit.
func octet(b []byte) (c uint16, n int) {
	if b[0] != '%' || !isEscape(b) {
		return uint16(b[0]), 1
	}
	c = uint16(unhex(b[1])<<4 | unhex(b[2]))
	if reserved(byte(c)) {
		c |= 0x100
	}
	return c, 3
}

func equalEscaped(a, b []byte, fold bool) bool {
	for len(a) > 0 && len(b) > 0 {
		ca, na := octet(a)
		cb, nb := octet(b)
		if fold && ca < 0x80 && cb < 0x80 {
			ca, cb = uint16(lower(byte(ca))), uint16(lower(byte(cb)))
		}
		if ca != cb {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return len(a) == len(b)
}

// mustBeInBoth are the uri-parameters that make two URIs differ when only one has them. The list of RFC 3261
// 19.1.4 lacks transport, its examples have it.
func mustBeInBoth(name []byte) bool {
	return uriParamBit(name, 0, len(name))&(uriUser|uriTTL|uriMethod|uriMAddr|uriTransport) != 0
}

// equalParams compares each parameter of a with that of b. strict makes every parameter one that must be in both.
func equalParams(a, b Params, strict bool) bool {
	for name, value := range a.All() {
		there, same := paramIn(b, name, value)
		if !same && (there || strict || mustBeInBoth(name)) {
			return false
		}
	}
	return true
}

// paramIn reports whether p has a parameter with this name, and one with this value too. Those that steer nothing may
// occur twice.
func paramIn(p Params, name, value []byte) (there, same bool) {
	for n, v := range p.All() {
		if len(n) == len(name) && EqualFold(n, string(name)) {
			there = true
			same = same || equalEscaped(value, v, true)
		}
	}
	return there, same
}

func equalTel(a, b []byte) bool {
	var i, j int
	for {
		for i < len(a) && visual(a[i]) {
			i++
		}
		for j < len(b) && visual(b[j]) {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i, j = i+1, j+1
	}
}

func visual(c byte) bool { return c == '-' || c == '.' || c == '(' || c == ')' }

// equalURIHeaders compares "name=value&name=value", order apart: headers are never ignored.
func equalURIHeaders(a, b []byte) bool {
	return headersIn(a, b) && headersIn(b, a)
}

func headersIn(a, b []byte) bool {
	for len(a) > 0 {
		var one []byte
		one, a = cutHeader(a)
		found := false
		for rest := b; len(rest) > 0 && !found; {
			var other []byte
			other, rest = cutHeader(rest)
			found = equalHeader(one, other)
		}
		if !found {
			return false
		}
	}
	return true
}

func cutHeader(b []byte) (one, rest []byte) {
	if i := bytes.IndexByte(b, '&'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

func equalHeader(a, b []byte) bool {
	i, j := bytes.IndexByte(a, '='), bytes.IndexByte(b, '=')
	if i < 0 || j < 0 {
		return i < 0 && j < 0 && equalEscaped(a, b, true)
	}
	return equalEscaped(a[:i], b[:j], true) && equalEscaped(a[i:], b[j:], false)
}
