package relay

import (
	"github.com/class5-go/class5/sip/token"
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
	tok, err := r.ring.Open(ft, token.Via, s.via.Branch())
	if err != nil {
		return Outcome{Cause: ForeignVia}
	}
	flow, l, ok := r.flowOf(tok)
	if !ok {
		return Outcome{Cause: ResponseFlowGone}
	}
	if l.internal == s.listener.internal {
		return Outcome{Cause: WrongDirection}
	}
	if !throughOthers(&s.m) {
		return Outcome{Cause: NoVia}
	}
	if r.alive != nil && !r.alive(flow) {
		return Outcome{Cause: ResponseFlowGone}
	}
	s.edit.RemoveFirstValue(wire.HdrVia)
	if l.internal {
		r.stripReserved(s, s.listener, false)
		return r.compose(s, ResponseIn, flow, dst)
	}
	r.stripReserved(s, l, true)
	return r.compose(s, ResponseOut, flow, dst)
}
