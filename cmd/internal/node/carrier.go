package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/class5-go/class5/cluster/directory"
	"github.com/class5-go/class5/sip/capture"
	"github.com/class5-go/class5/sip/transport"
)

// CarrierOptions are the command line of cmd/carrier.
type CarrierOptions struct {
	Data, Domain         string
	Demo                 bool
	Listen, Advertise    netip.Addr
	SIPPort, TLSPort     int
	WSPort, InternalPort int
	RTPMin, RTPMax       int
	Web, Admin, LogLevel string
	Digest, Emergency    []string // see ProxyConfig
	MediaRelays          []RemoteConfig
	MediaProfiles, DTMF  map[string]string // see MediaConfig
	DTMFListen           netip.AddrPort
	MediaState           string           // see RelayConfig.State
	MediaStateName       string           // of this carrier among the relays of a Redis
	DNS                  []netip.AddrPort // servers by which gateways of foreign networks are found
	Exports              string           // file with a section "exports"; see Config
}

// Carrier is edge, proxy and web in one process, with embedded stores.
type Carrier struct {
	opts   CarrierOptions
	env    Env
	first  directory.BootstrapResult
	admin  *Admin
	dir    *directory.Store
	stores *Stores
	lb     *LB
	proxy  *Proxy
	web    *Web
}

// NewCarrier opens stores and sockets: all of them or none.
func NewCarrier(ctx context.Context, o CarrierOptions) (*Carrier, error) {
	c := &Carrier{opts: o}
	if err := c.open(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Carrier) open(ctx context.Context) error {
	if err := c.opts.check(); err != nil {
		return err
	}
	log, err := (&Config{Log: c.opts.LogLevel, Node: "carrier"}).Logger()
	if err != nil {
		return err
	}
	if err := writable(c.opts.Data); err != nil {
		return err
	}
	if c.admin, err = NewAdmin(ctx, c.opts.Admin, nil); err != nil {
		return bindError(err)
	}
	c.env = Env{Node: "carrier", Log: log, Metrics: c.admin.Registry, Capture: capture.New(capture.Config{}), Now: time.Now}
	if err := c.openStores(ctx); err != nil {
		return err
	}
	if err := c.openNodes(ctx); err != nil {
		return err
	}
	return c.begin(ctx)
}

// begin makes what a first start makes. It comes last: passwords made before
// something else failed would never be shown.
func (c *Carrier) begin(ctx context.Context) error {
	var err error
	c.first, err = c.dir.Bootstrap(ctx, directory.BootstrapOptions{Domain: c.opts.Domain, Demo: c.opts.Demo})
	switch {
	case errors.Is(err, directory.ErrInvalid):
		return fmt.Errorf("%w: --domain: %w", ErrConfig, err)
	case err != nil:
		return fmt.Errorf("first start: %w", directory.Cause(err))
	}
	return nil
}

func (o *CarrierOptions) check() error {
	for _, p := range []struct {
		flag        string
		first, last int
	}{
		{"sip-port", o.SIPPort, o.SIPPort}, {"tls-port", o.TLSPort, o.TLSPort}, {"ws-port", o.WSPort, o.WSPort + 1},
		{"internal-port", o.InternalPort, o.InternalPort + 4}, {"rtp-min", o.RTPMin, o.RTPMin}, {"rtp-max", o.RTPMax, o.RTPMax},
	} {
		if p.first < 1 || p.last > 65535 {
			return fmt.Errorf("%w: --%s: %d is no port", ErrConfig, p.flag, p.first)
		}
	}
	if o.RTPMax < o.RTPMin+3 {
		return fmt.Errorf("%w: --rtp-max must be above --rtp-min", ErrConfig)
	}
	if o.Data == "" {
		return fmt.Errorf("%w: --data: a directory is needed", ErrConfig)
	}
	if o.Domain == "" {
		o.Domain = o.Advertise.WithZone("").String()
	}
	if !hostName(o.Domain) {
		return fmt.Errorf("%w: --domain: %q is no name of a host", ErrConfig, o.Domain)
	}
	return nil
}

// writable makes the data directory and tries it.
func writable(dir string) error {
	if err := MakeDir(dir); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return fmt.Errorf("%w: data directory can not be written: %w", ErrConfig, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (c *Carrier) openStores(ctx context.Context) error {
	cfg := StoreConfig{Data: c.opts.Data}
	var err error
	if c.dir, err = OpenDirectory(ctx, cfg, c.env); err != nil {
		return err
	}
	key, err := c.dir.Ensure(ctx, "edge/token-key", func() ([]byte, error) {
		b := make([]byte, 32)
		_, err := rand.Read(b)
		return b, err
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if c.env.Keys, err = Ring(key.Value); err != nil {
		return err
	}
	file := &Config{}
	if c.opts.Exports != "" {
		if file, err = Load(c.opts.Exports); err != nil {
			return err
		}
	}
	interims := ProxyConfig{Interim: carrierInterim}.interims(file.Exports)
	if c.stores, err = OpenStores(ctx, cfg, interims, c.env, c.dir); err != nil {
		return err
	}
	return c.stores.Export(file.Exports, c.env)
}

// carrierInterim is how often running calls are noted: an embedded database is
// used by few of them.
const carrierInterim = 5 * time.Second

func (c *Carrier) openNodes(ctx context.Context) error {
	o := c.opts
	internal := func(offset int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(o.InternalPort+offset))
	}
	var err error
	if c.proxy, err = NewProxy(ctx, ProxyConfig{
		Listen: internal(2), Edges: []netip.AddrPort{internal(0)}, Echo: internal(4), Digest: o.Digest, Interim: carrierInterim,
		Emergency: o.Emergency,
		Media: MediaConfig{
			Addr: o.Listen, Advertised: o.Advertise, Remote: o.MediaRelays, Profiles: o.MediaProfiles, DTMF: o.DTMF, DTMFListen: o.DTMFListen,
			RelayConfig: RelayConfig{
				State: o.MediaState, StateName: o.MediaStateName,
				PortMin: uint16(o.RTPMin), PortMax: uint16(o.RTPMax), AllowLoopback: o.Demo || o.Advertise.IsLoopback(),
			},
		},
	}, c.env, c.stores); err != nil {
		return err
	}
	cert, err := Certificate(o.Data, []string{o.Domain, o.Advertise.String()}, c.env.Now())
	if err != nil {
		return dirError(err)
	}
	at := func(protocol string, port int) ListenerConfig {
		return ListenerConfig{
			Protocol: protocol, Addr: netip.AddrPortFrom(o.Listen, uint16(port)), Advertised: netip.AddrPortFrom(o.Advertise, uint16(port)),
		}
	}
	if c.lb, err = NewLB(ctx, LBConfig{
		Listeners: []ListenerConfig{at("udp", o.SIPPort), at("tcp", o.SIPPort), at("tls", o.TLSPort), at("ws", o.WSPort), at("wss", o.WSPort+1)},
		Internal:  internal(0), Proxies: []ProxyTarget{{Addr: c.proxy.Addr()}}, Hosts: []string{o.Domain},
		Resolve: ResolveConfig{Servers: o.DNS},
	}, c.env, transport.NewCertificates(cert)); err != nil {
		return err
	}
	c.web, err = NewWeb(ctx, WebConfig{Listen: o.Web}, c.env, c.dir, c.proxy.Live())
	if err != nil {
		return err
	}
	c.admin.CheckAll(c.proxy.Checks())
	c.admin.Handle("/quarantine", c.stores.Quarantine())
	c.admin.Handle("/quarantine/", c.stores.Quarantine())
	c.lb.Mount(c.admin)
	return nil
}

// Announce prints where things are and, after a first start, the credentials
// that nobody can read again.
func (c *Carrier) Announce(w io.Writer) {
	o := c.opts
	fmt.Fprintf(w, "class5 carrier is ready\n")
	fmt.Fprintf(w, "  SIP    udp and tcp %s:%d, tls %d, ws %d, wss %d\n", o.Advertise, o.SIPPort, o.TLSPort, o.WSPort, o.WSPort+1)
	fmt.Fprintf(w, "  media  udp %s:%d-%d\n", o.Advertise, o.RTPMin, o.RTPMax)
	fmt.Fprintf(w, "  web    http://%s/   API http://%s/api/v1/docs\n", c.web.Addr(), c.web.Addr())
	fmt.Fprintf(w, "  admin  http://%s/metrics\n", c.admin.Addr())
	var shown []string
	if c.first.First {
		shown = append(shown, fmt.Sprintf("  administrator  %-8s  %s", c.first.Admin.Name, c.first.AdminPassword.Reveal()))
	}
	for _, d := range c.first.Demo {
		if d.Password == "" {
			continue
		}
		number := "-"
		if len(d.Subscriber.Numbers) > 0 {
			number = d.Subscriber.Numbers[0]
		}
		shown = append(shown, fmt.Sprintf("  subscriber     %-8s  %s  %s", d.Subscriber.Username, d.Password.Reveal(), number))
	}
	if len(shown) > 0 {
		fmt.Fprintf(w, "first start; these passwords are shown once (name, password, number):\n%s\n", strings.Join(shown, "\n"))
		if c.opts.Demo {
			fmt.Fprintf(w, "  phones: domain and registrar %s, port %d; call each other by name or number, or %s for the test number\n",
				c.first.Domain.Name, o.SIPPort, c.first.TestNumber)
		}
	}
}

// Run serves until ctx is done, then drains: calls are ended and recorded.
func (c *Carrier) Run(ctx context.Context) error {
	defer c.Close()
	// Stores and listeners outlive the calls that end in them.
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, failed := errgroup.WithContext(below)
	g.Go(func() error { return c.stores.Run(below) })
	g.Go(func() error { return c.lb.Run(below) })
	g.Go(func() error { return c.admin.Run(below, c.env.Log) })
	g.Go(func() error { return c.web.Run(below) })
	calls, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(failed, end)
	err := c.proxy.Run(calls)
	stop()
	return errors.Join(err, g.Wait())
}

// Close closes what is open.
func (c *Carrier) Close() error {
	var errs []error
	if c.proxy != nil {
		errs = append(errs, c.proxy.Close())
	}
	if c.lb != nil {
		errs = append(errs, c.lb.Close())
	}
	if c.web != nil {
		errs = append(errs, c.web.Close())
	}
	if c.stores != nil {
		errs = append(errs, c.stores.Close())
	}
	if c.dir != nil {
		errs = append(errs, c.dir.Close())
	}
	if c.admin != nil {
		errs = append(errs, c.admin.Close())
	}
	return errors.Join(errs...)
}
