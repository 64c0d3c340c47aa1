package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/sip/capture"
	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

// Env is what a node gets from the process that runs it.
type Env struct {
	Node    string
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Keys    *token.Ring
	Capture *capture.Store // nil: no ladders
	Now     func() time.Time
}

// LB is a stateless edge.
type LB struct {
	endpoint *transport.Endpoint
	relay    *relay.Relay
}

// NewLB binds the listeners of an edge. certificate is used by TLS and WSS
// listeners and may be nil without them.
func NewLB(ctx context.Context, cfg LBConfig, env Env, certificate *tls.Certificate) (*LB, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	listeners := []transport.ListenerConfig{{
		Name: "internal", Protocol: transport.UDP, Addr: cfg.Internal, Internal: true, Readers: cfg.Readers,
	}}
	for _, l := range cfg.Listeners {
		p, err := transport.ParseProtocol(strings.ToLower(l.Protocol))
		if err != nil {
			return nil, fmt.Errorf("%w: lb: %w", ErrConfig, err)
		}
		lc := transport.ListenerConfig{Protocol: p, Addr: l.Addr, Advertised: l.Advertised, Readers: cfg.Readers}
		if p == transport.TLS || p == transport.WSS {
			if certificate == nil {
				return nil, fmt.Errorf("%w: lb: %s needs a certificate", ErrConfig, l.Protocol)
			}
			lc.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
		}
		listeners = append(listeners, lc)
	}
	tc := transport.Config{Listeners: listeners, Logger: env.Log, Now: env.Now}
	if env.Capture != nil {
		tc.Tap = tap(env, "lb", func(f transport.Flow) bool { return f.Listener != 0 })
	}
	endpoint, err := transport.Listen(ctx, tc)
	if err != nil {
		return nil, bindError(err)
	}
	lb, err := newRelay(cfg, env, endpoint)
	if err != nil {
		_ = endpoint.Close()
		return nil, err
	}
	env.Metrics.MustRegister(transportMetrics("lb", endpoint), relayMetrics(lb.relay))
	return lb, nil
}

func newRelay(cfg LBConfig, env Env, endpoint *transport.Endpoint) (*LB, error) {
	var targets []relay.Target
	for _, p := range cfg.Proxies {
		targets = append(targets, relay.Target{Addr: p.Addr, Weight: p.Weight})
	}
	dispatch, err := relay.NewTargets(env.Keys.Derive("dispatch"), targets...)
	if err != nil {
		return nil, fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	r, err := relay.New(relay.Config{
		Listeners: relay.Listeners(endpoint.Listeners()),
		Names:     cfg.Hosts,
		Ring:      env.Keys,
		Dispatch:  dispatch,
		Alive:     endpoint.Alive,
		Epoch:     uint32(env.Now().Unix()),
		Server:    "class5",
	})
	if err != nil {
		return nil, fmt.Errorf("%w: lb: %w", ErrConfig, err)
	}
	return &LB{endpoint: endpoint, relay: r}, nil
}

// Internal is the address that proxies know the edge by.
func (l *LB) Internal() netip.AddrPort { return l.endpoint.Listener(0).Addr }

// Listeners describes what is bound.
func (l *LB) Listeners() []transport.ListenerInfo { return l.endpoint.Listeners() }

// Run relays until ctx is done.
func (l *LB) Run(ctx context.Context) error { return l.endpoint.Serve(ctx, l.relay) }

// Close gives the sockets back when Run was never called.
func (l *LB) Close() error { return l.endpoint.Close() }

// tap keeps the messages of calls on the flows that pass.
func tap(env Env, node string, pass func(transport.Flow) bool) transport.Tap {
	return func(dir transport.Direction, flow transport.Flow, msg []byte, at time.Time) {
		if !pass(flow) {
			return
		}
		m := capture.Message{At: at, Node: node, Protocol: flow.Protocol.String(), From: flow.Remote, To: flow.Local, Data: msg}
		if dir == transport.Sent {
			m.From, m.To = m.To, m.From
		}
		env.Capture.Add(m)
	}
}

// bindError makes a line that an operator understands of a failed bind.
func bindError(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: port in use: %w", ErrConfig, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: no permission to listen: %w", ErrConfig, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: not an address of this machine: %w", ErrConfig, err)
	}
	return fmt.Errorf("%w: %w", ErrConfig, err)
}
