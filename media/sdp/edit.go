package sdp

import (
	"net/netip"
	"strings"
)

// AddAttr appends an attribute to the media description: a=name, or
// a=name:value when value is not empty. Line breaks and NUL octets in either
// are replaced by blanks: an attribute stays one line.
func (m *Media) AddAttr(name, value string) {
	body := "a=" + name
	if value != "" {
		body += ":" + value
	}
	m.addLine(strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, body))
}

func (m *Media) addLine(body string) { m.lines = m.d.insert(m.lines, end(m.lines), body) }

// RemoveAttrs drops the attributes of this media description that match.
func (m *Media) RemoveAttrs(match func(name, value string) bool) {
	m.lines = removeAttrs(m.lines, match)
}

// SetDirection replaces the direction attribute of the media, or adds one
// when it has none and the effective direction differs.
func (m *Media) SetDirection(d Direction) {
	if m.Direction() == d {
		return
	}
	for i, l := range m.lines {
		name, _, _ := l.attr()
		if _, ok := parseDirection(name); ok {
			m.lines[i] = m.d.make("a=" + d.String())
			return
		}
	}
	m.addLine("a=" + d.String())
}

// Reject sets the port to zero and drops the attributes that name transport
// addresses. A c= line stays, as the grammar may need it: see [Media.SetAddr].
func (m *Media) Reject() {
	m.SetPort(0)
	m.SetRTCPPort(0)
	m.RemoveAttrs(func(name, _ string) bool { return iceAttr(name) })
}

// RemoveICE drops every attribute by which the parties could find a way
// around a relay that does not speak ICE: candidates, ICE credentials and
// options (RFC 8839), alternative connection addresses (RFC 6947) and source
// filters (RFC 4570), in the session and in all media descriptions.
func (d *Description) RemoveICE() {
	match := func(name, _ string) bool { return iceAttr(name) }
	d.RemoveAttrs(match)
	for _, m := range d.media {
		m.RemoveAttrs(match)
	}
}

func iceAttr(name string) bool {
	switch strings.ToLower(name) {
	case "candidate", "remote-candidates", "end-of-candidates", "altc", "source-filter":
		return true
	}
	return len(name) > 4 && strings.EqualFold(name[:4], "ice-")
}

// RemoveBundle drops a=group:BUNDLE and a=bundle-only (RFC 9143): each media
// description keeps its own transport. Groups of other semantics stay.
func (d *Description) RemoveBundle() {
	d.RemoveAttrs(func(name, value string) bool {
		semantics, _, _ := strings.Cut(value, " ")
		return strings.EqualFold(name, "group") && strings.EqualFold(semantics, "BUNDLE")
	})
	for _, m := range d.media {
		m.RemoveAttrs(func(name, _ string) bool { return strings.EqualFold(name, "bundle-only") })
	}
}

// Origin is the content of the o= line (RFC 8866 section 5.2). The numbers
// stay text: senders use more digits than fit 64 bits.
type Origin struct {
	User, SessionID, Version string
	Addr                     netip.Addr // invalid for a host name
	Host                     string     // as written
}

// Origin returns the o= line; ok is false when it is missing or malformed.
func (d *Description) Origin() (o Origin, ok bool) {
	i := find(d.lines, 'o')
	if i < 0 {
		return Origin{}, false
	}
	word := words(d.lines[i].value())
	if len(word) != 6 {
		return Origin{}, false
	}
	c, ok := parseConnection(strings.Join(word[3:], " "))
	if !ok {
		return Origin{}, false
	}
	return Origin{User: word[0], SessionID: word[1], Version: word[2], Addr: c.Addr, Host: c.Host}, true
}

// SetOriginAddr replaces the address of the o= line and leaves user, session
// identifier and version, which the far side compares, alone. A missing or
// malformed line is left as it is.
func (d *Description) SetOriginAddr(a netip.Addr) {
	o, ok := d.Origin()
	if !ok || o.Addr == a {
		return
	}
	d.lines[find(d.lines, 'o')] = d.make(strings.Join(
		[]string{"o=" + o.User, o.SessionID, o.Version, "IN", addrType(a), a.String()}, " "))
}
