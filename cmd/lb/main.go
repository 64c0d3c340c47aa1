// Command lb runs a stateless SIP edge from a configuration file.
//
// The Go command compiles it with default.pgo, a profile of what it does most;
// that takes a tenth off the processor time it spends outside the kernel, and
// -pgo=off leaves it out. The profile keeps well while functions keep their names. To renew it, in the
// root of the module:
//
//	b="go run ./cmd/bench" o="-start ours -runs 1"
//	$b relay -window 256 $o -time 15s -profile 1
//	$b relay -window 4096 -rate 10000 $o -time 10s -profile 2
//	$b stream -protocol tcp -conns 1000 $o -time 8s -profile 3
//	$b stream -protocol tls -conns 1000 $o -time 8s -profile 4
//	$b flood -kind garbage $o -time 6s -profile 5
//	go tool pprof -proto 1 2 3 4 5 > cmd/lb/default.pgo
package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/class5-go/class5/cmd/internal/node"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// Relaying leaves no garbage, handshakes do: collected earlier, it does not make
		// the memory of many idle connections grow.
		debug.SetGCPercent(50)
	}
	os.Exit(node.Main("lb", os.Args[1:], os.Stderr, build))
}

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
	cfg.LB.TellSelfSigned(certificates, env.Log)
	lb.Mount(admin)
	return lb, nil
}
