package guard

import (
	"bytes"

	"github.com/class5-go/class5/sip/wire"
)

// Classes of octets in URIs that need no closer look.
const (
	plainUser = 1 << iota
	plainHost
	plainParam
)

// plain is constant after package start-up.
var plain = plainOctets()

func plainOctets() (t [256]uint8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			t[c] = plainUser | plainHost | plainParam
		case c == '-', c == '.':
			t[c] = plainUser | plainHost | plainParam
		case c == '_', c == '+':
			t[c] = plainUser | plainParam
		}
	}
	return t
}

// readURI reads user and host of a URI and reports whether it is of its
// grammar. Nearly all are sip:user@host with a port and one parameter at most,
// which one pass over them can tell; the rest is left to package wire.
func readURI(b []byte) (user, host []byte, ok bool) {
	if user, host, ok = plainURI(b); ok {
		return user, host, true
	}
	u, err := wire.ParseURI(b)
	return u.User, u.Host, err == nil
}

func plainURI(b []byte) (user, host []byte, ok bool) {
	if len(b) < 8 || string(b[:4]) != "sip:" {
		return nil, nil, false
	}
	at := skip(b, 4, plainUser)
	if at == 4 || at == len(b) || b[at] != '@' {
		return nil, nil, false
	}
	lo := at + 1
	end := skip(b, lo, plainHost)
	if end == lo || b[lo] < '0' || b[end-1] < '0' { // begins or ends with "-" or "."
		return nil, nil, false
	}
	i := end
	if i < len(b) && b[i] == ':' {
		port := 0
		for i++; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
			if port = port*10 + int(b[i]-'0'); port > 65535 {
				return nil, nil, false
			}
		}
		if port == 0 {
			return nil, nil, false
		}
	}
	if i < len(b) && b[i] == ';' {
		name := skip(b, i+1, plainParam)
		if name == i+1 {
			return nil, nil, false
		}
		if i = name; i < len(b) && b[i] == '=' {
			if i = skip(b, name+1, plainParam); i == name+1 {
				return nil, nil, false
			}
		}
	}
	return b[4:at:at], b[lo:end:end], i == len(b)
}

func skip(b []byte, i int, class uint8) int {
	for i < len(b) && plain[b[i]]&class != 0 {
		i++
	}
	return i
}

// bareURI cuts the URI out of a well-formed name-addr or addr-spec with
// parameters.
func bareURI(v []byte) []byte {
	v = bytes.TrimLeft(v, " \t\r\n")
	if len(v) > 0 && v[0] == '"' {
		v = v[afterQuote(v, 0):]
	}
	if lo := bytes.IndexByte(v, '<'); lo >= 0 {
		v = v[lo+1:]
		if hi := bytes.IndexByte(v, '>'); hi >= 0 {
			return v[:hi]
		}
		return v
	}
	if end := bytes.IndexAny(v, ";, \t\r\n"); end >= 0 {
		v = v[:end]
	}
	return v
}

// afterQuote is the index behind the quoted string that begins at v[i], or the
// end of v when it is not closed.
func afterQuote(v []byte, i int) int {
	for i++; ; i++ {
		end := bytes.IndexByte(v[i:], '"')
		if end < 0 {
			return len(v)
		}
		end += i
		escapes := 0
		for end-escapes > i && v[end-escapes-1] == '\\' {
			escapes++
		}
		if i = end; escapes%2 == 0 {
			return end + 1
		}
	}
}
