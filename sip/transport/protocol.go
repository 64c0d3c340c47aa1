package transport

import (
	"fmt"
	"strings"
)

// Protocol is a SIP transport. The zero value is none.
type Protocol uint8

// The transports of RFC 3261 and RFC 7118.
const (
	UDP Protocol = iota + 1
	TCP
	TLS // TLS over TCP
	WS  // WebSocket over TCP
	WSS // WebSocket over TLS
)

// String returns the name as it stands in the sent-protocol of a Via: "UDP",
// "TCP", "TLS", "WS" or "WSS".
func (p Protocol) String() string {
	switch p {
	case UDP:
		return "UDP"
	case TCP:
		return "TCP"
	case TLS:
		return "TLS"
	case WS:
		return "WS"
	case WSS:
		return "WSS"
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

// ViaToken returns the transport token of a Via header, the same as String.
func (p Protocol) ViaToken() string { return p.String() }

// URIParam returns the value of a URI's transport parameter: the lower-case
// name ("udp", "ws"), with "ws" for both WebSocket forms as RFC 7118 section 7
// has it (the scheme sips tells them apart).
func (p Protocol) URIParam() string {
	if p == WSS {
		return "ws"
	}
	return strings.ToLower(p.String())
}

// Reliable reports whether p delivers messages in order or breaks, which is
// what RFC 3261 calls a reliable transport: every one but UDP.
func (p Protocol) Reliable() bool { return p != UDP }

// Secure reports whether p runs over TLS.
func (p Protocol) Secure() bool { return p == TLS || p == WSS }

// ParseProtocol reads a transport name in any case.
func ParseProtocol(name string) (Protocol, error) {
	for p := UDP; p <= WSS; p++ {
		if strings.EqualFold(name, p.String()) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("transport: no transport named %q", name)
}

func (p Protocol) webSocket() bool { return p == WS || p == WSS }
func (p Protocol) valid() bool     { return p >= UDP && p <= WSS }
