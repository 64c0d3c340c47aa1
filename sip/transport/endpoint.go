package transport

import (
	"context"
	"errors"
	"net/netip"
)

// Endpoint is a set of bound listeners and the connections on them. Its methods
// are safe for concurrent use.
type Endpoint struct{}

// ListenerInfo describes a bound listener.
type ListenerInfo struct {
	// Name is ListenerConfig.Name or the one made up for it.
	Name string
	// Protocol is the transport.
	Protocol Protocol
	// Addr is the bound address with the real port.
	Addr netip.AddrPort
	// Advertised is the address for Via and Record-Route: the configured one, or
	// Addr. A configured port of 0 becomes the bound port.
	Advertised netip.AddrPort
	// Internal is as configured.
	Internal bool
}

// Listen binds all listeners of cfg, or none and returns an error that names
// the listener; errors.Is finds the cause in it, such as syscall.EADDRINUSE.
func Listen(ctx context.Context, cfg Config) (*Endpoint, error) {
	return nil, errors.ErrUnsupported
}

// Serve reads from all listeners and hands messages to h until ctx is done. It
// returns nil then, or the error of a listener that broke, once all goroutines
// ended and all sockets are closed. It may be called once.
func (e *Endpoint) Serve(ctx context.Context, h Handler) error { return errors.ErrUnsupported }

// Close closes all sockets of an Endpoint that is not served; one that is
// served is ended by its context.
func (e *Endpoint) Close() error { return nil }

// Send sends one message from any goroutine.
func (e *Endpoint) Send(flow Flow, msg []byte) error { return errors.ErrUnsupported }

// Alive reports whether a message for flow could be sent now: for a stream,
// whether its connection is open.
func (e *Endpoint) Alive(flow Flow) bool { return false }

// DialOption changes how Dial connects.
type DialOption func(*dialOptions)

type dialOptions struct{ serverName string }

// ServerName sets the SIP domain that a TLS peer's certificate must be valid
// for (RFC 5922). Without it the certificate must name the IP address.
func ServerName(domain string) DialOption { return func(o *dialOptions) { o.serverName = domain } }

// Dial returns a flow to a peer (not to a client): for TCP and TLS the pooled
// connection of that listener, protocol, address and server name, connected
// first if there is none; callers that ask at the same time share one attempt.
// For UDP it only makes up the flow. The local address is that of the listener.
func (e *Endpoint) Dial(ctx context.Context, listener uint8, p Protocol, remote netip.AddrPort, opts ...DialOption) (Flow, error) {
	return Flow{}, errors.ErrUnsupported
}

// Listener returns the i-th listener; the zero value when there is none.
func (e *Endpoint) Listener(i uint8) ListenerInfo { return ListenerInfo{} }

// Listeners returns all listeners in the order of Config.Listeners.
func (e *Endpoint) Listeners() []ListenerInfo { return nil }

// Outbox makes an Outbox for a goroutine that sends much by itself; its owner
// calls Flush.
func (e *Endpoint) Outbox() *Outbox { return &Outbox{} }
