package sdp

import (
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Media is one media description: an m= line and what follows it.
type Media struct {
	d       *Description
	index   int
	lines   []line // lines[0] is the m= line
	kind    string
	port    uint16
	count   int
	proto   string
	formats []string
}

// parseLine takes an m= line apart: media, port[/count], proto, formats.
func (m *Media) parseLine(l line) bool {
	word := words(l.value())
	if len(word) < 3 {
		return false
	}
	port, count, ranged := strings.Cut(word[1], "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
	m.kind, m.port, m.count, m.proto, m.formats = word[0], uint16(n), 1, word[2], word[3:]
	if ranged {
		c, err := strconv.ParseUint(count, 10, 16)
		if err != nil || c == 0 {
			return false
		}
		m.count = int(c)
	}
	return true
}

// Index is the position among the media descriptions, counted from 0.
func (m *Media) Index() int { return m.index }

// Kind is the media type: audio, video, image, application, …
func (m *Media) Kind() string { return m.kind }

// Port is the transport port of the m= line; 0 means rejected or not used.
func (m *Media) Port() uint16 { return m.port }

// PortCount is the number of ports of a layered stream (m=video 49170/2), 1
// otherwise.
func (m *Media) PortCount() int { return m.count }

// Proto is the transport protocol, such as RTP/AVP or udptl.
func (m *Media) Proto() string { return m.proto }

// Formats are the words behind the protocol: payload types for RTP. The
// slice belongs to the description.
func (m *Media) Formats() []string { return m.formats }

// Rejected tells that the port is zero (RFC 3264 section 6).
func (m *Media) Rejected() bool { return m.port == 0 }

// RTP tells whether the protocol is RTP over UDP in one of its profiles,
// secured or not.
func (m *Media) RTP() bool {
	switch strings.ToUpper(m.proto) {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
		return true
	}
	return false
}

// Attr returns the value of the first attribute of that name in this media
// description. Session-level attributes are not looked at.
func (m *Media) Attr(name string) (value string, ok bool) { return attr(m.lines, name) }

// Attrs iterates over the values of all attributes of that name.
func (m *Media) Attrs(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, l := range m.lines {
			if v, ok := l.isAttr(name); ok && !yield(v) {
				return
			}
		}
	}
}

// Connection returns the c= data that holds for this media: its own, or the
// session's.
func (m *Media) Connection() (Connection, bool) {
	if i := find(m.lines, 'c'); i >= 0 {
		return parseConnection(m.lines[i].value())
	}
	return m.d.Connection()
}

// Addr is where the describing party wants to receive: the address of c= and
// the port of m=. The address is invalid when c= is missing, holds a host
// name or an address with a zone.
func (m *Media) Addr() netip.AddrPort {
	c, _ := m.Connection()
	return netip.AddrPortFrom(c.Addr, m.port)
}

// RTCPAddr is where the party wants to receive RTCP: a=rtcp (RFC 3605), or
// the port above that of RTP. It does not look at [Media.RTCPMux]. Invalid
// when there is none.
func (m *Media) RTCPAddr() netip.AddrPort {
	rtp := m.Addr()
	value, ok := m.Attr("rtcp")
	if !ok {
		if rtp.Port() == 0 || rtp.Port() == 65535 {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	}
	port, conn, has := strings.Cut(value, " ")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return netip.AddrPort{}
	}
	if has {
		c, _ := parseConnection(conn)
		return netip.AddrPortFrom(c.Addr, uint16(n))
	}
	return netip.AddrPortFrom(rtp.Addr(), uint16(n))
}

// RTCPMux tells whether RTP and RTCP share a port (RFC 5761); in an offer,
// whether that is proposed.
func (m *Media) RTCPMux() bool {
	_, ok := m.Attr("rtcp-mux")
	if !ok {
		_, ok = m.Attr("rtcp-mux-only")
	}
	return ok
}

// Direction is the direction attribute of the media, else of the session,
// else sendrecv.
func (m *Media) Direction() Direction {
	if d, ok := direction(m.lines); ok {
		return d
	}
	d, _ := direction(m.d.lines)
	return d
}

// Held tells whether the describing party does not want to hear the other:
// it says sendonly or inactive, or gives the unspecified address as phones
// did before RFC 3264.
func (m *Media) Held() bool {
	if d := m.Direction(); d == SendOnly || d == Inactive {
		return true
	}
	a := m.Addr().Addr()
	return a.IsValid() && a.IsUnspecified()
}

// Ptime is the a=ptime value; 0 when absent or not a number of milliseconds
// up to one second.
func (m *Media) Ptime() time.Duration {
	v, ok := m.Attr("ptime")
	if !ok {
		return 0
	}
	ms, err := strconv.ParseFloat(v, 64)
	if err != nil || !(ms > 0 && ms <= 1000) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
