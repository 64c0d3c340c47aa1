package relay

import (
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// notice tells the Repair what passes from a proxy to a connection, and turns a
// repetition into the client's last word.
func (r *Relay) notice(s *Scratch, o Outcome) Outcome {
	if o.Cause == RequestIn && s.in.Protocol != transport.UDP && s.m.Method() != wire.ACK {
		r.repair.Asked(s.branch, s.m.Method())
		return o
	}
	if o.Flow.Protocol == transport.UDP || !s.listener.internal {
		return o
	}
	var branch []byte
	var method wire.Method
	switch o.Cause {
	case ResponseOut:
		branch, method = s.via.Branch(), s.m.CSeqMethod()
		r.repair.Seen(branch, method)
		if code := s.m.Status(); method == wire.INVITE && code >= 200 && code < 300 {
			return o
		}
	case RequestOut:
		branch, method = s.branch, s.m.Method()
		if method == wire.ACK {
			r.repair.Seen(branch, wire.INVITE)
		}
	default:
		return o
	}
	if s.in.Protocol != transport.UDP || !r.repair.Repeats(s.at, branch, method, o.Flow, s.m.Bytes()) {
		return o
	}
	flow, word, ok := r.repair.Word(branch, method, o.Data[:0])
	if !ok {
		return Outcome{Cause: Repeated}
	}
	return Outcome{Cause: Repeated, Flow: flow, Data: word}
}

// remember gives the Repair what went to a proxy.
func (r *Relay) remember(s *Scratch, o Outcome) {
	over := o.Flow.Protocol != transport.UDP
	switch {
	case s.listener.internal:
	case o.Cause == RequestIn && s.in.Protocol != transport.UDP:
		r.rememberRequest(s, o, over)
	case o.Cause == ResponseIn && over:
		r.watchResponse(s, o)
	case o.Cause == ResponseIn && s.in.Protocol != transport.UDP:
		branch, method := s.via.Branch(), s.m.CSeqMethod()
		if method == wire.INVITE && s.m.Status() >= 300 {
			r.repair.Add(s.at, branch, method, o.Flow, o.Data)
		} else {
			r.repair.Keep(s.at, branch, method, o.Flow, o.Data)
		}
	}
}

func (r *Relay) rememberRequest(s *Scratch, o Outcome, over bool) {
	switch method := s.m.Method(); {
	case method != wire.ACK && over:
		r.repair.Watch(s.at, s.branch, method, o.Flow, s.target, o.Data)
	case method != wire.ACK:
		r.repair.Add(s.at, s.branch, method, o.Flow, o.Data)
	case !over:
		r.repair.Keep(s.at, s.branch, wire.INVITE, o.Flow, o.Data)
	}
}

// watchResponse remembers a final response that went on a connection, unless who
// has sent it repeats it: a 2xx to an INVITE, and over UDP any response to one.
func (r *Relay) watchResponse(s *Scratch, o Outcome) {
	method, code := s.m.CSeqMethod(), s.m.Status()
	if code < 200 || method == wire.INVITE && (code < 300 || s.in.Protocol == transport.UDP) {
		return
	}
	target, ok := r.proxyOf(s)
	switch {
	case !ok:
	case method == wire.INVITE:
		r.repair.Watch(s.at, s.via.Branch(), method, o.Flow, target, o.Data)
	default:
		r.repair.WatchOnce(s.at, s.via.Branch(), method, o.Flow, target, o.Data)
	}
}
