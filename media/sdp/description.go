package sdp

import (
	"iter"
	"strings"
)

// Description is one session description: its session part and its media
// descriptions, as lines. The zero value is empty; descriptions come from
// [Parse].
type Description struct {
	eol   string // line end for lines that edits add
	lines []line // up to the first m=
	media []*Media
}

// Len is the number of media descriptions, rejected ones included. The index
// of an m= line is its identity through all offers and answers of a session
// (RFC 3264 section 8).
func (d *Description) Len() int { return len(d.media) }

// Media returns the i-th media description. It panics like a slice does when
// i is not in [0, Len).
func (d *Description) Media(i int) *Media { return d.media[i] }

// All iterates over the media descriptions in order.
func (d *Description) All() iter.Seq2[int, *Media] {
	return func(yield func(int, *Media) bool) {
		for i, m := range d.media {
			if !yield(i, m) {
				return
			}
		}
	}
}

// Append writes the description to dst and returns the extended slice.
func (d *Description) Append(dst []byte) []byte {
	for _, l := range d.lines {
		dst = append(dst, l...)
	}
	for _, m := range d.media {
		for _, l := range m.lines {
			dst = append(dst, l...)
		}
	}
	return dst
}

// Size is the number of octets that Append adds.
func (d *Description) Size() int {
	n := 0
	for _, l := range d.lines {
		n += len(l)
	}
	for _, m := range d.media {
		for _, l := range m.lines {
			n += len(l)
		}
	}
	return n
}

// Bytes returns the description as a new slice.
func (d *Description) Bytes() []byte { return d.Append(make([]byte, 0, d.Size())) }

// Attr returns the value of the first session-level attribute of that name;
// it is empty for a property attribute (a=name).
func (d *Description) Attr(name string) (value string, ok bool) { return attr(d.lines, name) }

// RemoveAttrs drops the session-level attributes that match.
func (d *Description) RemoveAttrs(match func(name, value string) bool) {
	d.lines = removeAttrs(d.lines, match)
}

func attr(lines []line, name string) (string, bool) {
	for _, l := range lines {
		if v, ok := l.isAttr(name); ok {
			return v, true
		}
	}
	return "", false
}

func removeAttrs(lines []line, match func(name, value string) bool) []line {
	return without(lines, func(l line) bool {
		name, value, ok := l.attr()
		return ok && match(name, value)
	})
}

// make composes a line with the line end of the description.
func (d *Description) make(body string) line { return line(body + d.eol) }

// insert puts a new line at index i of lines. A line before it that came
// without line end (the last of a sloppy sender's text) gets one.
func (d *Description) insert(lines []line, i int, body string) []line {
	if i > 0 && !strings.HasSuffix(string(lines[i-1]), "\n") {
		lines[i-1] = d.make(lines[i-1].body())
	}
	lines = append(lines, "")
	copy(lines[i+1:], lines[i:])
	lines[i] = d.make(body)
	return lines
}

// end is the index behind the last line that is not empty.
func end(lines []line) int {
	n := len(lines)
	for n > 0 && lines[n-1].body() == "" {
		n--
	}
	return n
}
