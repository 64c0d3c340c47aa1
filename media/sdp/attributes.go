package sdp

import (
	"slices"
	"strings"
)

// AttributeEdit is a set of changes of a= lines in one place, written without
// "a=". A line is named by its attribute ("ptime"), by attribute and first
// word ("rtpmap:101") or in full ("rtpmap:101 telephone-event/8000").
type AttributeEdit struct {
	Add        []string    // appended unless the same line is there
	Remove     []string    // every line so named
	Substitute [][2]string // name, and the line that takes its place
}

// Empty tells whether the edit changes nothing.
func (e *AttributeEdit) Empty() bool {
	return len(e.Add) == 0 && len(e.Remove) == 0 && len(e.Substitute) == 0
}

// Apply makes the changes in a list of lines: removals first, then
// substitutions, then additions. Other lines stay in order.
func (e *AttributeEdit) Apply(lines []string) []string {
	if e.Empty() {
		return lines
	}
	out := make([]string, 0, len(lines)+len(e.Add))
	for _, l := range lines {
		attr, ok := strings.CutPrefix(l, "a=")
		if !ok {
			out = append(out, l)
			continue
		}
		if slices.ContainsFunc(e.Remove, func(name string) bool { return named(attr, name) }) {
			continue
		}
		for _, s := range e.Substitute {
			if named(attr, s[0]) {
				l = "a=" + s[1]
				break
			}
		}
		out = append(out, l)
	}
	for _, a := range e.Add {
		if !slices.Contains(out, "a="+a) {
			out = append(out, "a="+a)
		}
	}
	return out
}

// named tells whether an attribute is meant by a name in one of the three
// forms.
func named(attr, name string) bool {
	rest, ok := strings.CutPrefix(attr, name)
	if !ok || name == "" {
		return false
	}
	return rest == "" || rest[0] == ':' && !strings.Contains(name, ":") ||
		rest[0] == ' ' && strings.Contains(name, ":") && !strings.Contains(name, " ")
}

// EditAttributes changes the session-level attributes.
func (d *Description) EditAttributes(e *AttributeEdit) {
	if !e.Empty() {
		d.SetLines(e.Apply(d.Lines()))
	}
}

// EditAttributes changes the attributes of the media description.
func (m *Media) EditAttributes(e *AttributeEdit) {
	if !e.Empty() {
		m.SetLines(e.Apply(m.Lines()))
	}
}
