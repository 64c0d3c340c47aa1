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
				l = attribute(s[1])
				break
			}
		}
		out = append(out, l)
	}
	for _, a := range e.Add {
		if l := attribute(a); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// attribute is the line of an attribute, which some write with its "a=".
func attribute(s string) string { return "a=" + strings.TrimPrefix(s, "a=") }

// named tells whether an attribute is meant by a name in one of the three
// forms. Who asks for an edit need not know how the sender writes it: case does
// not count.
func named(attr, name string) bool {
	name = strings.TrimPrefix(name, "a=")
	if name == "" || len(attr) < len(name) || !strings.EqualFold(attr[:len(name)], name) {
		return false
	}
	rest := attr[len(name):]
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
