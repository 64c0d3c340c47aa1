package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/class5-go/class5/sip/proxy"
	edge "github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// edges is how a proxy reaches the edges it serves, and how they reach it.
//
// With listen_tcp it keeps a connection to each edge and uses it for Routes that
// ask for TCP, as those of an lb with internal_transport tcp do; without it, UDP
// takes its place. With listen_tls everything goes over TLS, with certificates on
// both sides: what has no connection is not sent, a request counts as failed with
// 503 and goes to the next contact, a response is lost and its client asks
// again. Nothing is queued, since transactions are in a hurry. The application in
// this very process is spoken to over UDP all the same.
type edges struct {
	list, plain []netip.AddrPort
	app         netip.AddrPort // of this process
	self        netip.AddrPort
	streams     *edge.Streams
	secure, tcp bool
	inClear     atomic.Uint64 // messages refused because they were, or would have been, in clear
}

// listeners are those for edges: UDP, and what else is configured.
func (p *Proxy) listeners() ([]transport.ListenerConfig, error) {
	list := []transport.ListenerConfig{{Name: "proxy", Protocol: transport.UDP, Addr: p.cfg.Listen, Internal: true}}
	if a := p.cfg.ListenTCP; a.IsValid() {
		list = append(list, transport.ListenerConfig{Name: "proxy-tcp", Protocol: transport.TCP, Addr: a, Internal: true})
	}
	if a := p.cfg.ListenTLS; a.IsValid() {
		var err error
		if p.certificates, err = transport.LoadCertificates(keyPairs(p.cfg.Certificates)...); err != nil {
			return nil, fmt.Errorf("%w: proxy: certificates: %w", ErrConfig, err)
		}
		pool, err := authorities("proxy: edge_ca", p.cfg.EdgeCA)
		if err != nil {
			return nil, err
		}
		list = append(list, transport.ListenerConfig{
			Name: "proxy-tls", Protocol: transport.TLS, Addr: a, Internal: true,
			TLS:        &tls.Config{GetCertificate: p.certificates.GetCertificate, MinVersion: tls.VersionTLS12},
			ClientAuth: transport.ClientAuthRequire, ClientCAs: pool,
			DialTLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, GetClientCertificate: p.certificates.GetClientCertificate},
		})
	}
	return list, nil
}

// newEdges makes the way to the edges, when the endpoint is there.
func (p *Proxy) newEdges() error {
	p.edges = &edges{
		list: p.cfg.Edges, plain: p.cfg.PlainEdges, app: p.echo.addr, self: p.endpoint.Listener(0).Addr, secure: p.cfg.ListenTLS.IsValid(), tcp: p.cfg.ListenTCP.IsValid(),
	}
	mode := edge.InsideUDP
	switch {
	case p.edges.secure:
		mode = edge.InsideTLS
	case p.cfg.ListenTCP.IsValid():
		mode = edge.InsideTCP
	}
	var err error
	p.edges.streams, err = edge.NewStreams(edge.StreamsConfig{
		Dialer: p.endpoint, Listeners: edge.Listeners(p.endpoint.Listeners()), Mode: mode, ServerName: p.cfg.EdgeName, Now: p.env.Now,
	})
	if err != nil {
		return fmt.Errorf("%w: proxy: %w", ErrConfig, err)
	}
	return nil
}

// run keeps the connections until ctx is done.
func (e *edges) run(ctx context.Context) {
	for _, a := range e.list {
		e.streams.Stream(a, 0) // from now on it is wanted
	}
	e.streams.Run(ctx)
}

// resolve allows the hops of this platform only: its edges and applications.
// A Route or contact that names any other is no way out.
func (e *edges) resolve(u wire.URI) (transport.Flow, error) {
	by, _ := u.Params.Get("transport")
	stream := wire.EqualFold(by, "tcp") || wire.EqualFold(by, "tls")
	to, err := numeric(u, stream)
	switch {
	case err != nil:
		return transport.Flow{}, err
	case to == e.app && !stream:
		return e.datagram(to), nil
	case slices.Contains(e.list, to):
		return e.flow(to, stream)
	case slices.Contains(e.plain, to) && !stream:
		return e.datagram(to), nil
	}
	return transport.Flow{}, fmt.Errorf("%w: %v is no edge of ours", proxy.ErrUnresolved, to)
}

// outside is the Route to one of the edges, which finds the way to where the
// request goes. The same call takes the same edge.
func (e *edges) outside(of []byte) string {
	if len(e.list) == 0 {
		return ""
	}
	h := fnv.New32a()
	_, _ = h.Write(of) // a hash takes everything
	to := e.list[h.Sum32()%uint32(len(e.list))].String()
	switch {
	case e.secure:
		return "<sip:" + to + ";transport=tls;lr>"
	case e.tcp:
		return "<sip:" + to + ";transport=tcp;lr>"
	}
	return "<sip:" + to + ";lr>"
}

// flow is the way to an edge.
func (e *edges) flow(to netip.AddrPort, stream bool) (transport.Flow, error) {
	if !stream && !e.secure {
		return e.datagram(to), nil
	}
	switch f, way := e.streams.Stream(to, 0); way {
	case edge.OverStream:
		return f, nil
	case edge.Unconnected:
		return transport.Flow{}, fmt.Errorf("%w: no connection to %v", proxy.ErrUnresolved, to)
	}
	return e.datagram(to), nil
}

func (e *edges) datagram(to netip.AddrPort) transport.Flow {
	return transport.Flow{Protocol: transport.UDP, Local: e.self, Remote: to}
}

// numeric is the address of a URI with a numeric host, for any transport.
func numeric(u wire.URI, stream bool) (netip.AddrPort, error) {
	if stream {
		// Only the host is of interest here.
		u.Params = nil
	}
	f, err := proxy.Numeric(transport.Flow{Protocol: transport.UDP})(u)
	return f.Remote, err
}

// of reports whether a message came from an edge of ours. Over a connection the
// address alone counts: its port says nothing. P-Edge is verified in any case.
func (e *edges) of(from transport.Flow) bool {
	if from.Protocol == transport.UDP {
		return !e.secure && slices.Contains(e.list, from.Remote)
	}
	return slices.ContainsFunc(e.list, func(a netip.AddrPort) bool { return a.Addr() == from.Remote.Addr() })
}

// ServeSIP implements transport.Handler for p's shards: with TLS nothing else is
// read, but for what the application of this process says.
func (p *Proxy) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	if p.edges.secure && batch[0].Flow.Protocol == transport.UDP {
		all := len(batch)
		batch = slices.DeleteFunc(slices.Clone(batch), func(pkt transport.Packet) bool { return pkt.Flow.Remote != p.edges.app })
		p.edges.inClear.Add(uint64(all - len(batch)))
		if len(batch) == 0 {
			return
		}
	}
	p.pool.ServeSIP(batch, out)
}

// outlet sends for one core: it tells edges in responses how much less they are
// to send, and finds another way to an edge whose connection has ended.
type outlet struct {
	p    *Proxy
	send func(transport.Flow, []byte) error
	m    wire.Message
	edit wire.Edit
	buf  []byte
}

// Send is transaction.Config.Send.
func (o *outlet) Send(flow transport.Flow, msg []byte) error {
	response := strings.HasPrefix(string(msg[:min(len(msg), 8)]), "SIP/2.0 ")
	if response {
		msg = o.tell(msg)
	}
	e := o.p.edges
	if e.secure && flow.Protocol == transport.UDP && flow.Remote != e.app {
		e.inClear.Add(1)
		return transport.ErrFlowGone
	}
	err := o.send(flow, msg)
	if response && flow.Protocol != transport.UDP && errors.Is(err, transport.ErrFlowGone) {
		if flow, ok := o.sentBy(msg); ok {
			return o.send(flow, msg)
		}
	}
	return err
}

// tell adds to a response what the edge that it goes to is to know of our load
// (RFC 7339), if there is anything and the edge has asked.
func (o *outlet) tell(msg []byte) []byte {
	now := o.p.env.Now()
	if o.p.oc == nil || o.p.oc.Quiet(now) || o.m.Parse(msg, nil) != nil {
		return msg
	}
	o.edit.Reset()
	if !o.p.oc.Edit(&o.edit, now, &o.m) {
		return msg
	}
	b, err := o.m.Append(o.buf[:0], &o.edit)
	if err != nil {
		return msg
	}
	o.buf = b
	return b
}

// sentBy is the way to the edge in the topmost Via of a response (RFC 3261
// section 18.2.2).
func (o *outlet) sentBy(msg []byte) (transport.Flow, bool) {
	if o.m.Parse(msg, nil) != nil {
		return transport.Flow{}, false
	}
	via, ok := o.m.TopVia()
	if !ok {
		return transport.Flow{}, false
	}
	addr, ok := wire.ParseAddr(via.Host)
	to := netip.AddrPortFrom(addr, via.Port)
	if !ok || !slices.Contains(o.p.edges.list, to) {
		return transport.Flow{}, false
	}
	flow, err := o.p.edges.flow(to, true)
	return flow, err == nil
}
