package relay

import (
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// response takes a response back by the topmost Via, which must be ours. It
// leaves on the other side than it came from: a Via that shows up on the wrong
// side has been copied out of somebody else's request.
func (r *Relay) response(s *Scratch, dst []byte) Outcome {
	ft, ok := s.via.Params.Get("ft")
	if !ok {
		return Outcome{Cause: ForeignVia}
	}
	s.node = nodeOf(s.via.Params)
	tok, err := r.ring.Open(ft, token.Via, s.bind(s.via.Branch(), s.node))
	if err != nil {
		return Outcome{Cause: ForeignVia}
	}
	r.proveByResponse(s)
	flow, l, ok := r.flowOf(tok)
	if !ok {
		return Outcome{Cause: ResponseFlowGone}
	}
	if l.internal == s.listener.internal {
		return Outcome{Cause: WrongDirection}
	}
	if !l.internal {
		r.hear(s, flow)
	}
	if !throughOthers(&s.m) {
		return Outcome{Cause: NoVia}
	}
	if r.alive != nil && !r.alive(flow) {
		return Outcome{Cause: ResponseFlowGone}
	}
	s.edit.RemoveFirstValue(wire.HdrVia)
	if l.internal {
		if r.hearer != nil {
			r.hearer.Heard(&s.m, s.at)
		}
		if r.reveal(s) != RequestIn {
			return Outcome{Cause: ForeignVia}
		}
		r.mediaResponse(s, true, s.in)
		r.stripReserved(s, s.listener, false)
		if r.compat == CompatNGCP {
			r.addNGCP(s)
		}
		return r.compose(s, ResponseIn, flow, dst)
	}
	if !r.hide(s, l) {
		return Outcome{Cause: Internal}
	}
	r.mediaResponse(s, false, flow)
	r.stripReserved(s, l, true)
	flow, _ = r.outSocket(s, flow, l)
	return r.compose(s, ResponseOut, flow, dst)
}

// hear takes what a response from a proxy says to the edge.
func (r *Relay) hear(s *Scratch, client transport.Flow) {
	r.result(s, client)
	if r.compat == CompatNGCP {
		r.ngcpResult(s, client)
	}
	if r.overload == nil {
		return
	}
	if oc, _ := s.via.Params.Get("oc"); oc != nil {
		r.overload.Response(s.at, s.in.Remote, s.via.Params)
	}
}
