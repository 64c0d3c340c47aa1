package sdp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Lines returns the lines of the session part, up to the first m=, without
// line ends.
func (d *Description) Lines() []string { return bodies(d.lines) }

// SetLines replaces the session part. Lines that stood in it before keep
// their line end, others get that of the description; none may hold one
// itself: what follows a line break is cut off.
func (d *Description) SetLines(text []string) { d.lines = d.compose(d.lines, text) }

// Lines returns the lines of the media description, the m= line first,
// without line ends.
func (m *Media) Lines() []string { return bodies(m.lines) }

// SetLines replaces the media description, see [Description.SetLines]. It
// reports false, and changes nothing, when the first line is no valid m= line.
func (m *Media) SetLines(text []string) bool {
	if len(text) == 0 {
		return false
	}
	lines := m.d.compose(m.lines, text)
	parsed := Media{}
	if !lines[0].is('m') || !parsed.parseLine(lines[0]) {
		return false
	}
	m.lines = lines
	m.kind, m.port, m.count, m.proto, m.formats = parsed.kind, parsed.port, parsed.count, parsed.proto, parsed.formats
	return true
}

func bodies(lines []line) []string {
	text := make([]string, 0, len(lines))
	for _, l := range lines[:end(lines)] {
		text = append(text, l.body())
	}
	return text
}

// compose makes lines of text and takes over the raw form of those that were
// there before, searched in order.
func (d *Description) compose(old []line, text []string) []line {
	lines := make([]line, len(text))
	for i, body := range text {
		if j := strings.IndexAny(body, "\r\n\x00"); j >= 0 {
			body = body[:j]
		}
		lines[i] = d.make(body)
		for k, l := range old {
			if l.body() == body && strings.HasSuffix(string(l), "\n") {
				lines[i], old = l, old[k+1:]
				break
			}
		}
	}
	return lines
}

// RemoveMedia drops the i-th media description altogether: both sides then
// count without it. To reject a stream, see [Media.Reject].
func (d *Description) RemoveMedia(i int) {
	d.media = slices.Delete(d.media, i, i+1)
	for j, m := range d.media {
		m.index = j
	}
}

// AddMedia puts a media description of the given lines before the i-th, or at
// the end when i is Len. It reports false when the first is no valid m= line.
func (d *Description) AddMedia(i int, text []string) bool {
	m := &Media{d: d}
	if !m.SetLines(text) {
		return false
	}
	d.media = slices.Insert(d.media, i, m)
	for j, m := range d.media {
		m.index = j
	}
	return true
}

// ParseAll reads a body of one or more descriptions standing one behind the
// other, each beginning with its v= line, as some gateways send them. The
// limits hold for the whole. Most bodies hold one.
func ParseAll(b []byte, limits *Limits) ([]*Description, error) {
	l := limits.withDefaults()
	if len(b) > l.Bytes {
		return nil, exceeds(0, l.Bytes, "bytes")
	}
	var list []*Description
	line, media := 0, 0
	for len(b) > 0 {
		n := nextSession(b)
		d, err := Parse(b[:n], &l)
		if err != nil {
			var at *ParseError
			if errors.As(err, &at) && at.Line > 0 {
				at.Line += line
			}
			return nil, err
		}
		line += bytes.Count(b[:n], []byte{'\n'})
		if media += d.Len(); media > l.Media {
			return nil, exceeds(line, l.Media, "media")
		}
		list, b = append(list, d), b[n:]
	}
	if len(list) == 0 {
		return nil, &ParseError{Detail: "empty description", Err: ErrSyntax}
	}
	return list, nil
}

// nextSession is the length of the first description in b.
func nextSession(b []byte) int {
	if i := bytes.Index(b, []byte("\nv=")); i >= 0 {
		return i + 1
	}
	return len(b)
}
