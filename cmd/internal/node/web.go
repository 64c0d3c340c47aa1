package node

import (
	"context"
	"errors"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cluster/api/login"
	"github.com/class5-go/class5/cluster/api/native"
	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/cluster/panel"
)

// Web is panel and API.
type Web struct {
	env      Env
	listener net.Listener
	panel    *panel.Panel
	handler  http.Handler
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
	mux.Handle(native.Base+"/", native.New(native.Config{Store: store, Live: source, Gate: gate, Log: env.Log}))
	mux.Handle("/", p)
	l, err := listen(ctx, cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &Web{env: env, listener: l, panel: p, handler: mux}, nil
}

// Addr is the bound address.
func (w *Web) Addr() string { return w.listener.Addr().String() }

// Run serves until ctx is done.
func (w *Web) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.panel.Run(ctx) })
	g.Go(func() error { return serveHTTP(ctx, w.listener, w.handler, w.env.Log) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close gives the socket back when Run was never called.
func (w *Web) Close() error { return w.listener.Close() }
