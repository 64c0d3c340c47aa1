package relay

import (
	"strconv"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// nodeParam carries the id of the media node beside a token that is bound to it.
const nodeParam = ";mn="

// bind is what a token is bound to that stands beside text and a media node. No
// text has the octet that divides them.
func (s *Scratch) bind(text []byte, node uint8) []byte {
	if node == 0 {
		return text
	}
	s.bound = append(append(s.bound[:0], text...), 0, node)
	return s.bound
}

// appendNode appends the parameter for node, if there is one.
func appendNode(dst []byte, node uint8) []byte {
	if node == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, nodeParam...), uint64(node), 10)
}

// nodeOf reads the parameter, of which one spelling is accepted. What it says is
// true only when the token beside it opens.
func nodeOf(p wire.Params) uint8 {
	v, ok := p.Get("mn")
	if !ok || len(v) == 0 || len(v) > 3 || v[0] == '0' {
		return 0
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	if n > 255 {
		return 0
	}
	return uint8(n)
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
// that remember what it says.
func (r *Relay) mediaRequest(s *Scratch, inward bool, client transport.Flow) {
	if r.media == nil || !callMethod(s.m.Method()) {
		return
	}
	s.node = r.media.Request(Leg{At: s.at, Inward: inward, Client: client, Node: s.node}, &s.m, &s.edit)
}

func (r *Relay) mediaResponse(s *Scratch, inward bool, client transport.Flow) {
	if r.media == nil || !callMethod(s.m.CSeqMethod()) {
		return
	}
	r.media.Response(Leg{At: s.at, Inward: inward, Client: client, Node: s.node}, &s.m, &s.edit)
}
