package node

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/class5-go/class5/sip/guard"
	siptap "github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// LBConfig is the stateless edge.
type LBConfig struct {
	Listeners []ListenerConfig `yaml:"listeners"`
	// Internal is towards the proxies: UDP, and with internal_transport other
	// than udp a listener for streams on the same port too.
	Internal           netip.AddrPort `yaml:"internal"`
	InternalAdvertised netip.AddrPort `yaml:"internal_advertised"` // in Via, Path and Record-Route, when it is not internal
	InternalTransport  string         `yaml:"internal_transport"`  // udp, or auto, tcp, tls: large messages over a stream
	InternalLimit      int            `yaml:"internal_limit"`      // octets above which auto takes a stream; 8192
	InternalCA         string         `yaml:"internal_ca"`         // file with the authorities of the proxies' certificates, for tls
	InternalName       string         `yaml:"internal_name"`       // name in those certificates; their addresses when empty
	Proxies            []ProxyTarget  `yaml:"proxies"`
	Chassis            string         `yaml:"chassis"` // of this lb; proxies of other chassis only when none here can
	Health             HealthConfig   `yaml:"health"`
	Hosts              []string       `yaml:"hosts"`   // further names of this edge; in the self-signed certificate too
	Readers            int            `yaml:"readers"` // UDP sockets sharing an address
	Share              bool           `yaml:"share"`   // addresses with other lbs on this machine
	FreeBind           bool           `yaml:"freebind"`
	DSCP               uint8          `yaml:"dscp"`
	// Secret is a file with what Call-IDs are hashed and branches are made with.
	// It stays when keys rotate, and all lbs in front of the same proxies have
	// the same. Without it, it follows from the key active at start.
	Secret       string              `yaml:"secret"`
	Tickets      string              `yaml:"tickets"` // file with the secret of TLS sessions, shared by a pair
	Certificates []CertificateConfig `yaml:"certificates"`
	ClientCA     string              `yaml:"client_ca"` // file with the authorities of client certificates
	Emergency    []string            `yaml:"emergency"` // numbers that are refused last
	Compat       string              `yaml:"compat"`    // ngcp: the dialect of a Sipwise NGCP proxy
	Message      MessageConfig       `yaml:"message"`
	Connections  ConnectionsConfig   `yaml:"connections"`
	Guard        GuardConfig         `yaml:"guard"`
	Overload     OverloadConfig      `yaml:"overload"`
	Resend       ResendConfig        `yaml:"resend"`
	Resolve      ResolveConfig       `yaml:"resolve"`
	Tap          TapConfig           `yaml:"tap"`
}

// ListenerConfig is one SIP listener of an lb.
type ListenerConfig struct {
	Name          string         `yaml:"name"`
	Protocol      string         `yaml:"protocol"` // udp, tcp, tls, ws or wss
	Addr          netip.AddrPort `yaml:"addr"`
	Advertised    netip.AddrPort `yaml:"advertised"` // in Via and Record-Route, when it is not addr
	Host          string         `yaml:"host"`       // in Record-Route in place of the address
	Trusted       bool           `yaml:"trusted"`    // peers of the same trust domain: identities pass
	NAT           string         `yaml:"nat"`        // what is held against the source: off, via, contact or both
	HideContact   bool           `yaml:"hide_contact"`
	ClientCert    string         `yaml:"client_certificate"` // none, request or require
	Origins       []string       `yaml:"origins"`            // of WebSocket clients; empty: any
	ProxyProtocol []netip.Prefix `yaml:"proxy_protocol"`     // sources that announce whom they speak for
	MaxMessage    int            `yaml:"max_message"`
	Ping          time.Duration  `yaml:"ping"` // of silent WebSocket clients
}

// ProxyTarget is a pair of proxies: an address, or a mapping.
type ProxyTarget struct {
	Addr    netip.AddrPort `yaml:"addr"`
	Weight  int            `yaml:"weight"`
	Chassis string         `yaml:"chassis"`
	Drain   bool           `yaml:"drain"`
}

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (t *ProxyTarget) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if unmarshal(&text) == nil {
		return address(&t.Addr, []byte(text))
	}
	type plain ProxyTarget
	return unmarshal((*plain)(t))
}

// HealthConfig is how an lb finds out which proxies live.
type HealthConfig struct {
	Off       bool          `yaml:"off"`
	Interval  time.Duration `yaml:"interval"`   // 1 s
	Misses    int           `yaml:"misses"`     // 3 until down
	Successes int           `yaml:"successes"`  // 2 until up
	SlowStart time.Duration `yaml:"slow_start"` // 30 s
}

// CertificateConfig is a certificate for the names in it.
type CertificateConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// MessageConfig bounds messages; zeros are the defaults of package wire.
type MessageConfig struct {
	Size     int `yaml:"size"`
	Header   int `yaml:"header"`
	Count    int `yaml:"headers"`
	Values   int `yaml:"values"`
	Contacts int `yaml:"contacts"`
}

// ConnectionsConfig bounds streams; zeros are the defaults of package transport.
type ConnectionsConfig struct {
	Total      int `yaml:"total"`
	Source     int `yaml:"per_source"`
	Handshakes int `yaml:"handshakes"`
	WriteQueue int `yaml:"write_queue"`
	Memory     int `yaml:"memory"` // in unfinished messages and write queues
	// Connections and handshakes a second; negative is no limit.
	AcceptRate          int           `yaml:"accept_rate"`
	HandshakeRate       int           `yaml:"handshake_rate"`
	HandshakeRateSource int           `yaml:"handshake_rate_per_source"`
	Handshake           time.Duration `yaml:"handshake_timeout"`
	Partial             time.Duration `yaml:"partial_timeout"`
	Idle                time.Duration `yaml:"idle_timeout"`
}

// GuardConfig is the protection against strangers. Rates are written as
// "100/s burst 500", rules as pass, drop, or status and text.
type GuardConfig struct {
	Off    bool                  `yaml:"off"`
	Allow  []netip.Prefix        `yaml:"allow"` // trusted by address; loopback when nothing is said
	Deny   []netip.Prefix        `yaml:"deny"`
	Rates  map[string]guard.Rate `yaml:"rates"` // source, register, invite, …: see package guard
	Sanity map[string]string     `yaml:"sanity"`
	Traps  TrapsConfig           `yaml:"traps"`
	Auth   AuthConfig            `yaml:"auth"`
	Bans   BansConfig            `yaml:"bans"`
	Tables guard.Tables          `yaml:"tables"`
	XDP    []string              `yaml:"xdp"` // interfaces on which the kernel drops what banned sources send
}

// TrapsConfig recognises scanners.
type TrapsConfig struct {
	UserAgents []string   `yaml:"user_agents"`
	Users      []string   `yaml:"users"`
	UserAgent  guard.Rule `yaml:"user_agent"`
	User       guard.Rule `yaml:"user"`
	Absent     guard.Rule `yaml:"absent"`
	Empty      guard.Rule `yaml:"empty"`
	NoBan      bool       `yaml:"no_ban"`
}

// AuthConfig recognises guessing of passwords.
type AuthConfig struct {
	SourceFailures int           `yaml:"source_failures"`
	UserFailures   int           `yaml:"user_failures"`
	UserSources    int           `yaml:"user_sources"`
	Window         time.Duration `yaml:"window"`
	Protection     time.Duration `yaml:"protection"`
}

// BansConfig is how long sources are banned.
type BansConfig struct {
	First   time.Duration `yaml:"first"`
	Longest time.Duration `yaml:"longest"`
	Forget  time.Duration `yaml:"forget"`
}

// OverloadConfig is the feedback of RFC 7339 between proxies and lb.
type OverloadConfig struct {
	Off bool `yaml:"off"`
}

// ResendConfig bounds the ring of requests that came over streams and went on
// over UDP.
type ResendConfig struct {
	Off     bool `yaml:"off"`
	Entries int  `yaml:"entries"`
	Bytes   int  `yaml:"bytes"`
}

// ResolveConfig is how peers are found (RFC 3263).
type ResolveConfig struct {
	Servers []netip.AddrPort `yaml:"servers"` // of the DNS; empty: no way to peers
	Deny    []netip.Prefix   `yaml:"deny"`    // where no answer may lead
}

// TapConfig shows messages to testers.
type TapConfig struct {
	File      string         `yaml:"file"`    // pcapng
	HEP       netip.AddrPort `yaml:"hep"`     // HEPv3 over UDP
	Sample    int            `yaml:"sample"`  // one call of so many
	Methods   []string       `yaml:"methods"` // empty: all
	Sources   []netip.Prefix `yaml:"sources"` // peers; empty: all
	FileSize  int64          `yaml:"file_size"`
	CaptureID uint32         `yaml:"capture_id"`
	Key       string         `yaml:"key"`
}

// config is what package guard wants.
func (c GuardConfig) config() (guard.Config, error) {
	g := guard.Config{
		Allow: c.Allow, Deny: c.Deny, Tables: c.Tables,
		Traps: guard.Traps{
			UserAgents: c.Traps.UserAgents, Users: c.Traps.Users, UserAgent: c.Traps.UserAgent, User: c.Traps.User,
			Absent: c.Traps.Absent, Empty: c.Traps.Empty, NoBan: c.Traps.NoBan,
		},
		Auth: guard.Auth{
			SourceFailures: c.Auth.SourceFailures, UserFailures: c.Auth.UserFailures, UserSources: c.Auth.UserSources,
			Window: c.Auth.Window, Protection: c.Auth.Protection,
		},
		Bans: guard.Bans{First: c.Bans.First, Longest: c.Bans.Longest, Forget: c.Bans.Forget},
	}
	if c.Allow == nil {
		g.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	places := map[string]*guard.Rate{
		"source": &g.Limits.Source, "register": &g.Limits.Register, "invite": &g.Limits.Invite, "subscribe": &g.Limits.Subscribe,
		"options": &g.Limits.Options, "message": &g.Limits.Message, "other": &g.Limits.Other, "user": &g.Limits.User,
		"garbage": &g.Limits.Garbage, "flood": &g.Limits.Flood, "dialog": &g.Limits.Dialog, "second_looks": &g.Limits.SecondLooks,
	}
	for name, rate := range c.Rates {
		place, ok := places[name]
		if !ok {
			return g, fmt.Errorf("%w: lb: guard: rates: there is no %q", ErrConfig, name)
		}
		*place = rate
	}
	var err error
	if g.Policy, err = guard.ParsePolicy(c.Sanity); err != nil {
		return g, fmt.Errorf("%w: lb: guard: sanity: %w", ErrConfig, err)
	}
	return g, nil
}

// limits are those of the scanner.
func (c MessageConfig) limits() *wire.Limits {
	return &wire.Limits{Message: c.Size, HeaderLine: c.Header, Headers: c.Count, Values: c.Values, Contacts: c.Contacts}
}

func (c LBConfig) check() error {
	for i, l := range c.Listeners {
		if !l.Addr.IsValid() {
			return fmt.Errorf("%w: lb: listeners: number %d has no addr", ErrConfig, i+1)
		}
		if _, err := transport.ParseProtocol(strings.ToLower(l.Protocol)); err != nil {
			return fmt.Errorf("%w: lb: %w", ErrConfig, err)
		}
	}
	for i, p := range c.Proxies {
		if !p.Addr.IsValid() {
			return fmt.Errorf("%w: lb: proxies: number %d has no addr", ErrConfig, i+1)
		}
	}
	switch c.InternalTransport {
	case "", "udp", "auto", "tcp", "tls":
	default:
		return fmt.Errorf("%w: lb: internal_transport: %q, want udp, auto, tcp or tls", ErrConfig, c.InternalTransport)
	}
	if _, err := c.Guard.config(); err != nil {
		return err
	}
	return needs("lb: listeners", len(c.Listeners) > 0, "lb: internal", c.Internal.IsValid(), "lb: proxies", len(c.Proxies) > 0)
}

// texts are the values with a syntax of their own, with readers whose
// complaints quote what they could not read.
func texts() []yaml.DecodeOption {
	return []yaml.DecodeOption{
		yaml.CustomUnmarshaler(address),
		yaml.CustomUnmarshaler(func(p *netip.Prefix, value []byte) error {
			var err error
			*p, err = parsePrefix(plain(value))
			return err
		}),
		yaml.CustomUnmarshaler(func(r *guard.Rate, value []byte) error { return quoted(r, value) }),
		yaml.CustomUnmarshaler(func(r *guard.Rule, value []byte) error { return quoted(r, value) }),
	}
}

// parsePrefix reads a prefix, or an address as the prefix of itself alone.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().Prefix(addr.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is no address or prefix", text)
	}
	return p.Masked(), nil
}

func plain(value []byte) string { return strings.Trim(strings.TrimSpace(string(value)), `"'`) }

// quoted reads a text of package guard.
func quoted(to interface{ UnmarshalText([]byte) error }, value []byte) error {
	text := plain(value)
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return errors.Join(fmt.Errorf("%q", text), err)
	}
	return nil
}

// pairs are the files of the certificates.
func (c LBConfig) pairs() []transport.KeyPair {
	var list []transport.KeyPair
	for _, p := range c.Certificates {
		list = append(list, transport.KeyPair{Certificate: p.Cert, Key: p.Key})
	}
	return list
}

func (c TapConfig) filter() siptap.Filter {
	return siptap.Filter{Sample: uint32(max(0, c.Sample)), Methods: c.Methods, Remotes: c.Sources}
}

// LoadCertificates reads the certificates of an edge, or makes one for its
// hosts in dir; nil when there is neither.
func (c LBConfig) LoadCertificates(dir string, now time.Time) (*transport.Certificates, error) {
	switch {
	case len(c.Certificates) > 0:
		certs, err := transport.LoadCertificates(c.pairs()...)
		if err != nil {
			return nil, fmt.Errorf("%w: lb: certificates: %w", ErrConfig, err)
		}
		return certs, nil
	case len(c.Hosts) > 0:
		cert, err := Certificate(dir, c.Hosts, now)
		if err != nil {
			return nil, err
		}
		return transport.NewCertificates(cert), nil
	}
	return nil, nil
}
