package relay

import (
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// notice tells the Repair what passes from a proxy to a connection, and turns a
// repetition into the client's last word.
func (r *Relay) notice(s *Scratch, o Outcome) Outcome {
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
	if s.in.Protocol != transport.UDP || !r.repair.Repeats(s.at, o.Flow, s.m.Bytes()) {
		return o
	}
	flow, word, ok := r.repair.Word(branch, method, o.Data[:0])
	if !ok {
		return Outcome{Cause: Repeated}
	}
	return Outcome{Cause: Repeated, Flow: flow, Data: word}
}

// remember gives the Repair what went from a connection to a proxy over UDP.
func (r *Relay) remember(s *Scratch, o Outcome) {
	if s.listener.internal || s.in.Protocol == transport.UDP || o.Flow.Protocol != transport.UDP {
		return
	}
	switch o.Cause {
	case RequestIn:
		if method := s.m.Method(); method == wire.ACK {
			r.repair.Keep(s.at, s.branch, wire.INVITE, o.Flow, o.Data)
		} else {
			r.repair.Add(s.at, s.branch, method, o.Flow, o.Data)
		}
	case ResponseIn:
		branch, method := s.via.Branch(), s.m.CSeqMethod()
		if method == wire.INVITE && s.m.Status() >= 300 {
			r.repair.Add(s.at, branch, method, o.Flow, o.Data)
		} else {
			r.repair.Keep(s.at, branch, method, o.Flow, o.Data)
		}
	}
}
