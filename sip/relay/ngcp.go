package relay

import (
	"strconv"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Compat is a dialect that the edge speaks with the proxies besides its own.
type Compat uint8

// The dialects.
const (
	// CompatNone is the one in the package comment alone.
	CompatNone Compat = iota
	// CompatNGCP is that of Sipwise NGCP, so that the edge can take the place of
	// a load balancer there. Proxies get what they read there:
	//
	//	P-NGCP-Src-Ip: 203.0.113.7        with -Port, -Proto, -Af, and -Nat: 1 behind NAT
	//	P-Sock-Info: udp:192.0.2.1:5060
	//	P-LB-Uptime: 86400
	//	Path: <sip:lb@10.0.0.1:5070;lr;received=sip:203.0.113.7:41000;socket=udp:192.0.2.1:5060;ft=TOKEN>
	//	Record-Route: <sip:10.0.0.1:5070;r2=on;lr=on;ftag=a1;ngcplb=yes;nat=yes;socket=udp:192.0.2.1:5060>
	//	Record-Route: <sip:TOKEN@192.0.2.1:5060;r2=on;lr=on;ftag=a1;ngcplb=yes;nat=yes;socket=udp:192.0.2.1:5060>
	//	Contact: <sip:alice@192.168.1.7;alias=203.0.113.7~41000~1>
	//
	// Outside, their Contacts are <sip:ngcp-lb@192.0.2.1:5060;ngcpct=HEX>. What
	// clients are believed still depends on tokens alone: received, socket, alias
	// and P-Out-Socket count only when they come from inside, where a Path without
	// ft leads to clients over UDP that registered before the edge was changed.
	CompatNGCP
)

// ngcpReserved tells the header fields of the dialect, which outsiders may
// neither write nor read.
func ngcpReserved(name []byte) bool {
	if len(name) >= len("P-NGCP-") && wire.EqualFold(name[:len("P-NGCP-")], "P-NGCP-") {
		return true
	}
	for _, n := range [...]string{
		"P-Sock-Info", "P-LB-Uptime", "P-Out-Socket", "P-App-Name", "P-App-Param", "P-D-Uri", "P-Caller-UUID", "P-Callee-UUID",
	} {
		if wire.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// addNGCP adds what tells a proxy about the client to a message that goes
// inward, and the alias to its Contact.
func (r *Relay) addNGCP(s *Scratch) {
	src := s.in.Remote
	s.value = src.Addr().AppendTo(s.value[:0])
	s.edit.Add("P-NGCP-Src-Ip", s.value)
	s.value = strconv.AppendUint(s.value[:0], uint64(src.Port()), 10)
	s.edit.Add("P-NGCP-Src-Port", s.value)
	s.value = append(s.value[:0], token.Transport(s.in.Protocol).String()...)
	s.edit.Add("P-NGCP-Src-Proto", s.value)
	af := byte('4')
	if src.Addr().Is6() {
		af = '6'
	}
	s.value = append(s.value[:0], af)
	s.edit.Add("P-NGCP-Src-Af", s.value)
	nat := natted(s)
	if nat {
		s.value = append(s.value[:0], '1')
		s.edit.Add("P-NGCP-Src-Nat", s.value)
	}
	s.value = s.value[:0]
	if r.aliasContact(s, nat) {
		s.edit.Set(wire.HdrContact, s.value)
	}
	s.value = append(s.value[:0], s.listener.socket...)
	s.edit.Add("P-Sock-Info", s.value)
	s.value = strconv.AppendInt(s.value[:0], max(0, s.at.Unix()-int64(r.epoch)), 10)
	s.edit.Add("P-LB-Uptime", s.value)
}

// ngcpResult reads what a proxy of NGCP says about credentials.
func (r *Relay) ngcpResult(s *Scratch, client *transport.Flow) {
	user, ok := s.m.Find("P-NGCP-Authorization")
	if r.guard == nil || !ok {
		return
	}
	good, _ := s.m.Find("P-NGCP-Authorized")
	r.guard.Result(s.at, client.Remote, user.Value, string(good.Value) == "1")
}

// ngcpRecordRoute is addRecordRoute in the dialect.
func (r *Relay) ngcpRecordRoute(s *Scratch, outer *listener, client *transport.Flow, inner *listener) {
	bare := func() {
		s.value = append(append(s.value[:0], "<sip:"...), inner.hostURI[1:]...)
		s.value = r.appendNGCPParams(s.value, s, outer)
		s.edit.Prepend(wire.HdrRecordRoute, s.value)
	}
	if s.listener.internal {
		bare()
	}
	scheme := "<sip:"
	if isSIPS(s.m.RequestURI()) && outer.protocol.Secure() {
		scheme = "<sips:"
	}
	s.value = r.ring.Seal(append(s.value[:0], scheme...), token.RecordRoute, tokenFlow(*client), s.bind(s.m.CallID(), s.mark))
	s.value = append(s.value, outer.hostURI...)
	s.value = r.appendNGCPParams(s.value, s, outer)
	s.edit.Prepend(wire.HdrRecordRoute, s.value)
	if !s.listener.internal {
		bare()
	}
}

func (r *Relay) appendNGCPParams(dst []byte, s *Scratch, outer *listener) []byte {
	dst = append(dst, ";r2=on;lr=on"...)
	if tag := s.m.FromTag(); plainParam(tag) {
		dst = append(append(dst, ";ftag="...), tag...)
	}
	dst = append(dst, ";ngcplb=yes"...)
	if !s.listener.internal && natted(s) {
		dst = append(dst, ";nat=yes"...)
	}
	dst = append(append(dst, ";socket="...), outer.socket...)
	return append(appendMark(dst, s.mark), '>')
}

// plainParam reports whether v may be the value of a URI parameter as it is.
func plainParam(v []byte) bool {
	for _, c := range v {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~', c == '+':
		default:
			return false
		}
	}
	return len(v) > 0
}

// ngcpPath is addPath in the dialect, without the last bracket.
func (r *Relay) ngcpPath(s *Scratch, inner *listener) {
	s.value = append(append(s.value[:0], "<sip:lb"...), inner.pathURI...)
	if natted(s) {
		s.value = append(s.value, ";received=sip:"...)
		s.value = s.in.Remote.AppendTo(s.value)
		if s.in.Protocol != transport.UDP {
			s.value = append(append(s.value, "%3Btransport%3D"...), s.listener.param...)
		}
	}
	s.value = append(append(s.value, ";socket="...), s.listener.socket...)
	s.value = r.ring.Seal(append(s.value, ";ft="...), token.Path, tokenFlow(s.in), nil)
}
