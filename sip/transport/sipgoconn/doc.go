// Package sipgoconn runs a stock sipgo server on an [transport.Endpoint], so that
// a user agent or B2BUA written with github.com/emiago/sipgo has our UDP workers,
// limits, TLS and WebSocket without a change of its own:
//
//	ua, _ := sipgo.NewUA()
//	srv, _ := sipgo.NewServer(ua)
//	...
//	err := sipgoconn.Serve(ctx, endpoint, srv)
//
// [Bridge] is the same in parts: it is a transport.Handler, and what it passes on
// is read from a net.PacketConn for each UDP listener and from a net.Listener for
// each other one.
//
// # What sipgo sees
//
// Messages arrive whole and in clear. A connection of any stream transport is a
// net.Conn from which messages are read one after the other; what is written to
// it must be whole messages, one each, as sipgo does. Hence WebSocket listeners
// are served as TCP or TLS, not as WS: the endpoint has spoken the protocol
// already.
//
// A server that does not keep up loses messages, which are counted: of datagrams
// those beyond 1,024 waiting, of each connection those beyond 256 KiB. Nothing
// blocks the endpoint.
//
// A client of sipgo sends through the endpoint's UDP listener when it is told to
// by sipgo.WithClientConnectionAddr with the listener's address. Connections to
// new peers sipgo makes by itself.
package sipgoconn
