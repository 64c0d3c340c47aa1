package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/cmd/internal/geo"
	"github.com/class5-go/class5/sip/capture"
	"github.com/class5-go/class5/sip/dispatch"
	"github.com/class5-go/class5/sip/guard"
	"github.com/class5-go/class5/sip/guard/xdp"
	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/relay"
	siptap "github.com/class5-go/class5/sip/tap"
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
	// Args are those of the command, for one that starts its successor. Sockets
	// are its listeners, Inherit what the process before hands over; both may be
	// nil.
	Args    []string
	Sockets *Sockets
	Inherit *Inheritance
}

// LB is a stateless edge.
type LB struct {
	cfg          LBConfig
	env          Env
	endpoint     *transport.Endpoint
	relay        *relay.Relay
	table        []relay.Listener
	pool         *dispatch.Pool
	prober       *dispatch.Prober // nil: health is not asked for
	guard        *guard.Guard     // nil: everybody is let in
	control      *overload.Control
	local        *overload.Local
	repair       *relay.Repair
	inside       *relay.Streams
	certificates *transport.Certificates // nil without TLS
	tickets      *transport.TicketKeys
	tap          *siptap.Tap
	peers        *peers      // nil: no way out but to clients and proxies
	anchor       *geo.Anchor // nil: media is the proxies' business
	kernel       []*xdp.List

	latency *latency

	mu sync.Mutex // for Reload
}

// NewLB binds the listeners of an edge. certificates are shown by TLS and WSS
// listeners and may be nil without them.
func NewLB(ctx context.Context, cfg LBConfig, env Env, certificates *transport.Certificates) (*LB, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	l := &LB{cfg: cfg, env: env, certificates: certificates, latency: newLatency()}
	for _, step := range []func(context.Context) error{l.makeDispatch, l.bind, l.makeParts, l.makeRelay, l.makeKernel} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	env.Metrics.MustRegister(transportMetrics("lb", l.endpoint), relayMetrics(l.relay, l.table), l.metrics(), l.latency)
	return l, nil
}

// Internal is the address that proxies know the edge by.
func (l *LB) Internal() netip.AddrPort { return l.endpoint.Listener(0).Advertised }

// Listeners describes what is bound.
func (l *LB) Listeners() []transport.ListenerInfo { return l.endpoint.Listeners() }

// Run relays until ctx is done.
func (l *LB) Run(ctx context.Context) error {
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { l.relay.Run(beside, l.endpoint.Outbox()) })
	for _, p := range l.cfg.Proxies {
		l.inside.Stream(p.Addr, 0) // from now on a connection is wanted
	}
	wg.Go(func() { l.inside.Run(beside) })
	if l.prober != nil {
		wg.Go(func() { _ = l.prober.Run(beside) }) // it ends with its context only
	}
	wg.Go(func() { l.sampleLoad(beside) })
	if l.tap != nil {
		wg.Go(func() { _ = l.tap.Run(beside) }) // sinks that fail are logged and counted
	}
	if len(l.kernel) > 0 {
		wg.Go(func() { l.syncKernel(beside) })
	}
	if l.anchor != nil {
		wg.Go(func() { l.anchor.Run(beside) })
	}
	err := l.endpoint.Serve(ctx, l)
	stop()
	wg.Wait()
	return errors.Join(err, l.Close())
}

// Close gives the sockets back when Run was never called, and the rest in any
// case.
func (l *LB) Close() error {
	var err error
	if l.endpoint != nil {
		err = l.endpoint.Close()
	}
	if l.peers != nil {
		err = errors.Join(err, l.peers.close())
	}
	if l.anchor != nil {
		l.anchor.Close()
	}
	for _, k := range l.kernel {
		err = errors.Join(err, k.Close())
	}
	l.kernel = nil
	return err
}

// ServeSIP implements transport.Handler: the answers of proxies to our
// questions are the prober's, the rest the relay's.
func (l *LB) ServeSIP(batch []transport.Packet, out *transport.Outbox) {
	inside := l.table[batch[0].Flow.Listener].Internal
	if l.prober == nil || !inside {
		l.latency.relayed(l.relay, inside, batch, out, l.env.Now)
		return
	}
	first := 0
	for i := range batch {
		if l.prober.Datagram(batch[i].Data, batch[i].Flow.Remote) {
			if first < i {
				l.latency.relayed(l.relay, inside, batch[first:i], out, l.env.Now)
			}
			first = i + 1
		}
	}
	if first < len(batch) {
		l.latency.relayed(l.relay, inside, batch[first:], out, l.env.Now)
	}
}

// unreachable hears of ICMP errors.
func (l *LB) unreachable(_ uint8, remote netip.AddrPort) { l.pool.Unreachable(l.env.Now(), remote) }

// sampleLoad measures how busy this process is: its share of the processors.
func (l *LB) sampleLoad(ctx context.Context) {
	const every = 100 * time.Millisecond
	t := time.NewTicker(every)
	defer t.Stop()
	meter := newCPUMeter()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.local.Sample(l.env.Now(), 0, meter.share())
		}
	}
}

// syncKernel hands the ban set to the kernel.
func (l *LB) syncKernel(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	said := make([]string, len(l.kernel))
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		bans := l.guard.Bans(l.env.Now())
		for i, k := range l.kernel {
			before := k.Mode()
			l.tellBehind(&said[i], l.cfg.Guard.XDP[i], k.Sync(bans))
			if k.Mode() != before {
				l.tellKernel(l.cfg.Guard.XDP[i], k)
			}
		}
	}
}

// tellBehind logs when a drop list is not what it should be, once for each reason,
// and when it is again.
func (l *LB) tellBehind(said *string, name string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == *said:
	case err != nil:
		l.env.Log.Warn("the kernel's drop list is behind", "interface", name, "error", err)
	default:
		l.env.Log.Info("the kernel's drop list is complete again", "interface", name)
	}
	*said = text
}

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
