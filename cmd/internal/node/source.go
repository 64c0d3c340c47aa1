package node

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/sip/dispatch"
	edge "github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

var errNotAnEdge = errors.New("not from an edge of this platform")

// edge says who sent a request: a signed P-Edge from an lb of ours, or
// whatever a foreign lb that is trusted by address says in its Via.
func (p *Proxy) edge(m *wire.Message, from transport.Flow) (call.Source, error) {
	if from.Remote == p.echo.addr && from.Protocol == transport.UDP {
		return call.Source{Addr: from.Remote, Transport: "UDP", Edge: "announce"}, nil
	}
	if p.edges.of(from) {
		e, err := edge.ParseEdge(p.env.Keys, m)
		if errors.Is(err, edge.ErrNoEdge) && probe(m) {
			return call.Source{Addr: from.Remote, Transport: "UDP", Edge: from.Remote.String()}, nil
		}
		if err != nil {
			return call.Source{}, err
		}
		return call.Source{Addr: e.Source, Transport: e.Protocol.String(), Edge: from.Remote.String()}, nil
	}
	if from.Protocol == transport.UDP && slices.Contains(p.cfg.PlainEdges, from.Remote) {
		return call.Source{Addr: clientOf(m, from.Remote), Transport: "UDP", Edge: from.Remote.String()}, nil
	}
	return call.Source{}, errNotAnEdge
}

// probe: an edge asks for itself whether we live.
func probe(m *wire.Message) bool {
	via, ok := m.TopVia()
	return ok && m.Method() == wire.OPTIONS && m.ToTag() == nil && bytes.HasPrefix(via.Branch(), []byte(dispatch.BranchPrefix))
}

// clientOf reads the client's address from the Via below the edge's own.
func clientOf(m *wire.Message, edge netip.AddrPort) netip.AddrPort {
	vias := m.Values(wire.HdrVia)
	for range 2 {
		if !vias.Next() {
			return edge
		}
	}
	via, err := wire.ParseVia(vias.Value())
	if err != nil {
		return edge
	}
	host := via.Host
	if received := via.Received(); received != nil {
		host = received
	}
	addr, ok := wire.ParseAddr(host)
	if !ok {
		return edge
	}
	port := via.Port
	if n, ok := via.RPort(); ok && n != 0 {
		port = n
	}
	return netip.AddrPortFrom(addr, port)
}
