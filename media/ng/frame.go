package ng

import (
	"bytes"
	"fmt"
)

// Format is how a dictionary is written.
type Format uint8

// The two formats. A reply has that of its request.
const (
	Bencode Format = iota
	JSON
)

// String is the name of the format.
func (f Format) String() string {
	if f == JSON {
		return "json"
	}
	return "bencode"
}

// Parse reads a dictionary without cookie and says in which format it was.
func Parse(b []byte) (Dict, Format, error) {
	if len(b) > MaxMessage {
		return Dict{}, 0, fmt.Errorf("%w: larger than %d octets", ErrSyntax, MaxMessage)
	}
	if len(b) > 0 && b[0] == '{' {
		d, err := parseJSON(b)
		return d, JSON, err
	}
	d, err := parseBencode(b)
	return d, Bencode, err
}

// Append writes a dictionary.
func Append(dst []byte, d Dict, f Format) []byte {
	if f == JSON {
		return appendJSON(dst, d)
	}
	return appendBencode(dst, d)
}

// cut splits a message into cookie and dictionary.
func cut(b []byte) (cookie, rest []byte, err error) {
	cookie, rest, ok := bytes.Cut(b, []byte{' '})
	if !ok || len(cookie) == 0 || len(cookie) > maxCookie {
		return nil, nil, fmt.Errorf("%w: no cookie", ErrSyntax)
	}
	return cookie, rest, nil
}

// scanFrame is a bufio.SplitFunc for streams, where messages follow each other
// without any delimiter.
func scanFrame(b []byte, atEOF bool) (advance int, token []byte, err error) {
	start := 0
	for start < len(b) && (b[start] == '\r' || b[start] == '\n' || b[start] == ' ') {
		start++
	}
	space := bytes.IndexByte(b[start:], ' ')
	if space > maxCookie || space < 0 && len(b)-start > maxCookie {
		return 0, nil, fmt.Errorf("%w: no cookie", ErrSyntax)
	}
	if space < 0 {
		if atEOF {
			return len(b), nil, nil
		}
		return start, nil, nil
	}
	n, err := valueLen(b[start+space+1:])
	if err != nil {
		return 0, nil, err
	}
	if n == 0 {
		if atEOF || len(b) > MaxMessage {
			return 0, nil, fmt.Errorf("%w: message without end", ErrSyntax)
		}
		return 0, nil, nil
	}
	end := start + space + 1 + n
	return end, b[start:end], nil
}

// valueLen is the length of the value that b begins with; 0: not all there.
func valueLen(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] == '{' {
		return objectLen(b), nil
	}
	if b[0] != 'd' {
		return 0, fmt.Errorf("%w: no dictionary", ErrSyntax)
	}
	depth := 0
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == 'd' || c == 'l':
			depth++
			i++
		case c == 'e':
			if depth--; depth == 0 {
				return i + 1, nil
			}
			i++
		case c == 'i':
			n := bytes.IndexByte(b[i:], 'e')
			if n < 0 {
				return short(b[i:], 21)
			}
			i += n + 1
		case c >= '0' && c <= '9':
			colon := bytes.IndexByte(b[i:], ':')
			if colon < 0 {
				return short(b[i:], 7)
			}
			n, err := (&parser{b: b, pos: i}).length(colon)
			if err != nil {
				return 0, err
			}
			i += colon + 1 + n
		default:
			return 0, fmt.Errorf("%w: octet %q begins no value", ErrSyntax, c)
		}
	}
	return 0, nil
}

// short is the answer to an unfinished number: wait, unless it is too long for one.
func short(b []byte, most int) (int, error) {
	if len(b) > most {
		return 0, fmt.Errorf("%w: number without end", ErrSyntax)
	}
	return 0, nil
}

// length reads the digits of a string's length.
func (p *parser) length(digits int) (int, error) {
	n, err := p.number(':')
	if err != nil || digits > 7 || n > MaxMessage {
		return 0, fmt.Errorf("%w: length of a string", ErrSyntax)
	}
	return int(n), nil
}

// objectLen finds the end of a JSON object.
func objectLen(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
