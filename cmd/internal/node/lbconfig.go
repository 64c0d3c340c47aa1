package node

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/class5-go/class5/sip/overload"
	"github.com/class5-go/class5/sip/relay"
	siptap "github.com/class5-go/class5/sip/tap"
	"github.com/class5-go/class5/sip/transport"
	"github.com/class5-go/class5/sip/wire"
)

// LBConfig is the stateless edge.
type LBConfig struct {
	Listeners []ListenerConfig `yaml:"listeners"`
	// Internal is towards the proxies: UDP, with internal_transport auto or tcp
	// a listener for TCP on the same port too, with tls one for TLS and no UDP.
	Internal           netip.AddrPort `yaml:"internal"`
	InternalAdvertised netip.AddrPort `yaml:"internal_advertised"` // in Via, Path and Record-Route, when it is not internal
	// InternalTransport is udp; auto: large messages over TCP; tcp: all over TCP,
	// over UDP while there is no connection; tls: all over TLS. Without a
	// connection requests are answered 503 in mode tls, and nothing is sent in clear.
	InternalTransport string        `yaml:"internal_transport"`
	InternalPort      uint16        `yaml:"internal_port"`  // where proxies take connections, if not on the port of their address
	InternalLimit     int           `yaml:"internal_limit"` // octets above which auto takes a stream; 8192
	InternalCA        string        `yaml:"internal_ca"`    // file with the authorities of the proxies' certificates, for tls
	InternalName      string        `yaml:"internal_name"`  // name in those certificates; their addresses when empty
	Proxies           []ProxyTarget `yaml:"proxies"`
	Chassis           string        `yaml:"chassis"` // of this lb; proxies of other chassis only when none here can
	Health            HealthConfig  `yaml:"health"`
	Hosts             []string      `yaml:"hosts"`   // further names of this edge; in the self-signed certificate too
	Readers           int           `yaml:"readers"` // UDP sockets sharing an address
	// Share shares the addresses of the listeners with other lbs on this machine,
	// each with an internal of its own, which Siblings names to the others: answers to health checks, and whatever is
	// for a client's connection, must come to the lb that has asked or has it. With
	// health off internal is shared too, which is good for UDP alone.
	Share    bool             `yaml:"share"`
	Siblings []netip.AddrPort `yaml:"siblings"`
	FreeBind bool             `yaml:"freebind"`
	DSCP     uint8            `yaml:"dscp"`
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
	// Media brings the media of calls near the clients, when this edge anchors it.
	Media LBMediaConfig `yaml:"media"`
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

// OverloadConfig is the feedback of RFC 7339 between proxies and lb.
type OverloadConfig struct {
	Off bool `yaml:"off"`
	// Rate offers RFC 7415 besides. Kamailio drops requests that do.
	Rate bool `yaml:"rate"`
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

// limits are those of the scanner.
func (c MessageConfig) limits() *wire.Limits {
	return &wire.Limits{Message: c.Size, HeaderLine: c.Header, Headers: c.Count, Values: c.Values, Contacts: c.Contacts}
}

func (c LBConfig) check() error {
	if _, err := c.emergency(); err != nil {
		return err
	}
	for i, l := range c.Listeners {
		if !l.Addr.IsValid() {
			return fmt.Errorf("%w: lb: listeners: number %d has no addr", ErrConfig, i+1)
		}
		if _, err := transport.ParseProtocol(strings.ToLower(l.Protocol)); err != nil {
			return fmt.Errorf("%w: lb: %w", ErrConfig, err)
		}
		if _, err := relay.ParseNATPolicy(or(l.NAT, "both")); err != nil {
			return fmt.Errorf("%w: lb: nat: %w", ErrConfig, err)
		}
		if _, err := transport.ParseClientAuth(or(l.ClientCert, "none")); err != nil {
			return fmt.Errorf("%w: lb: client_certificate: %w", ErrConfig, err)
		}
	}
	for i, p := range c.Proxies {
		if !p.Addr.IsValid() {
			return fmt.Errorf("%w: lb: proxies: number %d has no addr", ErrConfig, i+1)
		}
	}
	if _, err := relay.ParseInsideMode(or(c.InternalTransport, "udp")); err != nil {
		return fmt.Errorf("%w: lb: internal_transport: %w", ErrConfig, err)
	}
	if c.Compat != "" && c.Compat != "ngcp" {
		return fmt.Errorf("%w: lb: compat: %q, want ngcp or nothing", ErrConfig, c.Compat)
	}
	if _, err := c.Guard.config(); err != nil {
		return err
	}
	if err := c.Media.check(); err != nil {
		return err
	}
	if err := needs("lb: listeners", len(c.Listeners) > 0, "lb: internal", c.Internal.IsValid(), "lb: proxies", len(c.Proxies) > 0); err != nil {
		return err
	}
	return c.sane()
}

// pairs are the files of the certificates.
func (c LBConfig) pairs() []transport.KeyPair { return keyPairs(c.Certificates) }

func keyPairs(certs []CertificateConfig) []transport.KeyPair {
	var list []transport.KeyPair
	for _, p := range certs {
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

// TellSelfSigned says to log when clients get a certificate that nobody has
// configured.
func (c LBConfig) TellSelfSigned(certs *transport.Certificates, log *slog.Logger) {
	if certs == nil || len(c.Certificates) > 0 || !c.secure() {
		return
	}
	cert, err := certs.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || cert.Leaf == nil || !bytes.Equal(cert.Leaf.RawIssuer, cert.Leaf.RawSubject) {
		return
	}
	sum := sha256.Sum256(cert.Leaf.Raw)
	log.Warn("no certificates are configured: clients get a self-signed one, which those that check it refuse",
		"sha256", strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":"), "until", cert.Leaf.NotAfter)
}

// secure reports whether there is a listener with TLS.
func (c LBConfig) secure() bool {
	return slices.ContainsFunc(c.Listeners, func(l ListenerConfig) bool { return l.Protocol == "tls" || l.Protocol == "wss" })
}

// emergency are the numbers that are refused last.
func (c LBConfig) emergency() (*overload.Emergency, error) {
	e, err := overload.NewEmergency(c.Emergency...)
	if err != nil {
		return nil, fmt.Errorf("%w: lb: emergency: %w", ErrConfig, err)
	}
	return e, nil
}
