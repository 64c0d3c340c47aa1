// Command ng-server is a media relay that Kamailio or OpenSIPS drives as if it were rtpengine.
//
//	ng-server -media 192.0.2.1 -control 127.0.0.1:2223
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/relay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "ng-server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var media netip.Addr
	var control netip.AddrPort
	f := flag.NewFlagSet("ng-server", flag.ContinueOnError)
	f.TextVar(&media, "media", netip.MustParseAddr("127.0.0.1"), "`address` for RTP, ports 30000 to 40000")
	f.TextVar(&control, "control", netip.MustParseAddrPort("127.0.0.1:2223"), "`address` for the control protocol, UDP; clients on this host only")
	if err := f.Parse(args); err != nil {
		return err
	}
	// What listens for control must never be sent media, whatever a description says.
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{{Addr: media}}, Control: []netip.AddrPort{control}})
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(control))
	if err != nil {
		return err
	}
	server := ng.NewServer(ngrelay.NewHandler(r, ngrelay.Config{}), ng.Config{})
	fmt.Fprintln(out, "control:", conn.LocalAddr(), "media:", media)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Run(ctx) })
	g.Go(func() error { return server.ServeUDP(ctx, conn) })
	return g.Wait()
}
