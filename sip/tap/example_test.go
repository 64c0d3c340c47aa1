package tap_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
)

// One call in a hundred is recorded, and everything of one peer while it is
// being looked into.
func Example() {
	dir, err := os.MkdirTemp("", "tap")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	file, err := tap.NewFile(tap.FileConfig{Path: filepath.Join(dir, "sip.pcapng")})
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := tap.New(tap.Config{Sinks: []tap.Sink{file}, Filter: tap.Filter{Sample: 100}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- t.Run(ctx) }()

	cfg := transport.Config{Tap: t.Message} // and listeners

	_ = t.SetFilter(tap.Filter{Remotes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	flow := transport.Flow{Protocol: transport.TLS, Remote: netip.MustParseAddrPort("198.51.100.7:40112")}
	cfg.Tap(transport.Received, flow, []byte("OPTIONS sip:example.org SIP/2.0\r\n\r\n"), time.Now())

	stop()
	fmt.Println(<-done, t.Stats().Recorded)
	// Output: <nil> 1
}
