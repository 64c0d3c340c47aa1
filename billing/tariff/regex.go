package tariff

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// expression is a regular expression and what every text that it matches has
// in it, which most others do not: a cheap test before the dear one.
type expression struct {
	re       *regexp.Regexp // nil matches everything
	literal  string
	anchored bool // literal is a prefix of the text
}

// newExpression compiles an expression of RE2 syntax. The empty one is any.
func newExpression(s string) (expression, error) {
	if s == "" {
		return expression{}, nil
	}
	if len(s) > maxText {
		return expression{}, ErrLimit
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return expression{}, err
	}
	e := expression{re: re}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return expression{}, err
	}
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	if parts[0].Op == syntax.OpBeginText {
		e.anchored = true
		parts = parts[1:]
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpLiteral && parts[0].Flags&syntax.FoldCase == 0 {
		e.literal = string(parts[0].Rune)
	}
	return e, nil
}

func (e *expression) may(s string) bool {
	if e.anchored {
		return strings.HasPrefix(s, e.literal)
	}
	return e.literal == "" || strings.Contains(s, e.literal)
}

func (e *expression) match(s string) bool {
	return e.re == nil || e.may(s) && e.re.MatchString(s)
}

// length returns how long the matched part of s is.
func (e *expression) length(s string) (int, bool) {
	if e.re == nil {
		return 0, true
	}
	if !e.may(s) {
		return 0, false
	}
	at := e.re.FindStringIndex(s)
	if at == nil {
		return 0, false
	}
	return at[1] - at[0], true
}

// pattern is a fee by regular expressions.
type pattern struct {
	dest, source       expression
	destLen, sourceLen int // of the expressions
	fee                uint32
}

// sortPatterns puts the fees that win by the length of their expressions first.
func sortPatterns(p []pattern) {
	slices.SortStableFunc(p, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.destLen, a.destLen), cmp.Compare(b.sourceLen, a.sourceLen))
	})
}

// byPattern returns the first of sorted patterns that matches.
func byPattern(all []pattern, dest, source, sourceURI string) (found, bool) {
	for i := range all {
		p := &all[i]
		if p.dest.match(dest) && (p.source.match(source) || sourceURI != "" && p.source.match(sourceURI)) {
			return found{fee: p.fee, dest: uint16(len(dest)), source: 0, text: true}, true
		}
	}
	return found{}, false
}

// byMatch returns the pattern that matches the longest part; the first of two
// that match the same.
func byMatch(all []pattern, dest, source, sourceURI string) (hit found, ok bool) {
	best, second := -1, -1
	for i := range all {
		p := &all[i]
		n, match := p.dest.length(dest)
		if !match || n < best {
			continue
		}
		m, match := p.source.length(sourceURI)
		if sourceURI == "" || !match {
			m, match = p.source.length(source)
		}
		if match && (n > best || m > second) {
			best, second = n, m
			hit, ok = found{fee: p.fee, dest: uint16(n), source: uint16(m), text: true}, true
		}
	}
	return hit, ok
}
