package transport

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"time"
)

// Config says what an Endpoint binds and how far it lets strangers go. Only
// Listeners is required.
type Config struct {
	// Listeners are bound in order; a Flow names them by index. At most 256.
	Listeners []ListenerConfig
	// Limits bounds memory and descriptors.
	Limits Limits
	// Timeouts bounds waiting.
	Timeouts Timeouts
	// Loops is the number of goroutines that share the work of all stream
	// connections; zero is GOMAXPROCS, the most is 256.
	Loops int
	// Logger takes rare events (accept failures, listeners starting); nothing is
	// logged per message or per connection. Nil discards.
	Logger *slog.Logger
	// Now is the clock of Packet.At and of the boot epoch; nil is time.Now.
	Now func() time.Time
	// Tap, when set, sees every message in both directions.
	Tap Tap
	// Unreachable, when set, is told of ICMP errors: that a datagram sent from an
	// internal UDP listener found no one at remote (Linux). It is called on the
	// goroutine that reads the listener and must not block.
	Unreachable func(listener uint8, remote netip.AddrPort)
}

// ListenerConfig is one address to listen on.
type ListenerConfig struct {
	// Name is for errors, logs and metrics; empty becomes "udp/192.0.2.1:5060".
	Name string
	// Protocol is required.
	Protocol Protocol
	// Addr is the address to bind. Port 0 takes any free port. The unspecified
	// address binds all addresses of its family and of no other.
	Addr netip.AddrPort
	// Advertised is the address to write in Via and Record-Route when it is not
	// the bound one (behind static NAT); the transport itself only carries it.
	Advertised netip.AddrPort
	// Internal marks a listener of the core side. The transport itself only
	// carries it: an edge decides direction by it.
	Internal bool
	// TLS is required for TLS and WSS: the certificates shown to clients. A
	// version below 1.2 is raised to 1.2. Certificates can be changed while
	// running through tls.Config.GetCertificate.
	TLS *tls.Config
	// ClientAuth asks clients for certificates and ClientCAs says who issues
	// them; they overrule what TLS says of it unless ClientAuth is none. See
	// Endpoint.Peer for the result.
	ClientAuth ClientAuth
	// ClientCAs is required with ClientAuth.
	ClientCAs *x509.CertPool
	// Tickets are keys for session tickets that other nodes have too. Nil: keys
	// of this listener alone.
	Tickets *TicketKeys
	// DialTLS is used by Dial for TLS to peers; nil is the default client
	// configuration with the system's roots. The certificate shown to peers
	// belongs here. Names are verified as RFC 5922 has it, not as RFC 6125.
	DialTLS *tls.Config
	// ProxyFrom lists the balancers that announce the client's address by the
	// PROXY protocol, version 2. A connection from there must begin with it; from
	// anywhere else it is not understood. For stream listeners.
	ProxyFrom []netip.Prefix
	// ProxyV1 lets those balancers use the text form, version 1, besides.
	ProxyV1 bool
	// Ping is how long a WebSocket client may be silent before it is sent a
	// ping, and again before the next; after two without an answer it is taken
	// for gone. Zero sends none.
	Ping time.Duration
	// Origins lists the values of the Origin header that a WebSocket client may
	// send, compared without regard to case; empty allows any.
	Origins []string

	// Readers is the number of UDP sockets sharing the address by SO_REUSEPORT,
	// each with its reading goroutine; zero is one. The kernel picks a socket by
	// source address, so datagrams of one peer stay in order.
	Readers int
	// Batch is the most datagrams read or written by one system call, at most
	// 64; zero is 32.
	Batch int
	// ReceiveBuffer and SendBuffer are the sizes asked for a UDP socket's kernel
	// buffers, in bytes; zero is 4 MiB and 1 MiB. The system may give less.
	ReceiveBuffer, SendBuffer int
	// Share binds the address with SO_REUSEPORT from the first socket on, so
	// that several processes of one user can share it; each gets the datagrams
	// and connections of other sources. Without it an address that is in use is an error.
	Share bool
	// FreeBind lets Addr be one that this machine does not have yet, such as one
	// that moves between two machines (IP_FREEBIND, Linux).
	FreeBind bool
	// DSCP marks what is sent with a code point of RFC 2474, at most 63; 24 is
	// CS3, usual for signalling. Connections accepted and dialled have it too.
	DSCP uint8
	// MaxMessage is the largest message read, in bytes; zero is 65,535. Longer
	// datagrams are dropped, longer stream messages close the connection.
	MaxMessage int

	queueErrors bool // somebody wants to know what ICMP says
}

// Limits bounds what peers can make the endpoint hold. Zero fields take the
// default.
type Limits struct {
	// Connections is the most accepted connections open at once; 20,000. Those
	// made by Dial are bounded apart, by DialedConnections.
	Connections int
	// ConnectionsPerSource is the most accepted connections open at once from
	// one IPv4 address or one IPv6 /64; 1,024.
	ConnectionsPerSource int
	// Handshakes is the most connections in TLS, WebSocket or PROXY handshake at
	// once; 1,024.
	Handshakes int
	// HandshakeRate is the most TLS and WebSocket handshakes begun in a second;
	// 1,000. More wait in the kernel's queue. Negative is no limit.
	HandshakeRate int
	// HandshakeRatePerSource is the same for one IPv4 address or one IPv6 /64;
	// 50, and four times as many at once. More are refused. Negative is no limit.
	HandshakeRatePerSource int
	// AcceptRate is the most connections accepted in a second, by all listeners
	// together; 5,000. More wait in the kernel's queue. Negative is no limit.
	AcceptRate int
	// DialedConnections is the most connections by Dial open at once; 1,024.
	DialedConnections int
	// WriteQueue is the most bytes waiting for a peer that reads slowly; a
	// connection that exceeds it is closed. 256 KiB.
	WriteQueue int
	// StreamMemory is the most bytes held for all connections together in
	// unfinished messages and write queues; the connection that would exceed it
	// is closed. 256 MiB.
	StreamMemory int
}

// Timeouts bounds how long a peer may take. Zero fields take the default.
type Timeouts struct {
	// Handshake is for TLS and WebSocket handshakes together; 10 s.
	Handshake time.Duration
	// Partial is from the first byte of a message to its last; 10 s.
	Partial time.Duration
	// First is from the end of the handshakes, or from accepting, to the first
	// message or keep-alive of an accepted connection; 30 s.
	First time.Duration
	// Idle closes a connection that sent neither message nor keep-alive; 30
	// minutes, and negative is never.
	Idle time.Duration
	// Write closes a connection whose queue is stuck; 20 s.
	Write time.Duration
	// Dial is for connecting including the TLS handshake; 3.5 s.
	Dial time.Duration
	// Drain is how long Serve, when it ends, waits for write queues; 1 s.
	Drain time.Duration
}

// Direction is the way a message goes.
type Direction uint8

// Received and Sent are the directions seen by a Tap.
const (
	Received Direction = iota
	Sent
)

// String returns "received" or "sent".
func (d Direction) String() string {
	if d == Received {
		return "received"
	}
	return "sent"
}

// Tap sees one message in clear, on the goroutine that carries it. It must not
// block, nor keep or change msg. The flow of a datagram that was sent without
// Local has the listener's address; the advertised one where it listens on all.
type Tap func(dir Direction, flow Flow, msg []byte, at time.Time)
