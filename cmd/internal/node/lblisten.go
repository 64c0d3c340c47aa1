package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/relay"
	siptap "github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
)

func (l *LB) bind(ctx context.Context) error {
	listeners, err := l.listeners()
	if err != nil {
		return err
	}
	k := l.cfg.Connections
	tc := transport.Config{
		Listeners: listeners, Logger: l.env.Log, Now: l.env.Now, Unreachable: l.unreachable, Limits: k.limits(),
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

// limits are those of the transport.
func (k ConnectionsConfig) limits() transport.Limits {
	return transport.Limits{
		Connections: k.Total, ConnectionsPerSource: k.Source, Handshakes: k.Handshakes, WriteQueue: k.WriteQueue,
		HandshakeRate: k.HandshakeRate, HandshakeRatePerSource: k.HandshakeRateSource, AcceptRate: k.AcceptRate, StreamMemory: k.Memory,
	}
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
		Readers: c.Readers, Share: c.Share && c.Health.Off, FreeBind: c.FreeBind, DSCP: c.DSCP,
	}
	var list []transport.ListenerConfig
	if c.InternalTransport != "tls" {
		list = append(list, internal)
	}
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
	var err error
	if lc.ClientAuth, err = transport.ParseClientAuth(or(x.ClientCert, "none")); err != nil {
		return fmt.Errorf("%w: lb: client_certificate: %w", ErrConfig, err)
	}
	if lc.ClientAuth == transport.ClientAuthNone {
		return nil
	}
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
