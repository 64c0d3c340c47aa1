package ng

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// parseJSON reads an object that takes up all of b, blanks aside.
func parseJSON(b []byte) (Dict, error) {
	p := jsonParser{dec: json.NewDecoder(bytes.NewReader(b))}
	p.dec.UseNumber()
	v, err := p.value(0)
	if err != nil {
		return Dict{}, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	d, ok := v.(Dict)
	if !ok {
		return Dict{}, fmt.Errorf("%w: no object", ErrSyntax)
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return Dict{}, fmt.Errorf("%w: text behind the object", ErrSyntax)
	}
	return d, nil
}

// jsonParser keeps the order of keys, which encoding/json's maps do not.
type jsonParser struct {
	dec    *json.Decoder
	values int
}

func (p *jsonParser) value(depth int) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, fmt.Errorf("too many values")
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested too deeply")
	}
	t, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case string:
		return t, nil
	case json.Number:
		if n, err := t.Int64(); err == nil {
			return n, nil
		}
		return t.String(), nil
	case bool:
		return convert(t), nil
	}
	return "", nil // null
}

func (p *jsonParser) object(depth int) (any, error) {
	var d Dict
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		d.add(t.(string), v) // the decoder lets nothing else be a key
	}
	_, err := p.dec.Token()
	return d, err
}

func (p *jsonParser) array(depth int) (any, error) {
	l := List{}
	for p.dec.More() {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := p.dec.Token()
	return l, err
}

// appendJSON writes a value. Octets that are no UTF-8 become the replacement
// character, as JSON has no other text.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case List:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, convert(e))
		}
		return append(dst, ']')
	case Dict:
		dst = append(dst, '{')
		for i, e := range v.entries {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(append(appendString(dst, e.key), ':'), e.value)
		}
		return append(dst, '}')
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
