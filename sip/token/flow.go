package token

import (
	"fmt"
	"net/netip"
)

// Purpose is the place a token is made for.
type Purpose uint8

// The places of a token, and what is signed without being a token.
const (
	Path        Purpose = iota + 1 // user part of a Path URI (RFC 3327)
	RecordRoute                    // user part of a Record-Route URI (RFC 5658)
	Via                            // parameter of a Via
	Contact                        // user part of a Contact URI
	Edge                           // signature of the P-Edge header field
)

// String returns the name of the purpose, such as "path".
func (p Purpose) String() string {
	switch p {
	case Path:
		return "path"
	case RecordRoute:
		return "rr"
	case Via:
		return "via"
	case Contact:
		return "contact"
	case Edge:
		return "edge"
	}
	return fmt.Sprintf("purpose(%d)", uint8(p))
}

// Transport is a SIP transport by its number inside a token.
type Transport uint8

// The transports. The numbers are part of the format.
const (
	UDP Transport = iota + 1
	TCP
	TLS
	WS
	WSS
)

// Stream reports whether t has connections, so that its tokens carry a
// generation.
func (t Transport) Stream() bool { return t != UDP }

// String returns the name in lower case, such as "udp".
func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case TLS:
		return "tls"
	case WS:
		return "ws"
	case WSS:
		return "wss"
	}
	return fmt.Sprintf("transport(%d)", uint8(t))
}

func (t Transport) valid() bool { return t >= UDP && t <= WSS }

// Flow is what a token says: how to reach a peer. It is a comparable value.
type Flow struct {
	// Transport is required.
	Transport Transport
	// Listener is the index into a table of listeners that all nodes with the
	// same keys share.
	Listener uint8
	// Remote is the peer's address. IPv4 in IPv6 form is sealed as IPv4, and a
	// zone is lost.
	Remote netip.AddrPort
	// Generation names one connection of a stream transport; it is not sealed
	// for UDP.
	Generation uint64
}
