package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/media/ng"
	"github.com/class5-go/class5/media/ng/ngrelay"
	"github.com/class5-go/class5/media/play"
	"github.com/class5-go/class5/media/record"
	"github.com/class5-go/class5/media/relay"
)

// MediaNodeConfig is a media relay that proxies elsewhere drive.
type MediaNodeConfig struct {
	RelayConfig `yaml:",inline"`
	NG          NGConfig `yaml:"ng"`
	// Timeouts without a packet: of a call, of one on hold, and of an offer
	// without an answer. 60 s, 1 h, 180 s.
	Timeout       time.Duration `yaml:"timeout"`
	SilentTimeout time.Duration `yaml:"silent_timeout"`
	OfferTimeout  time.Duration `yaml:"offer_timeout"`
	// DeleteDelay is how long a session works on after its delete; 30 s, negative:
	// not at all.
	DeleteDelay time.Duration `yaml:"delete_delay"`
	// Prompts is the directory of the WAVE files that clients may have played by
	// name; what they send along is played in any case.
	Prompts string `yaml:"prompts"`
	// Upgrade is the path of a socket at which the next process of this command
	// asks for everything, calls included ("media upgrade"); empty: it cannot.
	Upgrade string `yaml:"upgrade"`
}

// prompts is what clients may name; nil: nothing.
func (c MediaNodeConfig) prompts() fs.FS {
	if c.Prompts == "" {
		return nil
	}
	return os.DirFS(c.Prompts)
}

// NGConfig are the listeners of the control protocol. UDP, TCP and HTTP serve the
// clients in allow; HTTPS those with the token; TLS those with a certificate.
type NGConfig struct {
	UDP          []netip.AddrPort    `yaml:"udp"`
	TCP          []netip.AddrPort    `yaml:"tcp"`
	TLS          []netip.AddrPort    `yaml:"tls"`
	HTTP         []netip.AddrPort    `yaml:"http"`  // with WebSocket
	HTTPS        []netip.AddrPort    `yaml:"https"` // with WebSocket
	Allow        []netip.Prefix      `yaml:"allow"` // loopback when nothing is said
	Token        string              `yaml:"token"` // file
	Certificates []CertificateConfig `yaml:"certificates"`
	ClientCA     string              `yaml:"client_ca"` // file with the authorities of clients' certificates, for tls
}

func (c NGConfig) all() int { return len(c.UDP) + len(c.TCP) + len(c.TLS) + len(c.HTTP) + len(c.HTTPS) }

func (c MediaNodeConfig) check() error {
	if err := c.RelayConfig.check("media"); err != nil {
		return err
	}
	if err := notNegative("media", map[string]float64{"timeout": float64(c.Timeout), "silent_timeout": float64(c.SilentTimeout), "offer_timeout": float64(c.OfferTimeout)}); err != nil {
		return err
	}
	secure := len(c.NG.TLS)+len(c.NG.HTTPS) > 0
	if err := needs("media: interfaces", len(c.Interfaces) > 0, "media: ng: a listener", c.NG.all() > 0,
		"media: ng: certificates", !secure || len(c.NG.Certificates) > 0,
		"media: ng: client_ca", len(c.NG.TLS) == 0 || c.NG.ClientCA != "", "media: ng: token", len(c.NG.HTTPS) == 0 || c.NG.Token != ""); err != nil {
		return err
	}
	return c.sane()
}

// MediaNode is a media relay with its control protocol.
type MediaNode struct {
	cfg     MediaNodeConfig
	env     Env
	relay   *mediaRelay
	handler *ngrelay.Handler
	server  *ng.Server
	udp     []*net.UDPConn
	streams []net.Listener // TCP and TLS
	web     []net.Listener
	admin   *Admin // nil: none was mounted on

	upgrader *upgrader // nil: not configured
}

// NewMediaNode binds everything but the ports of calls.
func NewMediaNode(ctx context.Context, cfg MediaNodeConfig, env Env) (*MediaNode, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	m := &MediaNode{cfg: cfg, env: env}
	var control []netip.AddrPort
	for _, list := range [][]netip.AddrPort{cfg.NG.UDP, cfg.NG.TCP, cfg.NG.TLS, cfg.NG.HTTP, cfg.NG.HTTPS} {
		control = append(control, list...)
	}
	var err error
	m.relay, err = newRelay(ctx, "media", cfg.RelayConfig, env, nil, func(rc *relay.Config) {
		rc.MediaTimeout, rc.HoldTimeout, rc.OfferTimeout = cfg.Timeout, cfg.SilentTimeout, cfg.OfferTimeout
		rc.Control = control
		// Whoever drives the relay says what is to be replaced, and what it passes on
		// that is not ours to carry.
		rc.KeepOrigin, rc.PassOther = true, true
	})
	if err != nil {
		return nil, err
	}
	delay := cfg.DeleteDelay
	if delay == 0 {
		delay = 30 * time.Second
	}
	m.handler = ngrelay.NewHandler(m.relay, ngrelay.Config{
		DeleteDelay: max(delay, 0), Prompts: play.NewCache(cfg.prompts(), 0), Forward: cfg.Recordings.forward(), Recording: record.Spec{WAV: cfg.Recordings.WAV, PCAP: cfg.Recordings.PCAP, Pattern: cfg.Recordings.Pattern, Mix: record.Stereo},
	})
	nc := ng.Config{Allow: cfg.NG.Allow, CLI: mediaCLI{m}.run}
	if cfg.NG.Token != "" {
		if nc.Token, err = secretFile("media: ng: token", cfg.NG.Token); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	m.server = ng.NewServer(m.handler, nc, ng.WithLogger(env.Log))
	if err := m.listen(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	env.Metrics.MustRegister(mediaMetrics(m.relay.Relay), m.metrics())
	return m, nil
}

func (m *MediaNode) listen(ctx context.Context) error {
	for _, a := range m.cfg.NG.UDP {
		c, err := m.env.Sockets.ListenUDP(ctx, a.String())
		if err != nil {
			return bindError(err)
		}
		m.udp = append(m.udp, c)
	}
	secure, err := m.tls()
	if err != nil {
		return err
	}
	for _, l := range []struct {
		addrs []netip.AddrPort
		tls   *tls.Config
		to    *[]net.Listener
	}{{m.cfg.NG.TCP, nil, &m.streams}, {m.cfg.NG.TLS, secure, &m.streams}, {m.cfg.NG.HTTP, nil, &m.web}, {m.cfg.NG.HTTPS, secure, &m.web}} {
		for _, a := range l.addrs {
			listener, err := m.env.Sockets.Listen(ctx, a.String())
			if err != nil {
				return bindError(err)
			}
			if l.tls != nil {
				t := l.tls.Clone()
				if l.to == &m.web {
					t.ClientAuth = tls.NoClientCert // these show a token
				}
				listener = tls.NewListener(listener, t)
			}
			*l.to = append(*l.to, listener)
		}
	}
	return nil
}

// tls is the configuration of the secure listeners; nil when there is none.
func (m *MediaNode) tls() (*tls.Config, error) {
	ng := m.cfg.NG
	if len(ng.TLS)+len(ng.HTTPS) == 0 {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, pair := range ng.Certificates {
		cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: media: ng: certificates: %w", ErrConfig, err)
		}
		c.Certificates = append(c.Certificates, cert)
	}
	if ng.ClientCA != "" {
		pool, err := authorities("media: ng: client_ca", ng.ClientCA)
		if err != nil {
			return nil, err
		}
		c.ClientCAs, c.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// watch tells the log what clients of the protocol are not told.
func (m *MediaNode) watch(ctx context.Context) {
	for e := range m.relay.Events(ctx) {
		switch e.Kind {
		case relay.MediaTimeout, relay.Released, relay.ConsentLost:
			m.env.Log.Info("media", "event", e.Kind.String(), "call_id", e.CallID)
		}
	}
}

func (m *MediaNode) metrics() prometheus.Collector {
	return snapshot(func(emit emit) {
		s := m.server.Stats()
		for result, n := range map[string]uint64{"ok": s.Requests - s.Errors, "error": s.Errors, "repeated": s.Repeated, "malformed": s.Malformed, "refused": s.Refused, "panic": s.Panics} {
			emit("media_commands_total", "Control messages by what became of them.", prometheus.CounterValue, float64(n), "result", result)
		}
		for _, c := range m.server.Clients() {
			client := "others"
			if c.Client.IsValid() {
				client = c.Client.String()
			}
			emit("media_request_errors_total", "Control messages answered with an error, by client.", prometheus.CounterValue, float64(c.Errors), "client", client)
			for _, x := range c.Commands {
				if x.Count == 0 {
					continue
				}
				emit("media_requests_total", "Control messages by client and command.", prometheus.CounterValue, float64(x.Count), "client", client, "command", x.Command)
				emit("media_request_seconds_total", "Time spent on control messages.", prometheus.CounterValue, x.Time.Seconds(), "client", client, "command", x.Command)
			}
		}
		if m.relay.recorder == nil {
			return
		}
		r := m.relay.recorder.Stats()
		emit("media_recordings", "Recordings under way.", prometheus.GaugeValue, float64(r.Active))
		for result, n := range map[string]uint64{"complete": r.Complete, "incomplete": r.Incomplete} {
			emit("media_recordings_total", "Recordings that have ended, by whether something is missing.", prometheus.CounterValue, float64(n), "result", result)
		}
	})
}

// Checks are the conditions under which this node is ready, by name.
func (m *MediaNode) Checks() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"draining": func(context.Context) error {
		if m.handler.Draining() {
			return errors.New("an operator takes no new sessions")
		}
		return nil
	}}
}

// Close gives back what Run was never called for.
func (m *MediaNode) Close() error {
	err := m.relay.close()
	for _, c := range m.udp {
		_ = c.Close()
	}
	for _, l := range append(m.streams, m.web...) {
		_ = l.Close()
	}
	return err
}
