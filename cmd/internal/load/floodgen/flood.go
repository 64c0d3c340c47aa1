package floodgen

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/sip/transport"
)

// Config of a Flood.
type Config struct {
	Target  netip.AddrPort // UDP
	Kind    Kind
	Rate    float64 // datagrams a second
	Sources int     // addresses they come from, 1 to 250; default 16
}

// Flood is one flood. Make it with New.
type Flood struct {
	cfg      Config
	texts    []string
	endpoint *transport.Endpoint
	sent     atomic.Uint64
	answers  atomic.Uint64
}

// New binds the sockets, each on an address of its own from 127.9.0.1 on, so
// that whoever bans sources does not ban others.
func New(ctx context.Context, cfg Config) (*Flood, error) {
	if cfg.Sources == 0 {
		cfg.Sources = 16
	}
	if cfg.Sources < 1 || cfg.Sources > 250 || cfg.Rate <= 0 {
		return nil, fmt.Errorf("floodgen: %d sources, %g datagrams a second", cfg.Sources, cfg.Rate)
	}
	texts, err := cfg.Kind.texts()
	if err != nil {
		return nil, err
	}
	listeners := make([]transport.ListenerConfig, cfg.Sources)
	for i := range listeners {
		listeners[i] = transport.ListenerConfig{
			Protocol: transport.UDP, Batch: 64, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 9, 0, byte(i + 1)}), 0),
		}
	}
	e, err := transport.Listen(ctx, transport.Config{Listeners: listeners})
	if err != nil {
		return nil, err
	}
	return &Flood{cfg: cfg, texts: texts, endpoint: e}, nil
}

// Sent is the number of datagrams that were given to the kernel so far.
func (f *Flood) Sent() uint64 { return f.sent.Load() }

// Answers is the number of datagrams that came back so far.
func (f *Flood) Answers() uint64 { return f.answers.Load() }

// tick is the pace: what is due is sent in one go.
const tick = time.Millisecond

// Run sends until ctx is done, and closes the sockets.
func (f *Flood) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return f.endpoint.Serve(ctx, transport.HandlerFunc(func(batch []transport.Packet, _ *transport.Outbox) {
			f.answers.Add(uint64(len(batch)))
		}))
	})
	g.Go(func() error { f.send(ctx); return nil })
	return g.Wait()
}

func (f *Flood) send(ctx context.Context) {
	out := f.endpoint.Outbox()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	flow := transport.Flow{Protocol: transport.UDP, Remote: f.cfg.Target}
	start, n := time.Now(), uint64(0)
	for ctx.Err() == nil {
		due := uint64(time.Since(start).Seconds() * f.cfg.Rate)
		if late := uint64(f.cfg.Rate / 20); due > n+late {
			start = start.Add(time.Duration(float64(due-n-late) / f.cfg.Rate * 1e9)) // not let run: do not make up for it
			due = n + late
		}
		flow.Listener = uint8(n / 64 % uint64(f.cfg.Sources))
		for ; n < due; n++ {
			b := append(out.Buffer(), f.texts[n%uint64(len(f.texts))]...)
			if out.Send(flow, number(b, n)) == nil {
				f.sent.Add(1)
			}
		}
		out.Flush()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}
