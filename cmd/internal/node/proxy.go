package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cmd/internal/call"
	"github.com/class5-go/class5/cmd/internal/prepaid"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/relay"
	"github.com/class5-go/class5/sip/dialog"
	"github.com/class5-go/class5/sip/digest"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/registrar"
	"github.com/class5-go/class5/sip/routing"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

// Proxy is a stateful core with its media relay, its test-number application
// and the way of its records into the database.
type Proxy struct {
	env      Env
	cfg      ProxyConfig
	stores   *Stores
	endpoint *transport.Endpoint
	pool     *shard.Pool
	media    *proxyMedia
	echo     *echo
	shared   *call.Shared
	calls    *dialog.Registry
	edges    *edges
	local    *overload.Local
	oc       *overload.Server // nil: nothing is told of our load
	credit   *prepaid.Credit
	beeps    *play.Prompt // that its credit ends soon

	certificates *transport.Certificates // nil without TLS
}

// NewProxy binds a proxy. Nothing runs before Run.
func NewProxy(ctx context.Context, cfg ProxyConfig, env Env, stores *Stores) (*Proxy, error) {
	p := &Proxy{env: env, cfg: cfg, stores: stores, calls: &dialog.Registry{}, beeps: beeps()}
	if err := p.bind(ctx); err != nil {
		_ = p.Close()
		return nil, err
	}
	if err := p.share(); err != nil {
		_ = p.Close()
		return nil, err
	}
	p.pool = shard.New(shard.Config{Shards: cfg.Shards, Now: env.Now, Endpoint: p.endpoint},
		func(_ int, send *shard.Sender) shard.Core {
			return call.New(p.shared, (&outlet{p: p, send: send.Send}).Send)
		})
	env.Metrics.MustRegister(p.metrics(), p.shared.Stats, transportMetrics("proxy", p.endpoint), shardMetrics(p.pool), p.media.metrics(),
		gauge("calls", "Calls in progress.", func() float64 { return float64(p.calls.Len()) }))
	return p, nil
}

func (p *Proxy) bind(ctx context.Context) error {
	listeners, err := p.listeners()
	if err != nil {
		return err
	}
	tc := transport.Config{Logger: p.env.Log, Now: p.env.Now, Listeners: listeners}
	if p.env.Capture != nil {
		tc.Tap = tap(p.env, "proxy", func(transport.Flow) bool { return true })
	}
	if p.endpoint, err = transport.Listen(ctx, tc); err != nil {
		return bindError(err)
	}
	if err := p.bindMedia(ctx); err != nil {
		return err
	}
	if p.echo, err = newEcho(ctx, p.cfg, p.env); err != nil {
		return err
	}
	p.local = overload.NewLocal(overload.LocalConfig{})
	p.local.Hold(p.cfg.Overload.Loss)
	if o := p.cfg.Overload; !o.Off {
		p.oc = overload.NewServer(p.local, overload.ServerConfig{Rate: o.Rate, Validity: o.Validity})
	}
	return p.newEdges()
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
	emergency, err := p.cfg.emergency()
	if err != nil {
		return err
	}
	services, err := p.cfg.services()
	if err != nil {
		return err
	}
	router := routing.New(p.stores.Reader)
	router.Services = services
	router.Emergency, router.Peers = emergency.Matches, p.stores.Reader
	self := p.endpoint.Listener(0).Addr
	profiles, err := p.cfg.Media.policy()
	if err != nil {
		return err
	}
	digits, err := p.cfg.Media.digits()
	if err != nil {
		return err
	}
	p.shared = &call.Shared{
		Node: p.env.Node, Self: self, Edge: p.edge, Resolve: p.edges.resolve,
		Registrar: reg, Bindings: p.stores.Bindings, Digest: auth,
		Directory: p.stores.Reader, Router: router, Peering: p.stores.Reader, Outside: p.edges.outside,
		Apps:  map[string]string{"announce": p.echo.contact},
		Media: p.media.calls, Profiles: profiles, Digits: digits, Keys: p.media.keys, DigitsTo: p.media.digits.addr(), Events: p.stores.Recorder, Calls: p.calls,
		Credit: p.openCredit(), Watch: p.stores.Watch, Warn: p.warn,
		Sign: func(dst, id, callID []byte) []byte {
			return p.env.Keys.Sign(dst, token.RecordRoute, id, callID)
		},
		Verify: func(sig, id, callID []byte) bool {
			return p.env.Keys.Verify(sig, token.RecordRoute, id, callID) == nil
		},
		Interim: p.cfg.interim(), Log: p.env.Log, Stats: call.NewStats(),
	}
	if p.media.remote != nil {
		p.shared.Beside = p.beside
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
	if here := p.media.here; here != nil { // before calls want their ports
		here.restore(ctx, p.cfg.Media.RelayConfig, p.env)
	}
	// Each stage outlives the one before it: shards hang up while the sockets
	// and the media relay still work.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	calls, end := context.WithCancel(ctx)
	defer end()
	sockets, broken := errgroup.WithContext(below)
	sockets.Go(func() error { return p.endpoint.Serve(broken, p) })
	sockets.Go(func() error { p.edges.run(broken); return nil })
	sockets.Go(func() error { p.sampleLoad(broken); return nil })
	sockets.Go(func() error { return p.media.run(broken) })
	sockets.Go(func() error { return p.echo.run(broken) })
	sockets.Go(func() error { p.watchMedia(broken); return nil })
	sockets.Go(func() error { return p.reported(broken) })
	context.AfterFunc(broken, end) // without one of them nothing works any more
	err := p.pool.Run(calls)
	if p.media.remote != nil {
		p.media.settle()
	}
	p.settle(ctx)
	select {
	case <-broken.Done():
	case <-time.After(100 * time.Millisecond): // BYEs and their answers cross the network
	}
	stop()
	return errors.Join(err, sockets.Wait())
}

// sampleLoad measures how busy this process is: its share of the processors and
// how long messages wait for their shard.
func (p *Proxy) sampleLoad(ctx context.Context) {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	meter := newCPUMeter()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.local.Sample(p.env.Now(), p.pool.Delay(), meter.share())
		}
	}
}

// watchMedia ends calls whose media have ended.
func (p *Proxy) watchMedia(ctx context.Context) {
	if p.media.here == nil {
		return // relays elsewhere end their sessions; calls end by signalling and session timers
	}
	for e := range p.media.here.Events(ctx) {
		if e.Kind == relay.Digit {
			p.heard(ctx, &e)
		}
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
	if p.media != nil {
		err = errors.Join(err, p.media.digits.close())
	}
	return err
}
