// Command lb runs a stateless SIP edge from a configuration file.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/class5-go/class5/cmd/internal/node"
)

func main() { os.Exit(node.Main("lb", os.Args[1:], os.Stderr, build)) }

func build(ctx context.Context, cfg *node.Config, env node.Env, admin *node.Admin) (node.Part, error) {
	if err := cfg.KeyRing(&env); err != nil {
		return nil, err
	}
	env.Capture = nil // ladders are the proxies' business: an edge keeps nothing
	certificates, err := cfg.LB.LoadCertificates(filepath.Dir(cfg.Keys), env.Now())
	if err != nil {
		return nil, err
	}
	lb, err := node.NewLB(ctx, cfg.LB, env, certificates)
	if err != nil {
		return nil, err
	}
	lb.Mount(admin)
	return lb, nil
}
