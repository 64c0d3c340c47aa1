package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Edge is what the P-Edge header field of a request tells a proxy about the
// client:
//
//	P-Edge: src=192.0.2.7:40112;tp=tls;sock=1;gen=66f0a1b200000003;lb=66f0a1b2;nat=1;m=...
//
// The signature covers the text in front of it, the Call-ID and the CSeq number,
// so that it can't be moved to another request.
type Edge struct {
	// Source is where the request came from (src).
	Source netip.AddrPort
	// Protocol is how it came (tp).
	Protocol transport.Protocol
	// Listener is the index of the edge's listener (sock).
	Listener uint8
	// Generation names the connection (gen, absent for UDP).
	Generation uint64
	// Epoch is when the edge was started, in seconds of Unix time (lb).
	Epoch uint32
	// NAT means that the client names itself by another address than its source
	// (nat); see [NATPolicy].
	NAT bool
}

// Flow is the flow the request came on, for a token that leads back to it.
func (e Edge) Flow() token.Flow {
	return token.Flow{
		Transport: token.Transport(e.Protocol), Listener: e.Listener,
		Remote: e.Source, Generation: e.Generation,
	}
}

// ErrNoEdge means a request has no P-Edge: it does not come from an edge.
var ErrNoEdge = errors.New("relay: no P-Edge")

// ErrEdgeSyntax means the signature of a P-Edge holds but not its text: it was
// written by another version.
var ErrEdgeSyntax = errors.New("relay: P-Edge not understood")

// ParseEdge checks and reads the P-Edge of a request that an edge with one of
// the keys of ring has relayed. Besides [ErrNoEdge] and [ErrEdgeSyntax] it
// returns the errors of [token.Ring.Verify]; with any of them nothing in the
// header field is to be believed.
func ParseEdge(ring *token.Ring, m *wire.Message) (Edge, error) {
	h, ok := m.First(wire.HdrPEdge)
	if !ok {
		return Edge{}, ErrNoEdge
	}
	i := bytes.LastIndex(h.Value, []byte(";m="))
	if i < 0 {
		return Edge{}, fmt.Errorf("relay: P-Edge has no signature: %w", token.ErrMalformed)
	}
	text, sig := h.Value[:i], h.Value[i+len(";m="):]
	seq, _ := m.CSeq()
	number := [...]byte{byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq)}
	if err := ring.Verify(sig, token.Edge, text, m.CallID(), number[:]); err != nil {
		return Edge{}, fmt.Errorf("relay: P-Edge: %w", err)
	}
	return parseEdge(text)
}

func parseEdge(text []byte) (Edge, error) {
	var e Edge
	for len(text) > 0 {
		var field []byte
		field, text, _ = bytes.Cut(text, []byte(";"))
		name, value, _ := bytes.Cut(field, []byte("="))
		if !e.set(string(name), string(value)) {
			return Edge{}, fmt.Errorf("%w: %q", ErrEdgeSyntax, field)
		}
	}
	if !e.Source.IsValid() || e.Protocol == 0 {
		return Edge{}, fmt.Errorf("%w: incomplete", ErrEdgeSyntax)
	}
	return e, nil
}

// set takes one field. Unknown ones are passed over: an edge may be newer than
// its proxies.
func (e *Edge) set(name, value string) bool {
	var err error
	var n uint64
	switch name {
	case "src":
		e.Source, err = netip.ParseAddrPort(value)
	case "tp":
		e.Protocol, err = transport.ParseProtocol(value)
	case "sock":
		n, err = strconv.ParseUint(value, 10, 8)
		e.Listener = uint8(n)
	case "gen":
		e.Generation, err = strconv.ParseUint(value, 16, 64)
	case "lb":
		n, err = strconv.ParseUint(value, 16, 32)
		e.Epoch = uint32(n)
	case "nat":
		e.NAT = value == "1"
	}
	return err == nil
}

// addEdge adds P-Edge to a request that goes inward.
func (r *Relay) addEdge(s *Scratch) {
	v := append(s.value[:0], "src="...)
	v = s.in.Remote.AppendTo(v)
	v = append(v, s.listener.edge...)
	if s.in.Generation != 0 {
		v = append(v, ";gen="...)
		v = strconv.AppendUint(v, s.in.Generation, 16)
	}
	v = append(v, r.edge...)
	if natted(s) {
		v[len(v)-1] = '1'
	}
	text := v
	seq, _ := s.m.CSeq()
	number := [...]byte{byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq)}
	v = append(v, ";m="...)
	s.value = r.ring.Sign(v, token.Edge, text, s.m.CallID(), number[:])
	s.edit.Add("P-Edge", s.value)
}
