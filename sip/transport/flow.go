package transport

import (
	"fmt"
	"net/netip"
	"time"
)

// Flow is the path of a message between one of our sockets and a peer (RFC 5626
// section 2). It is a comparable value.
type Flow struct {
	// Protocol is the transport.
	Protocol Protocol
	// Listener is the index into Config.Listeners.
	Listener uint8
	// Local is our address: the one the message came to or leaves from.
	Local netip.AddrPort
	// Remote is the peer's address, never in IPv4-mapped form.
	Remote netip.AddrPort
	// Generation tells connections apart that had the same addresses: the boot
	// epoch in seconds in the upper 32 bits, a counter in the lower. Zero for
	// UDP.
	Generation uint64
}

// IsZero reports whether f names nothing.
func (f Flow) IsZero() bool { return f == Flow{} }

// String shows the flow for logs, such as "TLS 192.0.2.1:5061<-198.51.100.7:40112".
func (f Flow) String() string {
	return fmt.Sprintf("%s %s<-%s", f.Protocol, f.Local, f.Remote)
}

// Packet is one message as it came: exactly one message of a stream, or one
// datagram unchanged. When a TCP or TLS stream can't be cut any further (no
// Content-Length, too long), the last packet before the connection is closed is
// the beginning of the message in question: parsing it as a stream message
// fails too, and the failure can be answered.
type Packet struct {
	// Data is lent until the handler returns.
	Data []byte
	// Flow is where it came from and where an answer goes.
	Flow Flow
	// At is the time of reading, the same for a whole batch.
	At time.Time
}

// Handler takes the messages read.
type Handler interface {
	// ServeSIP is lent a batch of at least one message, in the order of arrival
	// and all from one socket or connection, and puts what it wants to send into
	// out. It is called on several goroutines at once. See the package comment
	// for who owns the bytes.
	ServeSIP(batch []Packet, out *Outbox)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(batch []Packet, out *Outbox)

// ServeSIP calls f.
func (f HandlerFunc) ServeSIP(batch []Packet, out *Outbox) { f(batch, out) }
