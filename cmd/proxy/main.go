// Command proxy runs a stateful core (registrar, calls, media relay, records)
// from a configuration file.
package main

import (
	"context"
	"os"

	"github.com/class5-go/class5/cluster/live"
	"github.com/class5-go/class5/cmd/internal/node"
)

func main() { os.Exit(node.Main("proxy", os.Args[1:], os.Stderr, build)) }

func build(ctx context.Context, cfg *node.Config, env node.Env, admin *node.Admin) (node.Part, error) {
	if err := cfg.KeyRing(&env); err != nil {
		return nil, err
	}
	secret, err := node.Secret("proxy: token", cfg.Proxy.Token)
	if err != nil {
		return nil, err
	}
	p, err := node.NewProxyNode(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	admin.Handle("/live/", live.Handler(p.Live(), secret))
	admin.Handle("/quarantine", p.Quarantine())
	admin.Handle("/quarantine/", p.Quarantine())
	admin.CheckAll(p.Checks())
	return p, nil
}
