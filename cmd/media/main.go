// Command media runs a media relay that SIP proxies elsewhere drive over the
// control protocol of rtpengine. It reads a configuration file, or takes the
// options that rtpengine is commonly started with. With the word upgrade before
// -config it goes on with the calls of the process that runs: see media:
// upgrade in the configuration.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/class5-go/class5/cmd/internal/node"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// What lives is small, 10 KiB a call, and of the 20 KiB that setting one up takes
		// half is left behind. While a collection lasts its workers take each processor
		// that idles, so that offers, and whoever sends them from the same host, wait for
		// some milliseconds: it happens four times less often than by default.
		debug.SetGCPercent(400)
	}
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(args []string, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "upgrade" { // go on with what the running process does
		return node.Succeed("media", args[1:], stderr, build)
	}
	if !foreign(args) {
		return node.Main("media", args, stderr, build)
	}
	file, err := translate(args, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "media: %v\n", err)
		return 2
	}
	defer os.Remove(file)
	return node.Main("media", []string{"-config", file}, stderr, build)
}

// foreign tells whether the options are those of rtpengine.
func foreign(args []string) bool {
	for _, a := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if strings.HasPrefix(a, "-") && name != "config" && name != "h" && name != "help" {
			return true
		}
	}
	return false
}

func build(ctx context.Context, cfg *node.Config, env node.Env, admin *node.Admin) (node.Part, error) {
	env.Capture = nil // nothing of SIP passes here
	m, err := node.NewMediaNode(ctx, cfg.Media, env)
	if err != nil {
		return nil, err
	}
	m.Mount(admin)
	return m, nil
}
