package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run serves until ctx is done, or the next process has taken over. Sessions
// that are kept go on in the next process.
func (m *MediaNode) Run(ctx context.Context) (err error) {
	if in := m.env.Inherit; in == nil {
		m.relay.restore(ctx, m.cfg.RelayConfig, m.env)
	} else {
		n, err := in.receive(ctx, m.relay.Relay, m.server)
		if err != nil {
			return fmt.Errorf("taking over: %w", err)
		}
		in.sockets.Close()
		m.env.Log.Info("media sessions of the process before go on", "sessions", n)
	}
	if m.upgrader, err = newUpgrader(ctx, m.cfg.Upgrade, m.env.Inherit != nil); err != nil {
		if m.env.Inherit == nil {
			return err
		}
		m.env.Log.Error("the next process cannot take over", "error", err) // the calls matter more
	}
	g, ctx := errgroup.WithContext(ctx)
	ctx, end := context.WithCancel(ctx)
	defer end()
	if m.env.Inherit != nil {
		g.Go(func() error { serveLate(ctx, m.env.Inherit.conn, m.server); return nil })
	}
	g.Go(func() error { return m.relay.Run(ctx) })
	g.Go(func() error { m.watch(ctx); return nil })
	retire := m.serve(ctx, g)
	var next *successor
	var replies sync.WaitGroup
	if m.upgrader != nil {
		g.Go(func() error {
			if next = m.upgrader.run(ctx, m); next != nil {
				replies.Go(next.run)
				retire()
				m.linger(ctx)
				end()
			}
			return nil
		})
	}
	err = g.Wait()
	if next != nil {
		m.linger(context.WithoutCancel(ctx)) // the last commands are answered
		_ = next.conn.Close()
		replies.Wait()
	}
	return err
}

// serve answers clients. retire leaves the listeners to the next process.
func (m *MediaNode) serve(ctx context.Context, g *errgroup.Group) (retire func()) {
	listening, stop := context.WithCancel(ctx)
	for _, c := range m.udp {
		g.Go(func() error { return m.server.ServeUDP(listening, c) })
	}
	for _, l := range m.streams {
		g.Go(func() error { return m.server.ServeTCP(ctx, l) })
	}
	h := m.server.HTTPHandler()
	for _, l := range m.web {
		g.Go(func() error { return serveHTTP(ctx, listening.Done(), l, h, m.env.Log) })
	}
	return func() {
		stop()
		for _, l := range m.streams {
			_ = l.Close()
		}
		if m.admin != nil {
			m.admin.Retire()
		}
	}
}

// linger waits until no client is connected any more, for a while.
func (m *MediaNode) linger(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingering)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			if m.server.Connections() == 0 {
				cancel()
			}
		}
	}
}
