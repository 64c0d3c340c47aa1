package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// Connection is the content of a c= line.
type Connection struct {
	// Addr is the address; invalid for a host name, for an address with a
	// zone and for one that contradicts its address type.
	Addr netip.Addr
	// Host is the address field as written, without multicast suffixes.
	Host string
}

// parseConnection reads "IN IP4 192.0.2.1", also with /ttl/count behind it.
func parseConnection(value string) (Connection, bool) {
	word := words(value)
	if len(word) != 3 || !strings.EqualFold(word[0], "IN") {
		return Connection{}, false
	}
	host, _, _ := strings.Cut(word[2], "/")
	c := Connection{Host: host}
	a, err := netip.ParseAddr(host)
	if err == nil && a.Zone() == "" && strings.EqualFold(word[1], addrType(a)) {
		c.Addr = a
	}
	return c, true
}

// addrType is the SDP word for the family of an address.
func addrType(a netip.Addr) string {
	if a.Is4() {
		return "IP4"
	}
	return "IP6"
}

// Connection returns the session-level c= data; ok is false when there is
// none.
func (d *Description) Connection() (c Connection, ok bool) {
	if i := find(d.lines, 'c'); i >= 0 {
		return parseConnection(d.lines[i].value())
	}
	return Connection{}, false
}

// SetAddr replaces the address of the session-level c= line; it adds none.
// Media descriptions that have no c= of their own follow.
func (d *Description) SetAddr(a netip.Addr) {
	i := find(d.lines, 'c')
	if i < 0 {
		return
	}
	d.lines[i] = d.make("c=IN " + addrType(a) + " " + a.String())
	d.lines = dropLater(d.lines, i, 'c')
}

// dropLater removes the lines of a type behind index i.
func dropLater(lines []line, i int, kind byte) []line {
	seen := 0
	return without(lines, func(l line) bool {
		seen++
		return seen-1 > i && l.is(kind)
	})
}

// SetAddr makes a the address of this media. Its own c= line is replaced;
// when it has none, one is added unless the session-level c= says the same
// already. Several c= lines (layered multicast) become one.
func (m *Media) SetAddr(a netip.Addr) {
	body := "c=IN " + addrType(a) + " " + a.String()
	if i := find(m.lines, 'c'); i >= 0 {
		m.lines[i] = m.d.make(body)
		m.lines = dropLater(m.lines, i, 'c')
		return
	}
	if c, ok := m.d.Connection(); ok && c.Addr == a {
		return
	}
	i := 1 // RFC 8866 section 9: m=, i=, c=, b=, …
	for i < len(m.lines) && m.lines[i].is('i') {
		i++
	}
	m.lines = m.d.insert(m.lines, i, body)
}

// SetPort sets the port of the m= line. Port 0 rejects the media and keeps
// everything else, as RFC 3264 section 6 asks.
func (m *Media) SetPort(port uint16) {
	if m.port == port && m.count == 1 {
		return
	}
	raw := string(m.lines[0])
	from, to := token(raw[2:], 1)
	m.lines[0] = line(raw[:2+from] + strconv.Itoa(int(port)) + raw[2+to:])
	m.port, m.count = port, 1
}

// SetRTCPPort makes a=rtcp, when there is one, name this port on the address
// of the media. Port 0 removes the attribute, so that RTCP is expected on the
// port above RTP. When there is none and port is not RTP's port + 1, it is
// added.
func (m *Media) SetRTCPPort(port uint16) {
	body := "a=rtcp:" + strconv.Itoa(int(port))
	if port == 0 {
		m.RemoveAttrs(func(name, _ string) bool { return strings.EqualFold(name, "rtcp") })
		return
	}
	for i, l := range m.lines {
		if _, ok := l.isAttr("rtcp"); ok {
			m.lines[i] = m.d.make(body)
			return
		}
	}
	if port != m.port+1 {
		m.addLine(body)
	}
}
