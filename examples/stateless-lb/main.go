// Command stateless-lb is a SIP edge in front of one or more proxies: it keeps
// nothing of a call, so it may be restarted at any moment, or run many times.
//
//	stateless-lb -listen 192.0.2.1:5060 -internal 10.0.0.1:5070 10.0.0.11:5060 10.0.0.12:5060
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stateless-lb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var access, internal netip.AddrPort
	f := flag.NewFlagSet("stateless-lb", flag.ContinueOnError)
	f.TextVar(&access, "listen", netip.MustParseAddrPort("127.0.0.1:5060"), "address for phones, UDP and TCP")
	f.TextVar(&internal, "internal", netip.MustParseAddrPort("127.0.0.1:5070"), "address for proxies, UDP")
	secret := f.String("secret", "change this: it signs the tokens", "at least 16 octets, the same on all edges")
	if err := f.Parse(args); err != nil {
		return err
	}
	targets, keys, err := parts(f.Args(), *secret)
	if err != nil {
		return err
	}
	endpoint, err := transport.Listen(ctx, transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: access}, {Protocol: transport.TCP, Addr: access}, {Protocol: transport.UDP, Addr: internal, Internal: true}}})
	if err != nil {
		return err
	}
	edge, err := relay.New(relay.Config{Listeners: relay.Listeners(endpoint.Listeners()), Ring: keys, Dispatch: targets, Alive: endpoint.Alive})
	if err != nil {
		return err
	}
	for _, l := range endpoint.Listeners() {
		fmt.Fprintln(out, l.Protocol, l.Addr)
	}
	return endpoint.Serve(ctx, edge)
}
