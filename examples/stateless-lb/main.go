// Command stateless-lb is a SIP edge in front of proxies. It keeps nothing of a call: restart it, or run many.
//
//	stateless-lb -listen 192.0.2.1:5060 -internal 10.0.0.1:5070 -proxy 10.0.0.11:5060 -proxy 10.0.0.12:5060
package main

import (
	"context"
	"errors"
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
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "stateless-lb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var access, internal netip.AddrPort
	var proxies []relay.Target
	f := flag.NewFlagSet("stateless-lb", flag.ContinueOnError)
	f.TextVar(&access, "listen", netip.MustParseAddrPort("127.0.0.1:5060"), "`address` for phones, UDP and TCP")
	f.TextVar(&internal, "internal", netip.MustParseAddrPort("127.0.0.1:5070"), "`address` for proxies, UDP")
	secret := f.String("secret", "change this: it signs the tokens", "16 octets or more, the same on all edges")
	f.Func("proxy", "`address` of a proxy, UDP; may be repeated", func(s string) error {
		addr, err := netip.ParseAddrPort(s)
		proxies = append(proxies, relay.Target{Addr: addr})
		return err
	})
	errFlags := f.Parse(args)
	targets, errTargets := relay.NewTargets(nil, proxies...)
	keys, errKeys := token.New(token.Key{ID: 1, Secret: []byte(*secret)})
	if err := errors.Join(errFlags, errTargets, errKeys); err != nil {
		return err
	}
	endpoint, err := transport.Listen(ctx, transport.Config{Listeners: []transport.ListenerConfig{
		{Protocol: transport.UDP, Addr: access}, {Protocol: transport.TCP, Addr: access}, {Protocol: transport.UDP, Addr: internal, Internal: true}}})
	if err != nil {
		return err
	}
	edge, err := relay.New(relay.Config{Listeners: relay.Listeners(endpoint.Listeners()), Ring: keys, Dispatch: targets, Alive: endpoint.Alive})
	if err != nil {
		return errors.Join(err, endpoint.Close())
	}
	fmt.Fprintln(out, "phones:", endpoint.Listener(0).Addr, "udp,", endpoint.Listener(1).Addr, "tcp; proxies:", endpoint.Listener(2).Addr, "udp")
	return endpoint.Serve(ctx, edge)
}
