package sdp

import (
	"errors"
	"fmt"
	"strings"
)

// Causes of a refusal by [Parse], to be tested with errors.Is.
var (
	// ErrSyntax means: the text is not a session description that every reader
	// would understand in the same way.
	ErrSyntax = errors.New("sdp: syntax error")
	// ErrLimit means: a limit of [Limits] is exceeded.
	ErrLimit = errors.New("sdp: limit exceeded")
)

// ParseError tells where parsing stopped.
type ParseError struct {
	Line   int    // counted from 1; 0 when the whole text is meant
	Detail string // in words
	Err    error  // ErrSyntax or ErrLimit
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%v: line %d: %s", e.Err, e.Line, e.Detail)
}

// Unwrap returns ErrSyntax or ErrLimit.
func (e *ParseError) Unwrap() error { return e.Err }

// Limits bound what Parse accepts. Fields that are zero have the default
// value.
type Limits struct {
	Bytes   int // whole description; default 65,536
	Media   int // m= lines; default 64
	Formats int // formats of one m= line; default 128
	Lines   int // lines in all; default 4,096
	// Candidates of one m= line (a=candidate); default 64.
	Candidates int
}

func (l *Limits) withDefaults() Limits {
	d := Limits{Bytes: 65536, Media: 64, Formats: 128, Lines: 4096, Candidates: 64}
	if l == nil {
		return d
	}
	for _, f := range []struct{ from, to *int }{
		{&l.Bytes, &d.Bytes}, {&l.Media, &d.Media}, {&l.Formats, &d.Formats}, {&l.Lines, &d.Lines}, {&l.Candidates, &d.Candidates},
	} {
		if *f.from > 0 {
			*f.to = *f.from
		}
	}
	return d
}

// Parse reads a description. A nil limits means the defaults.
//
// The form is checked where readers disagree on it: the first line is v=0,
// lines are letter, '=', value, a carriage return stands only before a line
// feed, there is no NUL octet. Values are checked only where this package has
// to understand them (m=). Line ends may be CRLF or LF, the last may be
// missing, and empty lines are tolerated at the end.
func Parse(b []byte, limits *Limits) (*Description, error) {
	l := limits.withDefaults()
	if len(b) > l.Bytes {
		return nil, exceeds(0, l.Bytes, "bytes")
	}
	d := &Description{eol: "\r\n"}
	p := parser{d: d, limits: l}
	rest := string(b)
	for n := 1; rest != ""; n++ {
		if n > l.Lines {
			return nil, exceeds(n, l.Lines, "lines")
		}
		var text string
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			text, rest = rest[:i+1], rest[i+1:]
		} else {
			text, rest = rest, ""
		}
		if err := p.line(n, line(text)); err != nil {
			return nil, err
		}
	}
	if !p.started {
		return nil, &ParseError{Detail: "empty description", Err: ErrSyntax}
	}
	return d, nil
}

// exceeds is the error for more than there may be of something.
func exceeds(line, limit int, what string) error {
	return &ParseError{Line: line, Detail: fmt.Sprintf("more than %d %s", limit, what), Err: ErrLimit}
}

type parser struct {
	d          *Description
	limits     Limits
	started    bool // the v= line was seen
	ended      bool // an empty line was seen
	candidates int  // of the m= line
}

func (p *parser) line(n int, l line) error {
	syntax := func(detail string) error { return &ParseError{Line: n, Detail: detail, Err: ErrSyntax} }
	body := l.body()
	if strings.ContainsAny(body, "\r\x00") {
		return syntax("control character")
	}
	if body == "" {
		p.ended = true
		p.keep(l)
		return nil
	}
	if p.ended {
		return syntax("text after an empty line")
	}
	if len(body) < 2 || body[1] != '=' || body[0] < 'a' || body[0] > 'z' {
		return syntax("not of the form letter=value")
	}
	if !p.started {
		if strings.TrimRight(body, " \t") != "v=0" {
			return syntax("does not start with v=0")
		}
		p.started = true
		if !strings.HasSuffix(string(l), "\r\n") && strings.HasSuffix(string(l), "\n") {
			p.d.eol = "\n"
		}
	}
	if body[0] == 'm' {
		p.candidates = 0
		return p.media(n, l)
	}
	if strings.HasPrefix(body, "a=candidate:") {
		if p.candidates++; p.candidates > p.limits.Candidates {
			return exceeds(n, p.limits.Candidates, "candidates of one media")
		}
	}
	p.keep(l)
	return nil
}

// keep files a line under the media description it belongs to, if any.
func (p *parser) keep(l line) {
	if k := len(p.d.media); k > 0 {
		m := p.d.media[k-1]
		m.lines = append(m.lines, l)
		return
	}
	p.d.lines = append(p.d.lines, l)
}

func (p *parser) media(n int, l line) error {
	if len(p.d.media) >= p.limits.Media {
		return exceeds(n, p.limits.Media, "media")
	}
	m := &Media{d: p.d, index: len(p.d.media)}
	if !m.parseLine(l) {
		return &ParseError{Line: n, Detail: "bad m= line", Err: ErrSyntax}
	}
	if len(m.formats) > p.limits.Formats {
		return exceeds(n, p.limits.Formats, "formats of one media")
	}
	m.lines = append(m.lines, l)
	p.d.media = append(p.d.media, m)
	return nil
}
