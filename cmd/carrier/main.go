// Command carrier runs a whole platform in one process: edge, proxy, media
// relay, test number, billing, panel and API, with embedded stores. It needs
// no configuration file:
//
//	carrier --demo
//
// makes two subscribers and a test number on its first start and prints what
// to type into two phones.
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
	"strings"
	"syscall"

	"github.com/class5-go/class5/cmd/internal/node"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its exit code: 0 after a signal, 2 for what the operator
// can mend by another command line, 1 for the rest.
func run(args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = carry(ctx, opts, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, node.ErrConfig):
		fmt.Fprintln(stderr, "carrier:", err)
		return 2
	}
	fmt.Fprintln(stderr, "carrier:", err)
	return 1
}

func carry(ctx context.Context, opts node.CarrierOptions, stdout io.Writer) error {
	c, err := node.NewCarrier(ctx, opts)
	if err != nil {
		return err
	}
	c.Announce(stdout)
	return c.Run(ctx)
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (node.CarrierOptions, error) {
	var o node.CarrierOptions
	var address, advertise, algorithms, relays, profiles, digits, emergency, dns string
	f := flag.NewFlagSet("carrier", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.Data, "data", "class5-data", "directory for database, records and keys")
	f.BoolVar(&o.Demo, "demo", false, "on the first start make two subscribers and a test number, and print their passwords")
	f.StringVar(&address, "address", "0.0.0.0", "IP address to listen on for SIP")
	f.StringVar(&advertise, "advertise", "", "IP address that phones reach this machine by (default: found out)")
	f.StringVar(&o.Domain, "domain", "", "SIP domain made on the first start (default: the advertised address)")
	f.IntVar(&o.SIPPort, "sip-port", 5060, "port for SIP over UDP and TCP")
	f.IntVar(&o.TLSPort, "tls-port", 5061, "port for SIP over TLS")
	f.IntVar(&o.WSPort, "ws-port", 5080, "port for SIP over WebSocket; the next one is for secure WebSocket")
	f.IntVar(&o.InternalPort, "internal-port", 5062, "first of five loopback ports between edge, proxy and test number")
	f.IntVar(&o.RTPMin, "rtp-min", 30000, "first RTP port")
	f.IntVar(&o.RTPMax, "rtp-max", 40000, "last RTP port")
	f.StringVar(&relays, "media-relays", "", "URLs of media relays elsewhere (cmd/media, rtpengine) in place of the one in this process, such as udp://127.0.0.1:2223")
	f.StringVar(&profiles, "media-profiles", "", "how media are offered, by transport or subscriber, such as tls=savp,bob@example.com=dtls; avp, osrtp, savp, dtls, webrtc or same")
	f.StringVar(&digits, "dtmf", "", "how digits are said, by transport, domain, subscriber or peer, such as bob@example.com=info,peer:carrier=rtp; pass, info, rtp or block")
	f.Func("dtmf-listen", "address and UDP port where media relays elsewhere report digits, for parties that want INFO", func(s string) (err error) {
		o.DTMFListen, err = netip.ParseAddrPort(s)
		return err
	})
	f.StringVar(&o.MediaState, "media-state", "", "where media of running calls survive this process: a directory, or redis://host:port (rediss: over TLS, unix://); there are keys in it")
	f.StringVar(&o.MediaStateName, "media-state-name", "", "name of this carrier among those whose media states are in the same Redis (default: carrier)")
	f.StringVar(&o.Exports, "exports", "", "YAML file with a section exports: files of the call records for others")
	f.StringVar(&o.Web, "web", "127.0.0.1:8080", "address of panel and API")
	f.StringVar(&o.Admin, "admin", "127.0.0.1:9090", "address of metrics, health and profiles")
	f.StringVar(&algorithms, "digest", "md5", "digest algorithms to offer, strongest first: sha-256,md5 for phones that know both")
	f.StringVar(&emergency, "emergency", "", "numbers of emergency services, such as 112,144: neither locks nor credit keep a call from them")
	f.StringVar(&dns, "dns", "", "DNS servers such as 192.0.2.53:53, by which the gateways of foreign networks (peers) are found; without one no call goes there")
	f.StringVar(&o.LogLevel, "log", "warn", "least level logged: debug, info, warn or error")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stderr)
			fmt.Fprintln(stderr, "usage: carrier [flags]")
			f.PrintDefaults()
			return o, err
		}
		return o, fmt.Errorf("%w: %w", node.ErrConfig, err)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%w: unexpected argument %q", node.ErrConfig, f.Arg(0))
	}
	o.Digest = strings.Split(algorithms, ",")
	o.Emergency = strings.FieldsFunc(emergency, func(r rune) bool { return r == ',' })
	for url := range strings.FieldsFuncSeq(relays, func(r rune) bool { return r == ',' }) {
		o.MediaRelays = append(o.MediaRelays, node.RemoteConfig{URL: url})
	}
	for server := range strings.FieldsFuncSeq(dns, func(r rune) bool { return r == ',' }) {
		a, err := netip.ParseAddrPort(server)
		if err != nil {
			return o, fmt.Errorf("%w: --dns: %w", node.ErrConfig, err)
		}
		o.DNS = append(o.DNS, a)
	}
	o.MediaProfiles, o.DTMF = pairs(profiles), pairs(digits)
	var err error
	if o.Listen, err = netip.ParseAddr(address); err != nil {
		return o, fmt.Errorf("%w: --address: %w", node.ErrConfig, err)
	}
	if o.Advertise, err = advertised(advertise, o.Listen); err != nil {
		return o, fmt.Errorf("%w: --advertise: %w", node.ErrConfig, err)
	}
	return o, nil
}

// pairs reads "whom=what,…".
func pairs(list string) map[string]string {
	m := map[string]string{}
	for p := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' }) {
		whom, what, _ := strings.Cut(p, "=")
		m[whom] = what
	}
	return m
}

// advertised is the address given, the one listened on, or the first of this
// machine that others can reach.
func advertised(given string, listen netip.Addr) (netip.Addr, error) {
	if given != "" {
		return netip.ParseAddr(given)
	}
	if !listen.IsUnspecified() {
		return listen, nil
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ip = ip.Unmap()
		if ok && ip.Is4() == listen.Is4() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			return ip, nil
		}
	}
	if listen.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	return netip.IPv6Loopback(), nil
}
