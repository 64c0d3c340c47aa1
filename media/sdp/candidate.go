package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// Candidate is one ICE candidate of RFC 8839 section 5.1 with an IP address.
type Candidate struct {
	Foundation string
	Component  int    // 1 RTP, 2 RTCP
	Transport  string // as written: UDP, TCP, …
	Priority   uint32
	Addr       netip.AddrPort
	Type       string         // host, srflx, prflx, relay, or one of tomorrow
	Related    netip.AddrPort // raddr and rport; invalid when absent
	Extensions string         // what follows, as written
}

// UDP tells whether the candidate can be used by a relay of datagrams.
func (c Candidate) UDP() bool { return strings.EqualFold(c.Transport, "UDP") }

// String is the value of the attribute, without "candidate:".
func (c Candidate) String() string {
	b := make([]byte, 0, 96)
	b = append(b, c.Foundation...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(c.Component), 10)
	b = append(b, ' ')
	b = append(b, c.Transport...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(c.Priority), 10)
	b = append(b, ' ')
	b = c.Addr.Addr().AppendTo(b)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(c.Addr.Port()), 10)
	b = append(b, " typ "...)
	b = append(b, c.Type...)
	if c.Related.IsValid() {
		b = append(b, " raddr "...)
		b = c.Related.Addr().AppendTo(b)
		b = append(b, " rport "...)
		b = strconv.AppendUint(b, uint64(c.Related.Port()), 10)
	}
	if c.Extensions != "" {
		b = append(b, ' ')
		b = append(b, c.Extensions...)
	}
	return string(b)
}

// ParseCandidate reads the value of a candidate attribute. Candidates that
// name a host (mDNS) have no address to send to and are refused like malformed
// ones.
func ParseCandidate(value string) (Candidate, bool) {
	w := words(value)
	if len(w) < 8 || len(w[0]) > 32 || !strings.EqualFold(w[6], "typ") {
		return Candidate{}, false
	}
	component, err1 := strconv.ParseUint(w[1], 10, 9)
	priority, err2 := strconv.ParseUint(w[3], 10, 32)
	addr, ok := parseAddrPort(w[4], w[5])
	if err1 != nil || err2 != nil || component == 0 || component > 256 || !ok {
		return Candidate{}, false
	}
	c := Candidate{Foundation: w[0], Component: int(component), Transport: w[2],
		Priority: uint32(priority), Addr: addr, Type: w[7]}
	rest := w[8:]
	if len(rest) >= 4 && rest[0] == "raddr" && rest[2] == "rport" {
		c.Related, _ = parseAddrPort(rest[1], rest[3])
		rest = rest[4:]
	}
	c.Extensions = strings.Join(rest, " ")
	return c, true
}

func parseAddrPort(host, port string) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(host)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || a.Zone() != "" {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, uint16(n)), true
}

// Candidates lists the ICE candidates of the media description, at most
// limit of them. What cannot be used is left out.
func (m *Media) Candidates(limit int) []Candidate {
	var list []Candidate
	for v := range m.Attrs("candidate") {
		if len(list) >= limit {
			break
		}
		if c, ok := ParseCandidate(v); ok {
			list = append(list, c)
		}
	}
	return list
}
