package node

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/sip/app/announce"
	"github.com/class5-go/class5/sip/shard"
	"github.com/class5-go/class5/sip/transport"
)

// echo is the test number: a user agent on a socket of its own, to which the
// proxy routes as to any contact.
type echo struct {
	endpoint *transport.Endpoint
	pool     *shard.Pool
	player   *player
	addr     netip.AddrPort
	contact  string
}

func newEcho(ctx context.Context, cfg ProxyConfig, env Env) (*echo, error) {
	endpoint, err := transport.Listen(ctx, transport.Config{Logger: env.Log, Now: env.Now, Listeners: []transport.ListenerConfig{
		{Name: "announce", Protocol: transport.UDP, Addr: cfg.Echo, Internal: true},
	}})
	if err != nil {
		return nil, bindError(err)
	}
	e := &echo{endpoint: endpoint, addr: endpoint.Listener(0).Addr}
	e.contact = "sip:announce@" + e.addr.String()
	e.player, err = newPlayer(cfg.Media, env)
	if err != nil {
		_ = endpoint.Close()
		return nil, err
	}
	e.pool = shard.New(shard.Config{Shards: 2, Now: env.Now, Endpoint: endpoint}, func(_ int, send *shard.Sender) shard.Core {
		return announce.New(announce.Config{
			Send: send.Send, Contact: e.contact, Via: e.addr.String(), Player: e.player,
			Do: func(callID string, f func(time.Time)) {
				// A queue that stays full for a second belongs to calls that
				// end by themselves.
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				_ = e.pool.Do(ctx, callID, func(now time.Time, _ shard.Core) { f(now) })
			},
		})
	})
	return e, nil
}

func (e *echo) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.endpoint.Serve(ctx, e.pool) })
	g.Go(func() error { return e.pool.Run(ctx) })
	g.Go(func() error { return e.player.run(ctx) })
	return g.Wait()
}
