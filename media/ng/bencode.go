package ng

import (
	"fmt"
	"strconv"
)

// parser reads one bencoded value. Every limit is checked before memory is
// taken, so a message costs no more than its own size.
type parser struct {
	b      []byte
	pos    int
	values int
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s at octet %d", ErrSyntax, fmt.Sprintf(format, args...), p.pos)
}

// parseBencode reads a dictionary that takes up all of b.
func parseBencode(b []byte) (Dict, error) {
	p := parser{b: b}
	v, err := p.value(0)
	if err != nil {
		return Dict{}, err
	}
	d, ok := v.(Dict)
	if !ok {
		return Dict{}, p.errorf("no dictionary")
	}
	if p.pos != len(b) {
		return Dict{}, p.errorf("octets behind the dictionary")
	}
	return d, nil
}

func (p *parser) value(depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, p.errorf("too many values")
	}
	if depth > maxDepth {
		return nil, p.errorf("nested too deeply")
	}
	if p.pos >= len(p.b) {
		return nil, p.errorf("ends early")
	}
	switch c := p.b[p.pos]; {
	case c == 'd':
		return p.dict(depth)
	case c == 'l':
		return p.list(depth)
	case c == 'i':
		p.pos++
		return p.number('e')
	case c >= '0' && c <= '9':
		return p.str()
	}
	return nil, p.errorf("octet %q begins no value", p.b[p.pos])
}

func (p *parser) dict(depth int) (any, error) {
	p.pos++
	var d Dict
	if depth == 0 {
		d.entries = make([]entry, 0, 12) // an offer of a proxy has 8 to 12 keys
	}
	for !p.end() {
		if p.pos >= len(p.b) {
			return nil, p.errorf("ends early")
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.add(key, v)
	}
	return d, nil
}

func (p *parser) list(depth int) (any, error) {
	p.pos++
	l := List{}
	for !p.end() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	return l, nil
}

// end consumes the e of a dictionary or list.
func (p *parser) end() bool {
	if p.pos < len(p.b) && p.b[p.pos] == 'e' {
		p.pos++
		return true
	}
	return false
}

func (p *parser) number(until byte) (int64, error) {
	from := p.pos
	for p.pos < len(p.b) && p.b[p.pos] != until && p.pos-from < 20 {
		p.pos++
	}
	if p.pos >= len(p.b) || p.b[p.pos] != until {
		return 0, p.errorf("number without end")
	}
	n, err := strconv.ParseInt(string(p.b[from:p.pos]), 10, 64)
	if err != nil || p.b[from] == '+' {
		return 0, p.errorf("no number")
	}
	p.pos++
	return n, nil
}

func (p *parser) str() (string, error) {
	if p.pos < len(p.b) && (p.b[p.pos] < '0' || p.b[p.pos] > '9') {
		return "", p.errorf("no string")
	}
	n, err := p.number(':')
	if err != nil {
		return "", err
	}
	if n > int64(len(p.b)-p.pos) {
		return "", p.errorf("string longer than the message")
	}
	s := string(p.b[p.pos : p.pos+int(n)])
	p.pos += int(n)
	return s, nil
}

// appendBencode writes a value.
func appendBencode(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(dst, v)
	case int64:
		return append(strconv.AppendInt(append(dst, 'i'), v, 10), 'e')
	case List:
		dst = append(dst, 'l')
		for _, e := range v {
			dst = appendBencode(dst, convert(e))
		}
		return append(dst, 'e')
	case Dict:
		dst = append(dst, 'd')
		for _, e := range v.entries {
			dst = appendBencode(appendText(dst, e.key), e.value)
		}
		return append(dst, 'e')
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	dst = strconv.AppendInt(dst, int64(len(s)), 10)
	return append(append(dst, ':'), s...)
}
