package relay

import (
	"errors"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// outward takes a request from a proxy to the flow that its Route names.
func (r *Relay) outward(s *Scratch, dst []byte) Outcome {
	s.branch = r.appendBranch(s.branch[:0], s)
	if o, done := r.local(s, dst); done {
		return o
	}
	if n, ok := s.m.MaxForwards(); ok && n == 0 {
		return r.refuse(s, MaxForwards, dst)
	}
	if s.foot = appendFootprint(append(s.foot[:0], footParam...), s); r.looped(s) {
		return r.refuse(s, Loop, dst)
	}
	flow, outer, o := r.flowFor(s, dst)
	if outer == nil {
		return o
	}
	flow, outer = r.outSocket(s, flow, outer)
	if isSIPS(s.m.RequestURI()) && !flow.Protocol.Secure() {
		return r.refuse(s, Insecure, dst)
	}
	if !r.hide(s, outer) {
		return r.refuse(s, TooLarge, dst)
	}
	if cause := r.mediaRequest(s, false, flow); cause != RequestIn {
		return r.refuseMedia(s, cause, dst)
	}
	r.dropAlias(s)
	r.hopByHop(s)
	r.stripReserved(s, outer, true)
	r.addVia(s, outer, &flow)
	if formsDialog(&s.m) {
		r.addRecordRoute(s, outer, &flow, s.listener)
	}
	return r.compose(s, RequestOut, flow, dst)
}

// flowFor finds the flow of a request from inside and plans the removal of our
// Routes. Without a listener, the outcome is the answer to the request.
func (r *Relay) flowFor(s *Scratch, dst []byte) (transport.Flow, *listener, Outcome) {
	fail := func(o Outcome) (transport.Flow, *listener, Outcome) { return transport.Flow{}, nil, o }
	tok, next, cause := r.outRoute(s)
	if cause != RequestOut {
		return fail(r.refuse(s, cause, dst))
	}
	if tok.Transport == 0 && r.compat == CompatNGCP {
		switch flow, l, cause := r.ngcpFlow(s); cause {
		case RequestOut:
			return flow, l, Outcome{}
		case FlowGone:
			return fail(r.refuse(s, FlowGone, dst))
		}
	}
	if tok.Transport == 0 {
		flow, l, status := r.peer(s, next)
		switch {
		case status == Pending && !s.last:
			return fail(Outcome{Cause: Resolving})
		case status == Pending:
			return fail(r.refuse(s, Unresolved, dst))
		case status != 0:
			return fail(r.reply(s, Outcome{Cause: NoNextHop}, status, dst))
		}
		return flow, l, Outcome{}
	}
	flow, l, ok := r.flowOf(tok)
	if !ok || l.internal || r.alive != nil && !r.alive(flow) {
		return fail(r.refuse(s, FlowGone, dst))
	}
	return flow, l, Outcome{}
}

// outRoute reads our Routes, in front of all others: the last token wins. next
// is the Route behind them, or nil.
func (r *Relay) outRoute(s *Scratch) (tok token.Flow, next []byte, cause Cause) {
	var u wire.URI
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		uri, err := v.URI()
		if err != nil {
			return tok, nil, ForeignRoute
		}
		if !r.written(uri, &u) && (u.Parse(uri) != nil || !r.ours(s, &u)) {
			return tok, uri, RequestOut
		}
		switch {
		case u.User == nil:
		case r.ngcpWithout(&u):
			s.path = u.Params
		default:
			if tok, err = r.openRoute(s, &u); err != nil {
				return tok, nil, BadToken
			}
		}
		s.edit.RemoveFirstValue(wire.HdrRoute)
	}
	return tok, nil, RequestOut
}

// openRoute opens the token of a Path or of a Record-Route.
func (r *Relay) openRoute(s *Scratch, u *wire.URI) (token.Flow, error) {
	s.mark = 0
	f, err := r.ring.Open(r.pathToken(u), token.Path, nil)
	if errors.Is(err, token.ErrPurpose) {
		s.mark = markOf(u.Params)
		return r.ring.Open(u.User, token.RecordRoute, s.bind(s.m.CallID(), s.mark))
	}
	return f, err
}

// peer asks the Resolver for the way to next, or to the Request-URI.
func (r *Relay) peer(s *Scratch, next []byte) (transport.Flow, *listener, int) {
	if r.resolve == nil {
		return transport.Flow{}, nil, 404
	}
	if next == nil {
		next = s.m.RequestURI()
	}
	u, err := wire.ParseURI(next)
	if err != nil {
		return transport.Flow{}, nil, 404
	}
	flow, status := r.resolve.Resolve(&s.m, u, s.at)
	if status != 0 {
		return flow, nil, status
	}
	if int(flow.Listener) >= len(r.listeners) || r.listeners[flow.Listener].internal {
		return flow, nil, 500
	}
	return flow, r.listeners[flow.Listener], 0
}

func isSIPS(uri []byte) bool { return len(uri) > 5 && wire.EqualFold(uri[:5], "sips:") }
