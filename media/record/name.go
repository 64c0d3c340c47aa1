package record

import (
	"crypto/rand"
	"fmt"
	"path"
	"strings"
	"time"
)

const (
	defaultPattern = "%c-%t"
	maxPattern     = 512
	maxPart        = 200 // octets of one part of a path
)

// names makes the file names of one recording.
type names struct {
	pattern, callID, label, random string
	at                             time.Time
}

func newNames(s *Spec, at time.Time) (*names, error) {
	n := &names{pattern: s.Pattern, callID: s.CallID, label: s.Label, random: rand.Text()[:8], at: at.UTC()}
	if n.pattern == "" {
		n.pattern = defaultPattern
	}
	if len(n.pattern) > maxPattern {
		return nil, fmt.Errorf("%w: pattern of %d octets", ErrName, len(n.pattern))
	}
	_, err := n.name("meta")
	return n, err
}

// CheckPattern refuses a [Spec.Pattern] that makes no names.
func CheckPattern(pattern string) error {
	_, err := newNames(&Spec{CallID: "id", Label: "label", Pattern: pattern}, time.Time{})
	return err
}

// name expands the pattern. What comes from the call cannot leave its place:
// it has no separator, and no part of the path is ".", "..", hidden or empty.
func (n *names) name(kind string) (string, error) {
	var b strings.Builder
	id := []rune(n.callID)
	for p := n.pattern; p != ""; {
		if p[0] != '%' {
			b.WriteByte(p[0])
			p = p[1:]
			continue
		}
		text, used, err := n.expand(p[1:], kind, &id)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		p = p[1+used:]
	}
	return clean(b.String())
}

// expand returns what a format sequence stands for and its length.
func (n *names) expand(p, kind string, id *[]rune) (text string, used int, err error) {
	digits := 0
	for digits < len(p) && p[digits] >= '0' && p[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		count := 0
		for _, d := range p[:min(digits, 4)] {
			count = count*10 + int(d-'0')
		}
		count = min(count, len(*id))
		text = safe(string((*id)[:count]))
		*id = (*id)[count:]
		return text, digits, nil
	}
	if p == "" {
		return "", 0, fmt.Errorf("%w: pattern ends with a percent sign", ErrName)
	}
	switch p[0] {
	case '%':
		text = "%"
	case 'c':
		text = safe(n.callID)
	case 'l':
		text = safe(n.label)
	case 'r':
		text = n.random
	case 't':
		text = kind
	case 'u':
		text = fmt.Sprintf("%06d", n.at.Nanosecond()/1000)
	default:
		layout, ok := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05"}[p[0]]
		if !ok {
			return "", 0, fmt.Errorf("%w: %%%c in the pattern", ErrName, p[0])
		}
		text = n.at.Format(layout)
	}
	return text, 1, nil
}

// safe writes what comes from outside in letters that mean nothing to a file
// system; others are written as two hexadecimal digits behind a percent sign.
func safe(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("@._+=-~:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// clean refuses or mends parts that are not plain names.
func clean(name string) (string, error) {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, ".") {
			p = "_" + p[1:] // ".", "..", hidden files
		}
		if p == "" || strings.ContainsRune(p, 0) {
			return "", fmt.Errorf("%w: empty part in %q", ErrName, name)
		}
		if len(p) > maxPart {
			p = p[:maxPart]
		}
		parts[i] = p
	}
	return path.Join(parts...), nil
}
