package resolve

import (
	"net/netip"
	"strings"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Question is what is looked for: the part of a SIP URI that RFC 3263 section 4
// looks at.
type Question struct {
	// Host is a domain name or an IP address (IPv6 with or without brackets), in
	// any case: the maddr parameter of a URI or else its host.
	Host []byte
	// Port is the explicit port, 0 without one. With a port SRV is not asked.
	Port uint16
	// Protocol is the transport asked for, 0 when the DNS may choose.
	Protocol transport.Protocol
	// Secure limits the answer to transports over TLS: the scheme is sips.
	Secure bool
}

// URI makes the question for a SIP or SIPS URI. Host refers to the bytes of u.
func URI(u wire.URI) (Question, error) {
	if !u.IsSIP() {
		return Question{}, ErrScheme
	}
	q := Question{Host: u.Host, Port: u.Port, Secure: u.IsSIPS()}
	if maddr, ok := u.Params.Get("maddr"); ok && len(maddr) > 0 {
		q.Host = maddr
	}
	if t, ok := u.Params.Get("transport"); ok {
		if q.Protocol = protocol(t); q.Protocol == 0 {
			return Question{}, ErrTransport
		}
	}
	return q, nil
}

func protocol(name []byte) transport.Protocol {
	for p := transport.UDP; p <= transport.WSS; p++ {
		if wire.EqualFold(name, p.String()) {
			return p
		}
	}
	return 0
}

// normal returns the question with the transport that the scheme makes of the
// one asked for (RFC 3261 section 26.2.2: sips over "tcp" is TLS over TCP).
func (q Question) normal() (Question, error) {
	if q.Secure {
		switch q.Protocol {
		case transport.UDP:
			return q, ErrTransport
		case transport.TCP:
			q.Protocol = transport.TLS
		case transport.WS:
			q.Protocol = transport.WSS
		}
	}
	if n := len(q.Host); n == 0 || n > 255 {
		return q, ErrScheme
	}
	return q, nil
}

// protocolOr returns the transport asked for or the default of the scheme.
func (q Question) protocolOr() transport.Protocol {
	switch {
	case q.Protocol != 0:
		return q.Protocol
	case q.Secure:
		return transport.TLS
	}
	return transport.UDP
}

// numeric returns the target of a question whose host is an address.
func (q Question) numeric() (Target, bool) {
	addr, ok := wire.ParseAddr(q.Host)
	if !ok {
		return Target{}, false
	}
	p := q.protocolOr()
	port := q.Port
	if port == 0 {
		port = defaultPort(p)
	}
	return Target{Protocol: p, Addr: netip.AddrPortFrom(addr, port)}, true
}

func defaultPort(p transport.Protocol) uint16 {
	switch p {
	case transport.TLS:
		return 5061
	case transport.WS:
		return 80
	case transport.WSS:
		return 443
	}
	return 5060
}

// name returns the host in the form of the DNS: lower case and with a final dot.
func (q Question) name() string {
	s := strings.ToLower(string(q.Host))
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
