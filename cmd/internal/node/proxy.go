package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/proxy"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// Proxy is a stateful core with its media relay, its test-number application
// and the way of its records into the database.
type Proxy struct {
	env      Env
	cfg      ProxyConfig
	stores   *Stores
	endpoint *transport.Endpoint
	pool     *shard.Pool
	media    *relay.Relay
	echo     *echo
	shared   *call.Shared
	calls    *dialog.Registry
}

// NewProxy binds a proxy. Nothing runs before Run.
func NewProxy(ctx context.Context, cfg ProxyConfig, env Env, stores *Stores) (*Proxy, error) {
	p := &Proxy{env: env, cfg: cfg, stores: stores, calls: &dialog.Registry{}}
	if err := p.bind(ctx); err != nil {
		_ = p.Close()
		return nil, err
	}
	if err := p.share(); err != nil {
		_ = p.Close()
		return nil, err
	}
	p.pool = shard.New(shard.Config{Shards: cfg.Shards, Now: env.Now, Endpoint: p.endpoint},
		func(_ int, send *shard.Sender) shard.Core { return call.New(p.shared, send.Send) })
	env.Metrics.MustRegister(p.shared.Stats, transportMetrics("proxy", p.endpoint), shardMetrics(p.pool), mediaMetrics(p.media),
		gauge("calls", "Calls in progress.", func() float64 { return float64(p.calls.Len()) }))
	return p, nil
}

func (p *Proxy) bind(ctx context.Context) error {
	tc := transport.Config{Logger: p.env.Log, Now: p.env.Now, Listeners: []transport.ListenerConfig{
		{Name: "proxy", Protocol: transport.UDP, Addr: p.cfg.Listen, Internal: true},
	}}
	if p.env.Capture != nil {
		tc.Tap = tap(p.env, "proxy", func(transport.Flow) bool { return true })
	}
	var err error
	if p.endpoint, err = transport.Listen(ctx, tc); err != nil {
		return bindError(err)
	}
	m := p.cfg.Media
	if err := ours(ctx, m.Addr); err != nil {
		return fmt.Errorf("%w (media)", bindError(err))
	}
	rc := relay.Config{
		Interfaces: []relay.Interface{{Addr: m.Addr, Advertised: m.Advertised}},
		PortMin:    m.PortMin, PortMax: m.PortMax, Loops: m.Loops, MediaTimeout: m.Timeout,
		OfferTimeout: ringLimit,
	}
	if m.AllowLoopback {
		rc.Deny = slices.DeleteFunc(relay.DefaultDeny(), func(n netip.Prefix) bool {
			return n.Addr().IsLoopback() || n.Addr() == netip.MustParseAddr("127.0.0.0")
		})
	}
	if p.media, err = relay.New(rc, relay.WithLogger(p.env.Log)); err != nil {
		return fmt.Errorf("%w: media: %w", ErrConfig, err)
	}
	p.echo, err = newEcho(ctx, p.cfg, p.env)
	return err
}

// ringLimit is how long an offer waits for its answer. Each provisional
// response starts Timer C anew, so this is far more than its three minutes.
const ringLimit = 15 * time.Minute

// ours is an error when media cannot be received at an address: the relay
// would find out with the first call.
func ours(ctx context.Context, a netip.Addr) error {
	c, err := new(net.ListenConfig).ListenPacket(ctx, "udp", netip.AddrPortFrom(a, 0).String())
	if err != nil {
		return err
	}
	return c.Close()
}

func (p *Proxy) share() error {
	reg, err := registrar.New(registrar.Config{ReplaceOldest: true}, p.stores.Bindings)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	algorithms, err := p.cfg.algorithms()
	if err != nil {
		return err
	}
	auth, err := digest.NewServer(digest.Config{
		Keys: p.stores.NonceKeys, Credentials: p.stores.Reader, Algorithms: algorithms,
	}, p.env.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	self := p.endpoint.Listener(0).Addr
	p.shared = &call.Shared{
		Node: p.env.Node, Self: self, Edge: p.edge, Resolve: p.resolver(self),
		Registrar: reg, Bindings: p.stores.Bindings, Digest: auth,
		Directory: p.stores.Reader, Router: routing.New(p.stores.Reader),
		Apps:  map[string]string{"announce": p.echo.contact},
		Media: p.media, Events: p.stores.Recorder, Calls: p.calls,
		Sign: func(dst, id, callID []byte) []byte {
			return p.env.Keys.Sign(dst, token.RecordRoute, id, callID)
		},
		Verify: func(sig, id, callID []byte) bool {
			return p.env.Keys.Verify(sig, token.RecordRoute, id, callID) == nil
		},
		Interim: p.cfg.Interim, Log: p.env.Log, Stats: call.NewStats(),
	}
	return nil
}

// algorithms reads ProxyConfig.Digest.
func (c ProxyConfig) algorithms() ([]digest.Algorithm, error) {
	if len(c.Digest) == 0 {
		return []digest.Algorithm{digest.MD5}, nil
	}
	var list []digest.Algorithm
	for _, name := range c.Digest {
		a, ok := digest.ParseAlgorithm([]byte(name))
		if !ok {
			return nil, fmt.Errorf("%w: digest: %q is no algorithm", ErrConfig, name)
		}
		list = append(list, a)
	}
	return list, nil
}

// resolver allows the hops of this platform only: its edges and applications.
// A Route or contact that names any other is no way out.
func (p *Proxy) resolver(self netip.AddrPort) func(wire.URI) (transport.Flow, error) {
	numeric := proxy.Numeric(transport.Flow{Protocol: transport.UDP, Local: self})
	return func(u wire.URI) (transport.Flow, error) {
		f, err := numeric(u)
		if err != nil {
			return f, err
		}
		if f.Remote == p.echo.addr || slices.Contains(p.cfg.Edges, f.Remote) || slices.Contains(p.cfg.PlainEdges, f.Remote) {
			return f, nil
		}
		return f, fmt.Errorf("%w: %v is no edge of ours", proxy.ErrUnresolved, f.Remote)
	}
}

// Checks are the conditions under which this proxy is ready, by name.
func (p *Proxy) Checks() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"database": p.Ping,
		"records":  func(context.Context) error { return p.stores.Recorder.Ready() },
		"registrations": func(ctx context.Context) error {
			_, err := p.stores.Bindings.Lookup(ctx, nil, "readyz@invalid", p.env.Now())
			return err
		},
	}
}

// Ping asks the database for a sign of life.
func (p *Proxy) Ping(ctx context.Context) error { return p.stores.Directory.Ping(ctx) }

// Addr is the bound SIP address.
func (p *Proxy) Addr() netip.AddrPort { return p.endpoint.Listener(0).Addr }

// Run serves until ctx is done. Calls end first, then the sockets close, then
// the records of those calls are on their way or on disk.
func (p *Proxy) Run(ctx context.Context) error {
	// Each stage outlives the one before it: shards hang up while the sockets
	// and the media relay still work.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	calls, end := context.WithCancel(ctx)
	defer end()
	sockets, broken := errgroup.WithContext(below)
	sockets.Go(func() error { return p.endpoint.Serve(broken, p.pool) })
	sockets.Go(func() error { return p.media.Run(broken) })
	sockets.Go(func() error { return p.echo.run(broken) })
	sockets.Go(func() error { p.watchMedia(broken); return nil })
	context.AfterFunc(broken, end) // without one of them nothing works any more
	err := p.pool.Run(calls)
	select {
	case <-broken.Done():
	case <-time.After(100 * time.Millisecond): // BYEs and their answers cross the network
	}
	stop()
	return errors.Join(err, sockets.Wait())
}

// watchMedia ends calls whose media have ended.
func (p *Proxy) watchMedia(ctx context.Context) {
	for e := range p.media.Events(ctx) {
		if e.Kind != relay.MediaTimeout {
			continue
		}
		running, ok := p.calls.Find(e.CallID) // the relay knows calls by their own id
		if !ok {
			continue
		}
		err := p.pool.Do(ctx, running.CallID, func(now time.Time, c shard.Core) {
			c.(*call.Core).End(now, running.ID, dialog.CauseMediaTimeout)
		})
		if err != nil {
			return
		}
	}
}

// Close gives the sockets back when Run was never called.
func (p *Proxy) Close() error {
	var err error
	if p.endpoint != nil {
		err = p.endpoint.Close()
	}
	if p.echo != nil {
		err = errors.Join(err, p.echo.endpoint.Close())
	}
	return err
}
