package relay

import (
	"net/netip"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// inward takes a request from outside to a proxy.
func (r *Relay) inward(s *Scratch, dst []byte) Outcome {
	s.branch = r.appendBranch(s.branch[:0], s)
	if o, done := r.local(s, dst); done {
		return o
	}
	if cause := r.acceptable(s); cause != RequestIn {
		return r.refuse(s, cause, dst)
	}
	target, cause := r.proxyFor(s)
	if cause != RequestIn {
		return r.refuse(s, cause, dst)
	}
	inner := r.inner4
	if target.Addr().Is6() {
		inner = r.inner6
	}
	if inner == nil {
		return r.refuse(s, NoListener, dst)
	}
	r.hopByHop(s)
	r.stripReserved(s, s.listener, false)
	r.addVia(s, inner, replyFlow(s.in, s.via))
	switch s.m.Method() {
	case wire.REGISTER:
		r.addPath(s, inner)
	default:
		if formsDialog(&s.m) {
			r.addRecordRoute(s, s.listener, s.in, inner)
		}
	}
	r.addEdge(s)
	return r.compose(s, RequestIn, transport.Flow{
		Protocol: transport.UDP, Listener: inner.index, Local: inner.local, Remote: target,
	}, dst)
}

// proxyFor finds the proxy of a request from outside and plans the removal of
// Routes. A cause other than RequestIn refuses it.
func (r *Relay) proxyFor(s *Scratch) (netip.AddrPort, Cause) {
	m := &s.m
	// A REGISTER is never part of a dialog (RFC 3261 section 10.2), whatever tag
	// a client leaves in its To.
	if m.ToTag() != nil && m.Method() != wire.REGISTER {
		target, cause := r.dialogRoute(s)
		if cause == RequestIn || m.Method() != wire.ACK {
			return target, cause
		}
		// The ACK to a final response other than 2xx has a To-tag, but the Routes
		// of its INVITE, which had no Record-Route of ours to show.
		s.edit.Reset()
		if r.initialRoute(s) != RequestIn {
			return target, cause
		}
	} else if cause := r.initialRoute(s); cause != RequestIn {
		return netip.AddrPort{}, cause
	}
	target, ok := r.dispatch.Pick(Query{CallID: m.CallID(), Branch: s.branch, Method: m.Method(), At: s.at})
	if !ok {
		return target, NoTarget
	}
	return target, RequestIn
}

// dialogRoute reads the Routes of a request in a dialog: our pair, the outer
// one with a token that belongs to this dialog, then a proxy. Routes to us
// without token in front of the pair are an outbound proxy that the client is
// set to; it means us and nothing else.
func (r *Relay) dialogRoute(s *Scratch) (netip.AddrPort, Cause) {
	outer, inner := false, false
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		u, ok := routeURI(v)
		ours := ok && r.ours(s, &u)
		switch {
		case ours && !outer && u.User == nil:
		case ours && !outer:
			if _, err := r.ring.Open(u.User, token.RecordRoute, s.m.CallID()); err != nil {
				return netip.AddrPort{}, BadToken
			}
			outer = true
		case ours && !inner && u.User == nil:
			inner = true
		case !outer || !ok:
			return netip.AddrPort{}, ForeignRoute
		default:
			return r.dialogTarget(&u)
		}
		s.edit.RemoveFirstValue(wire.HdrRoute)
	}
	if outer {
		return netip.AddrPort{}, ForeignRoute
	}
	return netip.AddrPort{}, NoDialogRoute
}

func (r *Relay) dialogTarget(u *wire.URI) (netip.AddrPort, Cause) {
	target, ok := uriAddr(u)
	if !ok {
		return target, ForeignRoute
	}
	switch r.dispatch.Health(target) {
	case Up:
		return target, RequestIn
	case Down:
		return target, TargetDown
	}
	return target, ForeignRoute
}

// initialRoute checks the Routes of a request outside of a dialog and plans to
// remove them all. A client may name us, with or without the token of its Path
// (which is what Service-Route tells it), and behind that token a proxy.
func (r *Relay) initialRoute(s *Scratch) Cause {
	proven, any := false, false
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		any = true
		u, ok := routeURI(v)
		switch {
		case !ok:
			return ForeignRoute
		case r.ours(s, &u):
			if u.User == nil {
				continue
			}
			if _, err := r.ring.Open(u.User, token.Path, nil); err != nil {
				return BadToken
			}
			proven = true
		default:
			target, ok := uriAddr(&u)
			if !proven || !ok || r.dispatch.Health(target) == Unknown {
				return ForeignRoute
			}
		}
	}
	if any {
		s.edit.RemoveAll(wire.HdrRoute)
	}
	return RequestIn
}

// formsDialog reports whether m may create a dialog, so that we must stay in
// its route set.
func formsDialog(m *wire.Message) bool {
	if m.ToTag() != nil {
		return false
	}
	switch m.Method() {
	case wire.INVITE, wire.SUBSCRIBE, wire.NOTIFY, wire.REFER:
		return true
	}
	return false
}
