package digest

import "errors"

// The ways in which a header value fails to be readable. An error of Parse is
// one of these.
var (
	ErrScheme    = errors.New("digest: not the Digest scheme")
	ErrSyntax    = errors.New("digest: malformed parameter list")
	ErrDuplicate = errors.New("digest: parameter given twice")
	ErrMissing   = errors.New("digest: required parameter missing")
	ErrAlgorithm = errors.New("digest: unknown algorithm")
	ErrQOP       = errors.New("digest: unknown qop")
)

// maxParams bounds the parameters of one header value; a full Authorization
// has eleven.
const maxParams = 32

// scanner reads the comma separated name=value list behind "Digest".
type scanner struct {
	b     []byte
	count int
}

func scan(value []byte) (scanner, error) {
	s := scanner{b: value}
	s.space()
	n := 0
	for n < len(s.b) && isToken(s.b[n]) {
		n++
	}
	if !equalFold(s.b[:n], "Digest") || n == len(s.b) || !isSpace(s.b[n]) {
		return s, ErrScheme
	}
	s.b = s.b[n:]
	return s, nil
}

// next gives the next parameter. A quoted value comes without its quotes and
// with its backslashes. ok is false at the end.
func (s *scanner) next() (name, value []byte, ok bool, err error) {
	s.space()
	if len(s.b) == 0 {
		if s.count == 0 {
			return nil, nil, false, ErrSyntax
		}
		return nil, nil, false, nil
	}
	if s.count++; s.count > maxParams {
		return nil, nil, false, ErrSyntax
	}
	if name = s.token(); len(name) == 0 {
		return nil, nil, false, ErrSyntax
	}
	s.space()
	if !s.eat('=') {
		return nil, nil, false, ErrSyntax
	}
	s.space()
	if s.eat('"') {
		value, ok = s.quoted()
	} else {
		value = s.token()
		ok = len(value) > 0
	}
	if !ok {
		return nil, nil, false, ErrSyntax
	}
	s.space()
	if len(s.b) > 0 {
		if !s.eat(',') {
			return nil, nil, false, ErrSyntax
		}
		if s.space(); len(s.b) == 0 {
			return nil, nil, false, ErrSyntax
		}
	}
	return name, value, true, nil
}

func (s *scanner) space() {
	for len(s.b) > 0 && isSpace(s.b[0]) {
		s.b = s.b[1:]
	}
}

func (s *scanner) eat(c byte) bool {
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

func (s *scanner) token() []byte {
	n := 0
	for n < len(s.b) && isToken(s.b[n]) {
		n++
	}
	t := s.b[:n]
	s.b = s.b[n:]
	return t
}

// quoted reads up to the closing quote, the opening one being consumed.
func (s *scanner) quoted() ([]byte, bool) {
	for i := 0; i < len(s.b); i++ {
		switch c := s.b[i]; {
		case c == '"':
			v := s.b[:i]
			s.b = s.b[i+1:]
			return v, true
		case c == '\\':
			i++
			if i == len(s.b) || s.b[i] < ' ' {
				return nil, false
			}
		case c < ' ' && c != '\t', c == 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// isSpace includes CR and LF because a value may still be folded.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isToken is RFC 3261's token, widened by what clients leave unquoted: the
// characters of base64 and of URIs except for separators.
func isToken(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '-', '.', '!', '%', '*', '_', '+', '`', '\'', '~', '/', ':', '@', '#', '$', '&', '^', '|', '{', '}':
		return true
	}
	return false
}

// unescape removes the backslashes of a quoted string. Only a value that has
// one is copied.
func unescape(v []byte) []byte {
	for i := range v {
		if v[i] != '\\' {
			continue
		}
		out := append([]byte(nil), v[:i]...)
		for ; i < len(v); i++ {
			if v[i] == '\\' && i+1 < len(v) {
				i++
			}
			out = append(out, v[i])
		}
		return out
	}
	return v
}

// equalUnescaped reports whether the quoted value v means s.
func equalUnescaped(v []byte, s string) bool {
	j := 0
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		if j == len(s) || v[i] != s[j] {
			return false
		}
		j++
	}
	return j == len(s)
}

// appendQuoted appends s as a quoted string.
func appendQuoted[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}
