// Command web runs panel and API from a configuration file. In an empty
// database it makes a domain, a billing profile and an administrator, whose
// password it prints once.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/cmd/internal/node"
)

func main() { os.Exit(node.Main("web", os.Args[1:], os.Stderr, build)) }

func build(ctx context.Context, cfg *node.Config, env node.Env, admin *node.Admin) (node.Part, error) {
	secret, err := node.Secret("web: token", cfg.Web.Token)
	if err != nil {
		return nil, err
	}
	store, err := node.OpenDirectory(ctx, cfg.Store, env)
	if err != nil {
		return nil, err
	}
	var sources []live.Source
	for _, url := range cfg.Web.Proxies {
		sources = append(sources, live.NewClient(url, secret, &http.Client{Timeout: 3 * time.Second}))
	}
	web, err := node.NewWeb(ctx, cfg.Web, env, store, live.Join(sources...))
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	// Last, since the password that it makes is shown once: a start that fails
	// must leave a first start to come.
	first, err := store.Bootstrap(ctx, directory.BootstrapOptions{Domain: cfg.Web.Domain})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("first start: %w", err), web.Close(), store.Close())
	}
	if first.First {
		fmt.Printf("first start; this password is shown once:\n  administrator  %-8s  %s\n", first.Admin.Name, first.AdminPassword.Reveal())
	}
	admin.Check("database", store.Ping)
	return closing{web, store}, nil
}

// closing gives the database back with the listener.
type closing struct {
	*node.Web
	store *directory.Store
}

func (c closing) Close() error {
	_ = c.Web.Close() // it was closed by Run, if that was called
	return c.store.Close()
}
