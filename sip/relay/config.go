package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Config says what a relay is made of. Listeners, Ring and Dispatch are
// required.
type Config struct {
	// Listeners is the table that Flow.Listener and tokens index: the one of the
	// endpoint, the same on all nodes that share keys. At least one is Internal.
	Listeners []Listener
	// Names are further host names that mean this edge in a Route or
	// Request-URI, such as the one that phones have as outbound proxy.
	Names []string
	// Siblings are the addresses inside of nodes that share the listeners outside
	// with this one: a request of a dialog that began there may come here, and has
	// such an address behind the token.
	Siblings []netip.AddrPort
	// Ring seals and checks tokens.
	Ring *token.Ring
	// Secret keys the branches and To-tags. It must be the same on all nodes
	// that share the ring and stay when keys rotate, or a CANCEL after the
	// rotation misses its INVITE. Empty derives it from the key that is active
	// when New is called, and stays with that: token.Ring.Replace does no harm
	// while the relay lives, but a node that starts after a rotation differs from
	// one that started before.
	Secret []byte
	// Dispatch chooses proxies.
	Dispatch Dispatcher
	// Resolve finds the next hop of requests from inside that carry no token;
	// nil answers them 404. When it returns Pending, the request waits in the
	// relay for Run or Tick to try again.
	Resolve Resolver
	// Alive reports whether a connection is open, as transport.Endpoint.Alive
	// does; nil takes every flow for alive, and the transport finds out.
	Alive func(transport.Flow) bool
	// Alias, such as transport.Endpoint.Alias, hears of requests from outside over
	// TLS with the parameter alias in their topmost Via (RFC 5923): the peer lets
	// us use its connection for requests to the port in that Via. It finds out
	// whether the peer has proved by a certificate who it is. Nil leaves such
	// connections alone, and requests to the peer go over others.
	Alias func(flow transport.Flow, port uint16) error
	// Answered, if not nil, is told of some INVITEs outside of dialogs how long
	// after their arrival a response passes to the client. There can be several
	// responses to one: that with the status 100 tells how fast the proxy is, others
	// below 200 how long a caller hears nothing. It is called by many goroutines and
	// must not block.
	Answered func(status int, after time.Duration)
	// Epoch is when this process started, in seconds of Unix time. Proxies see
	// it in P-Edge and know from a change that all stream flows are gone.
	Epoch uint32
	// Limits bounds messages; nil is the default of package wire.
	Limits *wire.Limits
	// ProxyRequire are option tags accepted in Proxy-Require because this edge or
	// the proxies behind it understand them. Nil means path, outbound and
	// privacy.
	ProxyRequire []string
	// Server is the Server header field of own responses, if not empty.
	Server string

	// Now is the clock of Run, the same as that of the endpoint; nil is time.Now.
	Now func() time.Time

	// Guard refuses strangers; nil lets everybody in.
	Guard Guard
	// Overload refuses what proxies can't take; nil lets everything through.
	Overload Overload
	// Emergency knows the numbers of emergency services, which are refused last;
	// nil knows service URNs only.
	Emergency *overload.Emergency
	// Inside has connections to proxies for what is too large for UDP, or for
	// everything; nil sends everything over UDP.
	Inside Inside
	// InsideProtocol says which internal listener Path and Record-Route name, and
	// so how requests from proxies come: UDP, which zero stands for, TCP or TLS.
	// With the others no internal listener for UDP is needed, unless something is
	// to be sent over UDP.
	InsideProtocol transport.Protocol
	// Repair sends again what gets lost between us and the proxies for clients on
	// connections; nil leaves it lost. It needs Run or Tick.
	Repair *Repair
	// Compat is a dialect to speak with the proxies besides our own.
	Compat Compat
	// Media sees calls and may send their media through other nodes; nil leaves
	// bodies alone.
	Media Media
}

// Listener is one row of the listener table.
type Listener struct {
	// Protocol is the transport.
	Protocol transport.Protocol
	// Addr is written in Via, Record-Route and Path: an address that the peers
	// of this listener reach it by.
	Addr netip.AddrPort
	// Bound is the address the socket is bound to where that is another one
	// (behind static NAT): Routes to it are ours as well. May be zero.
	Bound netip.AddrPort
	// Host is written in Record-Route in place of Addr if not empty: the name in
	// the certificate of a TLS or WSS listener.
	Host string
	// Internal marks the side of the proxies. Direction is decided by it alone.
	Internal bool
	// Trusted lets the identity header fields of RFC 3325 pass inward, for a
	// listener that only peers of the same trust domain reach.
	Trusted bool
	// NAT says what makes a client of this listener count as behind NAT.
	NAT NATPolicy
	// HideContact keeps the addresses inside from those who use this listener:
	// Contacts that go out are sealed in a token and opened when they come back.
	HideContact bool
}

// Listeners makes the table from the listeners of an endpoint.
func Listeners(infos []transport.ListenerInfo) []Listener {
	table := make([]Listener, len(infos))
	for i, info := range infos {
		table[i] = Listener{Protocol: info.Protocol, Addr: info.Advertised, Bound: info.Addr, Internal: info.Internal}
	}
	return table
}

// New checks cfg and makes a relay.
func New(cfg Config) (*Relay, error) {
	switch {
	case cfg.Ring == nil:
		return nil, errors.New("relay: no token ring")
	case cfg.Dispatch == nil:
		return nil, errors.New("relay: no dispatcher")
	case len(cfg.Listeners) > 256:
		return nil, fmt.Errorf("relay: %d listeners, at most 256 fit into a token", len(cfg.Listeners))
	}
	r := &Relay{
		ring: cfg.Ring, dispatch: cfg.Dispatch, resolve: cfg.Resolve, alive: cfg.Alive, alias: cfg.Alias, answered: cfg.Answered,
		epoch: cfg.Epoch, server: []byte(cfg.Server), understood: cfg.ProxyRequire,
		guard: cfg.Guard, overload: cfg.Overload, inside: cfg.Inside, media: cfg.Media, repair: cfg.Repair, compat: cfg.Compat,
		names: map[string]struct{}{}, ports: map[uint16]struct{}{}, texts: map[string]struct{}{},
	}
	r.limits.Store(cfg.Limits)
	r.emergency.Store(cfg.Emergency)
	if r.overload != nil {
		r.offer = r.overload.Offer()
	}
	r.hearer, _ = cfg.Resolve.(hearer)
	if r.understood == nil {
		r.understood = []string{"path", "outbound", "privacy"}
	}
	for _, name := range cfg.Names {
		r.names[strings.ToLower(name)] = struct{}{}
	}
	for i, l := range cfg.Listeners {
		if err := r.addListener(uint8(i), l); err != nil {
			return nil, err
		}
	}
	for _, a := range cfg.Siblings {
		r.own = append(r.own, unmap(a))
	}
	if err := r.setFaces(cfg.InsideProtocol); err != nil {
		return nil, err
	}
	secret := cfg.Secret
	if len(secret) == 0 {
		secret = cfg.Ring.Derive("sip/relay branch")
	}
	var err error
	if r.hash, err = token.NewHasher(secret); err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	if r.now = cfg.Now; r.now == nil {
		r.now = time.Now
	}
	r.edge = fmt.Appendf(nil, ";lb=%x;nat=0", cfg.Epoch)
	r.wake = make(chan struct{}, 1)
	r.scratch.New = func() any { return new(Scratch) }
	return r, nil
}

func (r *Relay) addListener(index uint8, cfg Listener) error {
	addr := cfg.Addr.Addr()
	switch {
	case cfg.Protocol < transport.UDP || cfg.Protocol > transport.WSS:
		return fmt.Errorf("relay: listener %d has no protocol", index)
	case !addr.IsValid() || addr.IsUnspecified() || cfg.Addr.Port() == 0:
		return fmt.Errorf("relay: listener %d needs an address that its peers can use, not %v", index, cfg.Addr)
	}
	cfg.Addr = unmap(cfg.Addr)
	l := newListener(index, cfg)
	r.listeners = append(r.listeners, l)
	for _, text := range [...]string{string(l.routeURI), string(l.routeURI[1:]), string(l.pathURI), string(l.pathURI) + outboundParam} {
		r.texts[text] = struct{}{}
	}
	for _, a := range []netip.AddrPort{cfg.Addr, unmap(cfg.Bound)} {
		if a.Addr().IsValid() && !a.Addr().IsUnspecified() {
			if !slices.Contains(r.own, a) {
				r.own = append(r.own, a)
			}
			r.ports[a.Port()] = struct{}{}
		}
	}
	if cfg.Host != "" {
		r.names[strings.ToLower(cfg.Host)] = struct{}{}
	}
	l.hide = l.hide || r.compat == CompatNGCP && !l.internal
	r.hides = r.hides || l.hide
	if cfg.Internal && cfg.Protocol == transport.UDP {
		inner := &r.inner4
		if addr.Unmap().Is6() {
			inner = &r.inner6
		}
		if *inner == nil {
			*inner = l
		}
	}
	return nil
}

// setFaces chooses the listeners that Path and Record-Route name.
func (r *Relay) setFaces(p transport.Protocol) error {
	r.face4, r.face6 = r.inner4, r.inner6
	if p == 0 || p == transport.UDP {
		if r.inner4 == nil && r.inner6 == nil {
			return errors.New("relay: no internal listener for UDP")
		}
		return nil
	}
	r.face4, r.face6 = nil, nil
	for _, l := range r.listeners {
		if !l.internal || l.protocol != p {
			continue
		}
		if face := &r.face4; !l.addr.Is6() && *face == nil {
			*face = l
		} else if face := &r.face6; l.addr.Is6() && *face == nil {
			*face = l
		}
	}
	none := r.face4 == nil && r.face6 == nil
	if none || r.inner4 != nil && r.face4 == nil || r.inner6 != nil && r.face6 == nil {
		return fmt.Errorf("relay: no internal listener for %v", p)
	}
	return nil
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
