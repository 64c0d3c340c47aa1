package proxy

import (
	"errors"
	"net/netip"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// ErrUnresolved means that no flow leads to a URI.
var ErrUnresolved = errors.New("proxy: no flow to this URI")

// Numeric resolves URIs whose host is an IP address to a datagram flow with
// the protocol, listener and local address of base (RFC 3263 section 4.2 for
// this case). The URI must ask for the protocol of base or for none; the port
// defaults to 5060. Streams need a connection, which only the owner can make.
func Numeric(base transport.Flow) func(wire.URI) (transport.Flow, error) {
	return func(u wire.URI) (transport.Flow, error) {
		host := u.Host
		if maddr, ok := u.Params.Get("maddr"); ok {
			host = maddr
		}
		addr, ok := wire.ParseAddr(host)
		if !ok || !u.IsSIP() || u.IsSIPS() || base.Protocol.Reliable() {
			return transport.Flow{}, ErrUnresolved
		}
		if t, ok := u.Params.Get("transport"); ok && !wire.EqualFold(t, base.Protocol.URIParam()) {
			return transport.Flow{}, ErrUnresolved
		}
		port := u.Port
		if port == 0 {
			port = 5060
		}
		flow := base
		flow.Remote = netip.AddrPortFrom(addr, port)
		return flow, nil
	}
}
