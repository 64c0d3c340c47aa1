package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/api/native"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/cluster/panel"
	"github.com/class5-go/class5/cmd/internal/rerating"
)

// Web is panel and API.
type Web struct {
	env      Env
	listener net.Listener
	panel    *panel.Panel
	handler  http.Handler
	store    *directory.Store
}

// NewWeb binds the web listener.
func NewWeb(ctx context.Context, cfg WebConfig, env Env, store *directory.Store, source live.Source) (*Web, error) {
	if err := needs("web: listen", cfg.Listen != ""); err != nil {
		return nil, err
	}
	gate, err := login.New(login.Config{Store: store, Secure: cfg.Secure, Now: env.Now})
	if err != nil {
		return nil, err
	}
	p, err := panel.New(panel.Config{Store: store, Live: source, Gate: gate, Docs: native.Base + "/docs", Now: env.Now, Log: env.Log})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(native.Base+"/", native.New(native.Config{
		Store: store, Live: source, Gate: gate, Log: env.Log,
		Rerater: &rerating.Rerating{Store: store, Node: env.Node, Now: env.Now, Log: env.Log},
	}))
	mux.Handle("/", p)
	l, err := listen(ctx, cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &Web{env: env, listener: l, panel: p, handler: mux, store: store}, nil
}

// Addr is the bound address.
func (w *Web) Addr() string { return w.listener.Addr().String() }

// Run serves until ctx is done.
func (w *Web) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.panel.Run(ctx) })
	g.Go(func() error { return serveHTTP(ctx, nil, w.listener, w.handler, w.env.Log) })
	g.Go(func() error { w.prune(ctx); return nil })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// changesKept is how long the log of changes reaches back: a reader that was
// away for longer forgets its cache.
const changesKept = 7 * 24 * time.Hour

// prune removes what nobody asks for any more, once an hour.
func (w *Web) prune(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		err := w.store.Sessions().Prune(ctx)
		if err == nil {
			_, err = w.store.PruneChanges(ctx, w.env.Now().Add(-changesKept))
		}
		if err != nil && ctx.Err() == nil {
			w.env.Log.Warn("old rows stay", "error", directory.Cause(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close gives the socket back when Run was never called.
func (w *Web) Close() error { return w.listener.Close() }
