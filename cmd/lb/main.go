// Command lb runs a stateless SIP edge from a configuration file.
package main

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"

	"github.com/class5-go/class5/cmd/internal/node"
)

func main() { os.Exit(node.Main("lb", os.Args[1:], os.Stderr, build)) }

func build(ctx context.Context, cfg *node.Config, env node.Env, _ *node.Admin) (node.Part, error) {
	if err := cfg.KeyRing(&env); err != nil {
		return nil, err
	}
	env.Capture = nil // ladders are the proxies' business: an edge keeps nothing
	var certificate *tls.Certificate
	if len(cfg.LB.Hosts) > 0 {
		c, err := node.Certificate(filepath.Dir(cfg.Keys), cfg.LB.Hosts, env.Now())
		if err != nil {
			return nil, err
		}
		certificate = &c
	}
	return node.NewLB(ctx, cfg.LB, env, certificate)
}
