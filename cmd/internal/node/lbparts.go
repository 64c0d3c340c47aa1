package node

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/class5-go/class5/cluster/ring"
	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/guard/xdp"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/transport"
)

// secret is what must stay when keys rotate, for one purpose.
func (l *LB) secret(purpose string) ([]byte, error) {
	if l.cfg.Secret == "" {
		return l.env.Keys.Derive(purpose), nil
	}
	s, err := secretFile("lb: secret", l.cfg.Secret)
	if err != nil {
		return nil, err
	}
	return deriveSecret(s, purpose), nil
}

func (l *LB) makeDispatch(context.Context) error {
	secret, err := l.secret("dispatch")
	if err != nil {
		return err
	}
	h := l.cfg.Health
	c := dispatch.Config{
		Secret: secret, Chassis: l.cfg.Chassis, Interval: h.Interval, Misses: h.Misses, Successes: h.Successes, SlowStart: h.SlowStart,
		Ring: func(secret []byte, names []string, weights []float64) (dispatch.Ring, error) {
			return ring.New(secret, names, weights)
		},
		Observe: func(e dispatch.Event) {
			if e.From == dispatch.StateUnknown { // it was named, and nothing has happened to it
				return
			}
			l.env.Log.Info("proxy "+e.To.String(), "proxy", e.Addr, "before", e.From.String())
		},
	}
	if l.cfg.Chassis != "" {
		c.Scope = dispatch.Chassis
	}
	if h.Off {
		c.Interval = -1
	}
	if l.pool, err = dispatch.New(c, l.cfg.targets()...); err != nil {
		return fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	return nil
}

func (c LBConfig) targets() []dispatch.Target {
	var list []dispatch.Target
	for _, p := range c.Proxies {
		list = append(list, dispatch.Target{Addr: p.Addr, Weight: p.Weight, Chassis: p.Chassis, Draining: p.Drain})
	}
	return list
}

// makeParts makes what works beside the relay.
func (l *LB) makeParts(context.Context) error {
	var err error
	if !l.cfg.Guard.Off {
		g, err := l.cfg.Guard.config()
		if err != nil {
			return err
		}
		if l.guard, err = guard.New(g); err != nil {
			return fmt.Errorf("%w: lb: guard: %w", ErrConfig, err)
		}
	}
	l.local = overload.NewLocal(overload.LocalConfig{})
	if l.control, err = overload.NewControl(l.env.Now(), overload.ControlConfig{Local: l.local, Rate: l.cfg.Overload.Rate}); err != nil {
		return fmt.Errorf("lb: %w", err)
	}
	if !l.cfg.Resend.Off {
		l.repair = relay.NewRepair(relay.RepairConfig{Entries: l.cfg.Resend.Entries, Bytes: l.cfg.Resend.Bytes})
	}
	mode, err := relay.ParseInsideMode(or(l.cfg.InternalTransport, "udp"))
	if err != nil {
		return fmt.Errorf("%w: lb: internal_transport: %w", ErrConfig, err)
	}
	if l.inside, err = relay.NewStreams(relay.StreamsConfig{
		Dialer: l.endpoint, Listeners: l.table, Mode: mode, Limit: l.cfg.InternalLimit, Port: l.cfg.InternalPort, ServerName: l.cfg.InternalName, Now: l.env.Now,
	}); err != nil {
		return fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	if !l.cfg.Health.Off {
		l.prober, err = dispatch.NewProber(dispatch.ProberConfig{
			Pool: l.pool, Send: l.probe, Transport: l.probeTransport(), UserAgent: "class5", Now: l.env.Now, Local: []netip.AddrPort{l.Internal()},
		})
		if err != nil {
			return fmt.Errorf("%w: lb: health: %w", ErrConfig, err)
		}
	}
	if l.peers, err = newPeers(l); err != nil {
		return err
	}
	return l.makeAnchor()
}

// errUnconnected counts like an ICMP error: the next pair takes over soon.
var errUnconnected = fmt.Errorf("no connection to the proxy: %w", syscall.ECONNREFUSED)

func (l *LB) probeTransport() string {
	switch l.cfg.InternalTransport {
	case "tcp", "tls":
		return strings.ToUpper(l.cfg.InternalTransport)
	}
	return "UDP"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// probe sends a question the way that requests go.
func (l *LB) probe(to netip.AddrPort, msg []byte) error {
	switch flow, way := l.inside.Stream(to, len(msg)); way {
	case relay.OverStream:
		return l.endpoint.Send(flow, msg)
	case relay.Unconnected:
		return errUnconnected
	}
	return l.endpoint.Send(transport.Flow{Protocol: transport.UDP, Listener: 0, Remote: to}, msg)
}

func (l *LB) makeRelay(context.Context) error {
	branch, err := l.secret("sip/relay branch")
	if err != nil {
		return err
	}
	emergency, err := l.cfg.emergency()
	if err != nil {
		return err
	}
	internal := len(l.table) - len(l.cfg.Listeners)
	for i, x := range l.cfg.Listeners {
		t := &l.table[internal+i]
		t.Host, t.Trusted, t.HideContact = x.Host, x.Trusted, x.HideContact
		if t.NAT, err = relay.ParseNATPolicy(or(x.NAT, "both")); err != nil {
			return fmt.Errorf("%w: lb: nat: %w", ErrConfig, err)
		}
	}
	rc := relay.Config{
		Listeners: l.table, Names: l.cfg.Hosts, Siblings: l.cfg.Siblings, Ring: l.env.Keys, Secret: branch, Dispatch: l.pool,
		Alive: l.endpoint.Alive, Alias: l.endpoint.Alias, Answered: l.latency.answered, Epoch: uint32(l.env.Now().Unix()), Limits: l.cfg.Message.limits(), Server: "class5",
		Emergency: emergency, Repair: l.repair, Inside: l.inside, Now: l.env.Now,
	}
	switch l.cfg.InternalTransport {
	case "tcp":
		rc.InsideProtocol = transport.TCP
	case "tls":
		rc.InsideProtocol = transport.TLS
	}
	// An interface that holds a nil pointer would not be nil.
	if l.guard != nil {
		rc.Guard = l.guard
	}
	if !l.cfg.Overload.Off {
		rc.Overload = l.control
	}
	if l.peers != nil {
		rc.Resolve = l.peers
	}
	if l.anchor != nil {
		rc.Media = l.anchor
	}
	if l.cfg.Compat == "ngcp" {
		rc.Compat = relay.CompatNGCP
	}
	if l.relay, err = relay.New(rc); err != nil {
		return fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	return nil
}

// makeKernel attaches the drop lists.
func (l *LB) makeKernel(context.Context) error {
	if l.guard == nil || len(l.cfg.Guard.XDP) == 0 {
		return nil
	}
	var ports []uint16
	for _, info := range l.endpoint.Listeners() {
		if !info.Internal && !slices.Contains(ports, info.Addr.Port()) {
			ports = append(ports, info.Addr.Port())
		}
	}
	for _, name := range l.cfg.Guard.XDP {
		k, err := xdp.Open(xdp.Config{Interface: name, Ports: ports})
		if err != nil {
			return fmt.Errorf("%w: lb: guard: xdp: %w", ErrConfig, err)
		}
		l.tellKernel(name, k)
		l.kernel = append(l.kernel, k)
	}
	return nil
}

// tellKernel says whether the kernel drops at an interface.
func (l *LB) tellKernel(name string, k *xdp.List) {
	if k.Mode() == xdp.Plain {
		l.env.Log.Warn("the kernel does not drop what banned sources send", "interface", name, "error", k.Why())
	} else {
		l.env.Log.Info("banned sources are dropped in the kernel", "interface", name, "mode", k.Mode().String())
	}
}
