package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/cluster/ring"
	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/guard/xdp"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/relay"
	siptap "github.com/class5-go/class5/sip/tap"
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

func (l *LB) bind(ctx context.Context) error {
	listeners, err := l.listeners()
	if err != nil {
		return err
	}
	k := l.cfg.Connections
	tc := transport.Config{
		Listeners: listeners, Logger: l.env.Log, Now: l.env.Now, Unreachable: l.unreachable,
		Limits: transport.Limits{
			Connections: k.Total, ConnectionsPerSource: k.Source, Handshakes: k.Handshakes, WriteQueue: k.WriteQueue,
			HandshakeRate: k.HandshakeRate, HandshakeRatePerSource: k.HandshakeRateSource, AcceptRate: k.AcceptRate, StreamMemory: k.Memory,
		},
		Timeouts: transport.Timeouts{Handshake: k.Handshake, Partial: k.Partial, Idle: k.Idle},
	}
	if l.env.Capture != nil {
		tc.Tap = tap(l.env, "lb", func(f transport.Flow) bool { return !listeners[f.Listener].Internal })
	}
	if t := l.cfg.Tap; t.File != "" || t.HEP.IsValid() {
		if l.tap, err = newTap(t, l.env); err != nil {
			return err
		}
		tc.Tap = both(tc.Tap, l.tap.Message)
	}
	if l.endpoint, err = transport.Listen(ctx, tc); err != nil {
		return bindError(err)
	}
	l.table = relay.Listeners(l.endpoint.Listeners())
	return nil
}

func both(a, b transport.Tap) transport.Tap {
	if a == nil {
		return b
	}
	return func(dir transport.Direction, flow transport.Flow, msg []byte, at time.Time) {
		a(dir, flow, msg, at)
		b(dir, flow, msg, at)
	}
}

func newTap(c TapConfig, env Env) (*siptap.Tap, error) {
	cfg := siptap.Config{Filter: c.filter(), Logger: env.Log}
	if c.File != "" {
		f, err := siptap.NewFile(siptap.FileConfig{Path: c.File, MaxBytes: c.FileSize})
		if err != nil {
			return nil, fmt.Errorf("%w: lb: tap: %w", ErrConfig, err)
		}
		cfg.Sinks = append(cfg.Sinks, f)
	}
	if c.HEP.IsValid() {
		h, err := siptap.NewHEP(siptap.HEPConfig{Collector: c.HEP, CaptureID: c.CaptureID, Key: c.Key, Node: env.Node})
		if err != nil {
			return nil, fmt.Errorf("%w: lb: tap: %w", ErrConfig, err)
		}
		cfg.Sinks = append(cfg.Sinks, h)
	}
	t, err := siptap.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: lb: tap: %w", ErrConfig, err)
	}
	return t, nil
}

// listeners are those towards the proxies, then those of the configuration.
func (l *LB) listeners() ([]transport.ListenerConfig, error) {
	c := &l.cfg
	internal := transport.ListenerConfig{
		Name: "internal", Protocol: transport.UDP, Addr: c.Internal, Advertised: c.InternalAdvertised, Internal: true,
		Readers: c.Readers, Share: c.Share, FreeBind: c.FreeBind, DSCP: c.DSCP,
	}
	list := []transport.ListenerConfig{internal}
	if c.InternalTransport != "" && c.InternalTransport != "udp" {
		internal.Name, internal.Protocol, internal.Readers = "internal-stream", transport.TCP, 0
		if c.InternalTransport == "tls" {
			internal.Protocol = transport.TLS
			if err := l.secure(&internal); err != nil {
				return nil, err
			}
			pool, err := authorities("lb: internal_ca", c.InternalCA)
			if err != nil {
				return nil, err
			}
			internal.DialTLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, GetClientCertificate: l.certificates.GetClientCertificate}
			internal.ClientAuth, internal.ClientCAs = transport.ClientAuthRequire, pool
		}
		list = append(list, internal)
	}
	for _, x := range c.Listeners {
		p, err := transport.ParseProtocol(strings.ToLower(x.Protocol))
		if err != nil {
			return nil, fmt.Errorf("%w: lb: %w", ErrConfig, err)
		}
		lc := transport.ListenerConfig{
			Name: x.Name, Protocol: p, Addr: x.Addr, Advertised: x.Advertised, Readers: c.Readers, Share: c.Share, FreeBind: c.FreeBind, DSCP: c.DSCP,
			Origins: x.Origins, MaxMessage: x.MaxMessage, ProxyFrom: x.ProxyProtocol, Ping: x.Ping,
		}
		if p == transport.TLS || p == transport.WSS {
			if err := l.secure(&lc); err != nil {
				return nil, err
			}
			if err := c.clients(x, &lc); err != nil {
				return nil, err
			}
		}
		list = append(list, lc)
	}
	return list, nil
}

// secure gives a listener our certificates.
func (l *LB) secure(lc *transport.ListenerConfig) error {
	if l.certificates == nil {
		return fmt.Errorf("%w: lb: %s needs a certificate: set certificates or hosts", ErrConfig, lc.Protocol)
	}
	if l.tickets == nil && l.cfg.Tickets != "" {
		s, err := secretFile("lb: tickets", l.cfg.Tickets)
		if err != nil {
			return err
		}
		if l.tickets, err = transport.NewTicketKeys(0, []byte(s)); err != nil {
			return fmt.Errorf("%w: lb: tickets: %w", ErrConfig, err)
		}
	}
	lc.TLS = &tls.Config{GetCertificate: l.certificates.GetCertificate, MinVersion: tls.VersionTLS12}
	lc.Tickets = l.tickets
	return nil
}

// clients says whether a listener wants certificates of its clients.
func (c LBConfig) clients(x ListenerConfig, lc *transport.ListenerConfig) error {
	switch x.ClientCert {
	case "", "none":
		return nil
	case "request":
		lc.ClientAuth = transport.ClientAuthRequest
	case "require":
		lc.ClientAuth = transport.ClientAuthRequire
	default:
		return fmt.Errorf("%w: lb: client_certificate: %q, want none, request or require", ErrConfig, x.ClientCert)
	}
	var err error
	lc.ClientCAs, err = authorities("lb: client_ca", c.ClientCA)
	return err
}

func authorities(setting, file string) (*x509.CertPool, error) {
	if err := needs(setting, file != ""); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, setting, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%w: %s: %s holds no certificate", ErrConfig, setting, file)
	}
	return pool, nil
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
	if l.control, err = overload.NewControl(l.env.Now(), overload.ControlConfig{Local: l.local}); err != nil {
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
		Dialer: l.endpoint, Listeners: l.table, Mode: mode, Limit: l.cfg.InternalLimit, ServerName: l.cfg.InternalName, Now: l.env.Now,
	}); err != nil {
		return fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	if !l.cfg.Health.Off {
		l.prober, err = dispatch.NewProber(dispatch.ProberConfig{
			Pool: l.pool, Send: l.probe, UserAgent: "class5", Now: l.env.Now, Local: []netip.AddrPort{l.Internal()},
		})
		if err != nil {
			return fmt.Errorf("%w: lb: health: %w", ErrConfig, err)
		}
	}
	l.peers, err = newPeers(l)
	return err
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (l *LB) probe(to netip.AddrPort, msg []byte) error {
	return l.endpoint.Send(transport.Flow{Protocol: transport.UDP, Listener: 0, Remote: to}, msg)
}

func (l *LB) makeRelay(context.Context) error {
	branch, err := l.secret("sip/relay branch")
	if err != nil {
		return err
	}
	emergency, err := overload.NewEmergency(l.cfg.Emergency...)
	if err != nil {
		return fmt.Errorf("%w: lb: emergency: %w", ErrConfig, err)
	}
	internal := len(l.table) - len(l.cfg.Listeners)
	for i, x := range l.cfg.Listeners {
		t := &l.table[internal+i]
		t.Host, t.Trusted, t.HideContact = x.Host, x.Trusted, x.HideContact
		if t.NAT, err = natPolicy(or(x.NAT, "both")); err != nil {
			return err
		}
	}
	rc := relay.Config{
		Listeners: l.table, Names: l.cfg.Hosts, Ring: l.env.Keys, Secret: branch, Dispatch: l.pool,
		Alive: l.endpoint.Alive, Epoch: uint32(l.env.Now().Unix()), Limits: l.cfg.Message.limits(), Server: "class5",
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
	switch l.cfg.Compat {
	case "":
	case "ngcp":
		rc.Compat = relay.CompatNGCP
	default:
		return fmt.Errorf("%w: lb: compat: %q, want ngcp or nothing", ErrConfig, l.cfg.Compat)
	}
	if l.relay, err = relay.New(rc); err != nil {
		return fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	return nil
}

func natPolicy(name string) (relay.NATPolicy, error) {
	for _, p := range []relay.NATPolicy{relay.NATOff, relay.NATVia, relay.NATContact, relay.NATBoth} {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%w: lb: nat: %q, want off, via, contact or both", ErrConfig, name)
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
		if k.Mode() == xdp.Plain {
			l.env.Log.Warn("the kernel does not drop what banned sources send", "interface", name, "error", k.Why())
		} else {
			l.env.Log.Info("banned sources are dropped in the kernel", "interface", name, "mode", k.Mode().String())
		}
		l.kernel = append(l.kernel, k)
	}
	return nil
}
