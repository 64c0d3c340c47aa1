package relay

import (
	"strconv"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// nodeParam carries the media node, and what the hook wants to know again,
// beside a token that is bound to them.
const nodeParam = ";mn="

// mark is a media node in the low octet and the hook's memo in the high one; 0
// without a node.
type mark uint16

func newMark(node, memo uint8) mark {
	if node == 0 {
		return 0
	}
	return mark(memo)<<8 | mark(node)
}

func (k mark) node() uint8 { return uint8(k) }
func (k mark) memo() uint8 { return uint8(k >> 8) }

// bind is what a token is bound to that stands beside text and a mark. No
// text has the octet that divides them.
func (s *Scratch) bind(text []byte, k mark) []byte {
	if k == 0 {
		return text
	}
	s.bound = appendBound(s.bound[:0], text, k)
	return s.bound
}

func appendBound(dst, text []byte, k mark) []byte {
	if dst = append(dst, text...); k != 0 {
		dst = append(dst, 0, k.node(), k.memo())
	}
	return dst
}

// BoundTo is what the token of a Record-Route or Via is bound to: the Call-ID or
// branch, and the value of the parameter mn beside it, which has the media node;
// nil where there is none.
func BoundTo(text, mn []byte) []byte { return appendBound(nil, text, parseMark(mn)) }

// appendMark appends the parameter for k, if there is one.
func appendMark(dst []byte, k mark) []byte {
	if k == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, nodeParam...), uint64(k), 10)
}

// markOf reads the parameter, of which one spelling is accepted. What it says is
// true only when the token beside it opens.
func markOf(p wire.Params) mark {
	v, _ := p.Get("mn")
	return parseMark(v)
}

func parseMark(v []byte) mark {
	if len(v) == 0 || len(v) > 5 || v[0] == '0' {
		return 0
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	if n > 1<<16-1 || n&0xff == 0 {
		return 0
	}
	return mark(n)
}

// callMethod tells the methods that carry offers, answers and ends of calls.
func callMethod(m wire.Method) bool {
	switch m {
	case wire.INVITE, wire.ACK, wire.PRACK, wire.UPDATE, wire.INFO, wire.CANCEL, wire.BYE:
		return true
	}
	return false
}

// mediaRequest shows a request to the Media hook, before the tokens are sealed
// that remember what it says: RequestIn, or the cause not to send the request.
func (r *Relay) mediaRequest(s *Scratch, inward bool, client transport.Flow) Cause {
	method := s.m.Method()
	if r.media == nil || !callMethod(method) {
		return RequestIn
	}
	if r.behind(s) {
		return Anchoring
	}
	d := r.media.Request(r.leg(s, inward, client, s.branch), &s.m, &s.edit)
	switch {
	case d.Status == Pending && !s.last:
		return Anchoring
	case d.Status == 0:
	case method == wire.ACK, method == wire.BYE, method == wire.CANCEL:
	case d.Status == Pending:
		s.status = 503
		return Unanchored
	default:
		s.status = d.Status
		return Unanchored
	}
	s.mark = newMark(d.Node, d.Memo)
	return RequestIn
}

// mediaResponse shows a response to the Media hook: ResponseOut, or the cause not
// to send it.
func (r *Relay) mediaResponse(s *Scratch, inward bool, client transport.Flow) Cause {
	if r.media == nil || !callMethod(s.m.CSeqMethod()) {
		return ResponseOut
	}
	if r.behind(s) {
		return Anchoring
	}
	switch status := r.media.Response(r.leg(s, inward, client, s.via.Branch()), &s.m, &s.edit); {
	case status == 0:
		return ResponseOut
	case status == Pending && !s.last:
		return Anchoring
	}
	return Unanchored
}

func (r *Relay) leg(s *Scratch, inward bool, client transport.Flow, branch []byte) Leg {
	return Leg{
		At: s.at, Inward: inward, Client: client, Branch: branch,
		Node: s.mark.node(), Memo: s.mark.memo(), Last: s.last,
	}
}

// behind reports whether a message has to wait because one of the same call
// does.
func (r *Relay) behind(s *Scratch) bool {
	switch {
	case s.last:
		return false
	case s.again:
		return s.queued
	}
	return r.parked.calls.Load() > 0 && r.parked.waits(callKey(s))
}

// callKey is a call by the hash of its Call-ID, never 0.
func callKey(s *Scratch) uint64 { return footprint(0, s.m.CallID()) | 1 }
