package relay

import (
	"net/netip"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// response takes a response back by the topmost Via, which must be ours. It
// leaves on the other side than it came from: a Via that shows up on the wrong
// side has been copied out of somebody else's request.
func (r *Relay) response(s *Scratch, dst []byte) Outcome {
	shown := readOwnVia(s.via.Params)
	if shown.token == nil {
		return Outcome{Cause: ForeignVia}
	}
	s.mark = parseMark(shown.mark)
	tok, err := r.ring.Open(shown.token, token.Via, s.bind(s.via.Branch(), s.mark))
	if err != nil {
		return Outcome{Cause: ForeignVia}
	}
	if !s.again {
		r.proveByResponse(s, shown.proof)
	}
	flow, l, ok := r.flowOf(tok)
	if !ok {
		return Outcome{Cause: ResponseFlowGone}
	}
	if l.internal == s.listener.internal {
		return Outcome{Cause: WrongDirection}
	}
	if !l.internal && !s.again {
		r.hear(s, &flow, shown.control != nil)
		r.tellTime(s)
	}
	if !throughOthers(&s.m) {
		return Outcome{Cause: NoVia}
	}
	if r.alive != nil && !r.alive(flow) {
		if flow, ok = r.otherWay(s, l); !ok {
			return Outcome{Cause: ResponseFlowGone}
		}
	}
	s.edit.RemoveFirstValue(wire.HdrVia)
	if l.internal {
		if r.hearer != nil && !s.again {
			r.hearer.Heard(&s.m, s.at)
		}
		if r.reveal(s) != RequestIn {
			return Outcome{Cause: ForeignVia}
		}
		if cause := r.mediaResponse(s, true, s.in); cause != ResponseOut {
			return Outcome{Cause: cause}
		}
		r.stripReserved(s, s.listener, false)
		if r.compat == CompatNGCP {
			r.addNGCP(s)
		}
		return r.compose(s, ResponseIn, flow, dst)
	}
	if !r.hide(s, l) {
		return Outcome{Cause: Internal}
	}
	if cause := r.mediaResponse(s, false, flow); cause != ResponseOut {
		return Outcome{Cause: cause}
	}
	r.stripReserved(s, l, true)
	flow, _ = r.outSocket(s, flow, l)
	return r.compose(s, ResponseOut, flow, dst)
}

// otherWay finds another way to a proxy whose connection has ended since its
// request came, if it is one of ours. To clients there is none.
func (r *Relay) otherWay(s *Scratch, l *listener) (transport.Flow, bool) {
	if !l.internal {
		return transport.Flow{}, false
	}
	target, ok := r.proxyOf(s)
	if !ok {
		return transport.Flow{}, false
	}
	_, flow, cause := r.wayTo(target, len(s.m.Bytes()))
	return flow, cause == RequestIn
}

// proxyOf is the address that a proxy of ours has written into its own Via of a
// response to it, the second (RFC 3261 section 18.2.2).
func (r *Relay) proxyOf(s *Scratch) (netip.AddrPort, bool) {
	vias := s.m.Values(wire.HdrVia)
	vias.Next()
	if !vias.Next() {
		return netip.AddrPort{}, false
	}
	via, err := vias.Via()
	if err != nil {
		return netip.AddrPort{}, false
	}
	target, ok := uriAddr(&wire.URI{Scheme: []byte("sip"), Host: via.Host, Port: via.Port})
	return target, ok && r.dispatch.Health(target) != Unknown
}

// ownVia are the values of parameters in a Via that we have written, or that a
// proxy has filled in; nil are those that are absent or have none.
type ownVia struct{ token, mark, proof, control []byte }

// readOwnVia reads them in one go.
func readOwnVia(p wire.Params) (v ownVia) {
	const token, mark, proof, control = 'f'<<8 | 't', 'm'<<8 | 'n', 'p'<<8 | 'f', 'o'<<8 | 'c'
	var seen [4]bool
	first := func(i int, o *[]byte, value []byte) {
		if !seen[i] {
			*o = value
		}
		seen[i] = true
	}
	for name, value := range p.All() {
		if len(name) != len("ft") {
			continue
		}
		switch uint16(name[0]|0x20)<<8 | uint16(name[1]|0x20) {
		case token:
			first(0, &v.token, value)
		case mark:
			first(1, &v.mark, value)
		case proof:
			first(2, &v.proof, value)
		case control:
			first(3, &v.control, value)
		}
	}
	return v
}

// hear takes what a response from a proxy says to the edge; controlled tells
// that oc is in our Via.
func (r *Relay) hear(s *Scratch, client *transport.Flow, controlled bool) {
	r.result(s, client)
	if r.compat == CompatNGCP {
		r.ngcpResult(s, client)
	}
	if r.overload != nil && controlled {
		r.overload.Response(s.at, s.in.Remote, s.via.Params)
	}
}
