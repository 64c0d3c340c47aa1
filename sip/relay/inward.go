package relay

import (
	"net/netip"

	"github.com/class5-go/class5/sip/overload"
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
	if cause == RequestIn {
		cause = r.reveal(s)
	}
	if cause == RequestIn && !r.admitted(s, target) {
		cause = Shed
	}
	if cause != RequestIn {
		return r.refuse(s, cause, dst)
	}
	s.target = target
	l, to, cause := r.wayTo(target, len(s.m.Bytes())+growth)
	face := r.face(target)
	if cause == RequestIn && face == nil {
		cause = NoListener
	}
	if cause != RequestIn {
		return r.refuse(s, cause, dst)
	}
	if cause := r.mediaRequest(s, true, s.in); cause != RequestIn {
		return r.refuseMedia(s, cause, dst)
	}
	r.offerAlias(s)
	r.hopByHop(s)
	r.stripReserved(s, s.listener, false)
	r.addVia(s, l, &to)
	switch s.m.Method() {
	case wire.REGISTER:
		r.addPath(s, face)
	default:
		if formsDialog(&s.m) {
			r.addRecordRoute(s, s.listener, &s.in, face)
		}
	}
	r.addEdge(s)
	if r.compat == CompatNGCP {
		r.addNGCP(s)
	}
	return r.compose(s, RequestIn, to, dst)
}

// offerAlias passes on that a peer lets us use its connection.
func (r *Relay) offerAlias(s *Scratch) {
	if r.alias == nil || s.in.Protocol != transport.TLS || !s.via.Params.Has("alias") {
		return
	}
	port := s.via.Port
	if port == 0 {
		port = 5061
	}
	_ = r.alias(s.in, port) // a peer without certificate is reached by other ways, as before
}

// growth is about what we add to a request.
const growth = 512

// wayTo is the way of a message of about size octets to a proxy and the listener
// it goes through: a connection where one is wanted and open, else UDP where that
// may be. A cause other than RequestIn says that there is none.
func (r *Relay) wayTo(target netip.AddrPort, size int) (*listener, transport.Flow, Cause) {
	if r.inside != nil {
		switch f, way := r.inside.Stream(target, size); way {
		case OverUDP:
		case OverStream:
			if int(f.Listener) < len(r.listeners) {
				if l := r.listeners[f.Listener]; l.internal && l.protocol == f.Protocol {
					return l, f, RequestIn
				}
			}
			return nil, transport.Flow{}, NoListener
		default:
			return nil, transport.Flow{}, Disconnected
		}
	}
	l := r.inner4
	if target.Addr().Is6() {
		l = r.inner6
	}
	if l == nil {
		return nil, transport.Flow{}, NoListener
	}
	return l, transport.Flow{Protocol: transport.UDP, Listener: l.index, Local: l.local, Remote: target}, RequestIn
}

// face is the listener that a proxy knows us by.
func (r *Relay) face(target netip.AddrPort) *listener {
	if target.Addr().Is6() {
		return r.face6
	}
	return r.face4
}

// admitted asks whether the proxy has room for the request. An ACK can't be
// refused, and saves work.
func (r *Relay) admitted(s *Scratch, target netip.AddrPort) bool {
	if r.overload == nil || s.m.Method() == wire.ACK {
		return true
	}
	return r.overload.AdmitTransaction(s.at, target, overload.Classify(&s.m, r.emergency.Load()), s.branch)
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
		s.mark = 0
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
	var u wire.URI
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		at := r.readRoute(s, &v, &u)
		switch {
		case at.ours && !outer && u.User == nil:
		case at.ours && !outer:
			s.mark = markOf(u.Params)
			if _, err := r.ring.Open(u.User, token.RecordRoute, s.bind(s.m.CallID(), s.mark)); err != nil {
				return netip.AddrPort{}, BadToken
			}
			outer = true
		case at.ours && !inner && u.User == nil:
			inner = true
		case !outer || !at.addr.IsValid():
			return netip.AddrPort{}, ForeignRoute
		default:
			return r.dialogTarget(at.addr)
		}
		s.edit.RemoveFirstValue(wire.HdrRoute)
	}
	if outer {
		return netip.AddrPort{}, ForeignRoute
	}
	return netip.AddrPort{}, NoDialogRoute
}

func (r *Relay) dialogTarget(target netip.AddrPort) (netip.AddrPort, Cause) {
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
	if s.m.Count(wire.HdrRoute) == 0 {
		return RequestIn
	}
	proven := false
	var u wire.URI
	for v := s.m.Values(wire.HdrRoute); v.Next(); {
		at := r.readRoute(s, &v, &u)
		switch {
		case !at.ok:
			return ForeignRoute
		case at.ours:
			if u.User == nil {
				continue
			}
			f, err := r.ring.Open(r.pathToken(&u), token.Path, nil)
			if err != nil {
				return BadToken
			}
			r.proveByPath(s, f)
			proven = true
		default:
			if !proven || !at.addr.IsValid() || r.dispatch.Health(at.addr) == Unknown {
				return ForeignRoute
			}
		}
	}
	s.edit.RemoveAll(wire.HdrRoute)
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
