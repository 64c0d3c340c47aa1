package relay

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// pathToken is the token in a Route to us: the user part, or in the dialect of
// NGCP the parameter ft beside the user "lb".
func (r *Relay) pathToken(u *wire.URI) []byte {
	if r.compat == CompatNGCP && string(u.User) == "lb" {
		ft, _ := u.Params.Get("ft")
		return ft
	}
	return u.User
}

// ngcpWithout reports whether u is a Path of NGCP without token.
func (r *Relay) ngcpWithout(u *wire.URI) bool {
	return r.compat == CompatNGCP && string(u.User) == "lb" && !u.Params.Has("ft")
}

// ngcpFlow finds the way of a request from inside that shows no token: to the
// address in received of the Path, or in the alias of the Request-URI, or to the
// Request-URI itself when a Path leads here. Only over UDP: a connection has no
// name without a token, and there FlowGone says so.
func (r *Relay) ngcpFlow(s *Scratch) (transport.Flow, *listener, Cause) {
	u, err := wire.ParseURI(s.m.RequestURI())
	if err != nil {
		return transport.Flow{}, nil, NoNextHop
	}
	var to netip.AddrPort
	proto := transport.UDP
	received, behind := s.path.Get("received")
	alias, aliased := u.Params.Get("alias")
	switch {
	case behind:
		to, proto = parseReceived(s, received)
	case aliased:
		to, proto = parseAlias(alias)
	case s.path != nil:
		to, _ = uriAddr(&u)
	default:
		return transport.Flow{}, nil, NoNextHop
	}
	socket, _ := s.path.Get("socket")
	l := r.socketFor(s, socket, to.Addr())
	if proto != transport.UDP || !answerableSource(to) || l == nil {
		return transport.Flow{}, nil, FlowGone
	}
	return transport.Flow{Protocol: transport.UDP, Listener: l.index, Local: l.local, Remote: to}, l, RequestOut
}

// parseReceived reads sip:IP:PORT, with ";transport=" in plain or escaped.
func parseReceived(s *Scratch, v []byte) (netip.AddrPort, transport.Protocol) {
	s.lower = appendUnescaped(s.lower[:0], v)
	u, err := wire.ParseURI(s.lower)
	if err != nil {
		return netip.AddrPort{}, 0
	}
	proto := transport.UDP
	if t, ok := u.Params.Get("transport"); ok && !wire.EqualFold(t, "udp") {
		proto = transport.TCP // or another that is not UDP
	}
	addr, _ := uriAddr(&u)
	return addr, proto
}

// parseAlias reads IP~PORT~PROTO.
func parseAlias(v []byte) (netip.AddrPort, transport.Protocol) {
	host, rest, _ := bytes.Cut(v, []byte("~"))
	port, number, _ := bytes.Cut(rest, []byte("~"))
	addr, ok := wire.ParseAddr(host)
	p, errPort := strconv.ParseUint(string(port), 10, 16)
	if !ok || errPort != nil {
		return netip.AddrPort{}, 0
	}
	if string(number) != "1" {
		return netip.AddrPortFrom(addr, uint16(p)), transport.TCP // or another that is not UDP
	}
	return netip.AddrPortFrom(addr, uint16(p)), transport.UDP
}

// socketFor is the listener for UDP outside that P-Out-Socket names, or else
// socket, or else the first of the address family.
func (r *Relay) socketFor(s *Scratch, socket []byte, to netip.Addr) *listener {
	if h, ok := s.m.Find("P-Out-Socket"); ok {
		socket = h.Value
	}
	var first *listener
	for _, l := range r.listeners {
		if l.internal || l.protocol != transport.UDP || l.addr.Is6() != to.Is6() {
			continue
		}
		if _, addr, _ := bytes.Cut(socket, []byte(":")); bytes.Equal(addr, l.socket[len("udp:"):]) {
			return l
		}
		if first == nil {
			first = l
		}
	}
	return first
}

// outSocket moves a datagram to the listener that the proxy asks for. Tokens and
// Via of requests are written for it; a response leaves from it.
func (r *Relay) outSocket(s *Scratch, flow transport.Flow, l *listener) (transport.Flow, *listener) {
	if r.compat != CompatNGCP || flow.Protocol != transport.UDP {
		return flow, l
	}
	if _, ok := s.m.Find("P-Out-Socket"); !ok {
		return flow, l
	}
	if to := r.socketFor(s, l.socket, flow.Remote.Addr()); to != nil {
		flow.Listener, flow.Local = to.index, to.local
		return flow, to
	}
	return flow, l
}
