package relay

import (
	"net/netip"
	"strconv"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// cookie begins every branch of RFC 3261 (section 8.1.1.7).
const cookie = "z9hG4bK"

// Labels of what the hasher computes.
const (
	labelBranch = 'b'
	labelTag    = 't'
	labelProof  = 'p'
)

// transactionHash hashes what a request shares with its retransmissions, its
// CANCEL and the ACK to a final response other than 2xx, and with nothing else
// (RFC 3261 section 16.11). Without the cookie the branch of the client can't
// be relied on, and more of the request counts.
func (r *Relay) transactionHash(dst []byte, n int, label byte, s *Scratch) []byte {
	seq, _ := s.m.CSeq()
	numbers := [...]byte{byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq), byte(s.via.Port >> 8), byte(s.via.Port)}
	branch := s.via.Branch()
	if len(branch) > len(cookie) && wire.EqualFold(branch[:len(cookie)], cookie) {
		return r.hash.Append(dst, n, label, branch, s.via.Host, numbers[:], s.m.CallID())
	}
	return r.hash.Append(dst, n, label, branch, s.via.Host, numbers[:], s.m.CallID(), s.m.FromTag(), s.m.RequestURI())
}

func (r *Relay) appendBranch(dst []byte, s *Scratch) []byte {
	return r.transactionHash(append(dst, cookie...), 12, labelBranch, s)
}

// addVia pushes our Via for a request that leaves by l for to. Its token says
// where responses go, and is bound to the branch, so that it can't be moved into
// the Via of another transaction.
func (r *Relay) addVia(s *Scratch, l *listener, to *transport.Flow) {
	back := replyFlow(s)
	v := append(s.value[:0], "SIP/2.0/"...)
	v = append(v, to.Protocol.ViaToken()...)
	v = append(v, l.via...)
	v = append(v, s.branch[len(cookie):]...)
	v = append(v, ";ft="...)
	v = r.ring.Seal(v, token.Via, tokenFlow(back), s.bind(s.branch, s.mark))
	v = appendMark(v, s.mark)
	v = append(v, s.foot...)
	if l.internal && r.timed(s) {
		v = appendTime(v, s.at)
	}
	switch {
	case l.internal && r.overload != nil:
		v = append(v, r.offer...)
	case !l.internal && r.guard != nil && to.Protocol == transport.UDP:
		v = r.appendProof(append(v, ";pf="...), s.branch, to.Remote)
	}
	s.value = v
	s.edit.Prepend(wire.HdrVia, s.value)
}

// replyFlow is where responses to a request go: back the way it came, and only
// for a client that asks for no rport and is not behind NAT to the port in its
// Via (RFC 3261 section 18.2.2, RFC 3581 section 4). The parameter maddr is not
// followed: nobody may send our responses to a third party.
func replyFlow(s *Scratch) transport.Flow {
	in := s.in
	if in.Protocol != transport.UDP || s.sentBy.IsValid() && s.sentBy != in.Remote.Addr() || s.via.HasRPort() {
		return in
	}
	port := s.via.Port
	if port == 0 {
		port = 5060
	}
	in.Remote = netip.AddrPortFrom(in.Remote.Addr(), port)
	return in
}

// hopByHop notes the source in the topmost Via and counts Max-Forwards down.
func (r *Relay) hopByHop(s *Scratch) {
	if s.sentBy != s.in.Remote.Addr() || s.via.HasRPort() || s.via.HasReceived() {
		s.value = wire.AppendViaReceived(s.value[:0], s.via, s.in.Remote)
		s.edit.ReplaceFirstValue(wire.HdrVia, s.value)
	}
	n, ok := s.m.MaxForwards()
	if !ok {
		s.edit.Set(wire.HdrMaxForwards, []byte("70"))
		return
	}
	s.value = strconv.AppendInt(s.value[:0], int64(n-1), 10)
	s.edit.ReplaceFirstValue(wire.HdrMaxForwards, s.value)
}

// addRecordRoute pushes two Record-Routes (RFC 5658): the one that the next
// element sees is on top. The outer one carries the flow of the client, bound
// to the Call-ID: it opens no other dialog.
func (r *Relay) addRecordRoute(s *Scratch, outer *listener, client *transport.Flow, inner *listener) {
	if r.compat == CompatNGCP {
		r.ngcpRecordRoute(s, outer, client, inner)
		return
	}
	if s.listener.internal {
		s.edit.Prepend(wire.HdrRecordRoute, inner.bareURI)
	}
	scheme := "<sip:"
	if isSIPS(s.m.RequestURI()) && outer.protocol.Secure() {
		scheme = "<sips:"
	}
	s.value = append(s.value[:0], scheme...)
	s.value = r.ring.Seal(s.value, token.RecordRoute, tokenFlow(*client), s.bind(s.m.CallID(), s.mark))
	s.value = append(s.value, outer.routeURI...)
	s.value = append(appendMark(s.value, s.mark), '>')
	s.edit.Prepend(wire.HdrRecordRoute, s.value)
	if !s.listener.internal {
		s.edit.Prepend(wire.HdrRecordRoute, inner.bareURI)
	}
}

// addPath pushes our Path (RFC 3327) into a REGISTER.
func (r *Relay) addPath(s *Scratch, inner *listener) {
	if r.compat == CompatNGCP {
		r.ngcpPath(s, inner)
	} else {
		s.value = append(s.value[:0], "<sip:"...)
		s.value = r.ring.Seal(s.value, token.Path, tokenFlow(s.in), nil)
		s.value = append(s.value, inner.pathURI...)
	}
	if outbound(&s.m) {
		s.value = append(s.value, outboundParam...)
	}
	s.value = append(s.value, '>')
	s.edit.Prepend(wire.HdrPath, s.value)
}

// outboundParam stands in the Path of a flow that is one of several.
const outboundParam = ";ob"

// outbound reports whether we are the first hop of a client that registers this
// flow as one of several (RFC 5626 section 5.1).
func outbound(m *wire.Message) bool {
	if throughOthers(m) {
		return false
	}
	supported := false
	for v := m.Values(wire.HdrSupported); v.Next() && !supported; {
		supported = wire.EqualFold(v.Value(), "outbound")
	}
	if !supported {
		return false
	}
	for v := m.Values(wire.HdrContact); v.Next(); {
		if na, err := v.NameAddr(); err == nil && na.Params.Has("reg-id") {
			return true
		}
	}
	return false
}

// throughOthers reports whether m has more than one Via.
func throughOthers(m *wire.Message) bool { return m.CountValues(wire.HdrVia) > 1 }
