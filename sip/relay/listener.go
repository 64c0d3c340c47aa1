package relay

import (
	"net/netip"
	"strconv"
	"sync/atomic"

	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

// listener holds what is written for a listener, ready to be copied.
type listener struct {
	index    uint8
	protocol transport.Protocol
	internal bool
	trusted  bool
	hide     bool
	nat      NATPolicy
	addr     netip.Addr
	local    netip.AddrPort

	edge     []byte // in P-Edge, behind the source: ";tp=udp;sock=0"
	via      []byte // behind the protocol: " 192.0.2.1:5060;branch=z9hG4bK"
	routeURI []byte // behind "sip:" and a token: "@192.0.2.1:5060;transport=tcp;r2;lr"
	bareURI  []byte // "<sip:192.0.2.1:5060;r2;lr>"
	socket   []byte // "udp:192.0.2.1:5060"
	param    []byte // value of a URI's transport parameter: "udp"
	hostURI  []byte // behind "sip:" and a token: "@192.0.2.1:5060;transport=tcp"
	pathURI  []byte // behind "<sip:" and a token: "@192.0.2.1:5060;lr"

	kinds [numKinds]atomic.Uint64
}

func newListener(index uint8, cfg Listener) *listener {
	addr := cfg.Addr.String()
	host := addr
	if cfg.Host != "" {
		host = cfg.Host + ":" + strconv.Itoa(int(cfg.Addr.Port()))
	}
	if cfg.Protocol != transport.UDP {
		host += ";transport=" + cfg.Protocol.URIParam()
	}
	l := &listener{
		index: index, protocol: cfg.Protocol, internal: cfg.Internal, trusted: cfg.Trusted,
		hide: cfg.HideContact, nat: cfg.NAT, addr: cfg.Addr.Addr(),
		edge:     []byte(";tp=" + token.Transport(cfg.Protocol).String() + ";sock=" + strconv.Itoa(int(index))),
		via:      []byte(" " + addr + ";branch=" + cookie),
		routeURI: []byte("@" + host + ";r2;lr"),
		bareURI:  []byte("<sip:" + host + ";r2;lr>"),
		socket:   []byte(token.Transport(cfg.Protocol).String() + ":" + addr),
		param:    []byte(cfg.Protocol.URIParam()),
		hostURI:  []byte("@" + host),
		pathURI:  []byte("@" + host + ";lr"),
	}
	if cfg.Bound.IsValid() && !cfg.Bound.Addr().IsUnspecified() {
		l.local = cfg.Bound
	}
	return l
}

// tokenFlow is f as a token says it. The numbers of both packages' transports
// are the same; a test holds them so.
func tokenFlow(f transport.Flow) token.Flow {
	return token.Flow{
		Transport: token.Transport(f.Protocol), Listener: f.Listener,
		Remote: f.Remote, Generation: f.Generation,
	}
}

// flowOf is the flow that a token names, and the listener it goes through. It
// fails when the table has changed since the token was made.
func (r *Relay) flowOf(f token.Flow) (transport.Flow, *listener, bool) {
	if int(f.Listener) >= len(r.listeners) {
		return transport.Flow{}, nil, false
	}
	l := r.listeners[f.Listener]
	if l.protocol != transport.Protocol(f.Transport) {
		return transport.Flow{}, nil, false
	}
	return transport.Flow{
		Protocol: l.protocol, Listener: f.Listener, Local: l.local,
		Remote: f.Remote, Generation: f.Generation,
	}, l, true
}
