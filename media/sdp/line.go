package sdp

import "strings"

// line is one line with its line end, as it came or as an edit made it.
type line string

// body is the line without its line end.
func (l line) body() string {
	s := strings.TrimSuffix(string(l), "\n")
	return strings.TrimSuffix(s, "\r")
}

// is tells whether the line has the given type letter.
func (l line) is(kind byte) bool { return len(l) > 1 && l[0] == kind && l[1] == '=' }

// value is what stands behind the '='.
func (l line) value() string {
	if len(l) < 2 || l[1] != '=' {
		return ""
	}
	return l.body()[2:]
}

// attr splits an a= line. Attribute names are case-sensitive (RFC 8866
// section 5.13), yet devices exist that write RTCP-MUX; no two registered
// names differ in case only, so they are compared without it.
func (l line) attr() (name, value string, ok bool) {
	if !l.is('a') {
		return "", "", false
	}
	name, value, _ = strings.Cut(l.value(), ":")
	return strings.TrimRight(name, " \t"), strings.Trim(value, " \t"), true
}

// isAttr returns the value of the attribute called name.
func (l line) isAttr(name string) (value string, ok bool) {
	n, v, ok := l.attr()
	return v, ok && strings.EqualFold(n, name)
}

// find returns the index of the first line of a type, or -1.
func find(lines []line, kind byte) int {
	for i, l := range lines {
		if l.is(kind) {
			return i
		}
	}
	return -1
}

// without returns the lines for which drop is false.
func without(lines []line, drop func(line) bool) []line {
	kept := lines[:0]
	for _, l := range lines {
		if !drop(l) {
			kept = append(kept, l)
		}
	}
	return kept
}

// blank is what separates words: SDP knows no other white space, whatever
// Unicode does.
func blank(r rune) bool { return r == ' ' || r == '\t' }

func words(s string) []string { return strings.FieldsFunc(s, blank) }

// token returns the bounds of the n-th blank-separated word of s, counted
// from 0; from == to when there is none.
func token(s string, n int) (from, to int) {
	i := 0
	for ; ; n-- {
		for i < len(s) && blank(rune(s[i])) {
			i++
		}
		from = i
		for i < len(s) && !blank(rune(s[i])) {
			i++
		}
		if n == 0 || from == i {
			return from, i
		}
	}
}
