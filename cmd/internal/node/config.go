package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/class5-go/class5/cmd/internal/exports"
)

// ErrConfig marks a mistake of the operator: one line, exit code 2.
var ErrConfig = errors.New("configuration")

// Config is the file of cmd/lb, cmd/proxy, cmd/web and cmd/media. A node reads its own
// section and the common part; unknown keys are errors.
type Config struct {
	Node  string      `yaml:"node"`  // name in logs, ladders and records
	Admin string      `yaml:"admin"` // listener for metrics, health and profiles; loopback
	Log   string      `yaml:"log"`   // debug, info, warn or error
	Keys  string      `yaml:"keys"`  // file with the edge keys that lb and proxy share
	Store StoreConfig `yaml:"store"`
	LB    LBConfig    `yaml:"lb"`
	Proxy ProxyConfig `yaml:"proxy"`
	Web   WebConfig   `yaml:"web"`
	// Media is a media relay of its own (cmd/media).
	Media MediaNodeConfig `yaml:"media"`
	// Exports are files of the call records for others, written by a proxy (one
	// of those that share a database is enough).
	Exports []exports.Config `yaml:"exports"`
}

// StoreConfig names the databases.
type StoreConfig struct {
	Driver string `yaml:"driver"` // sqlite or mysql (MariaDB too)
	DSN    string `yaml:"dsn"`    // file name, or user:password@unix(/path)/database
	Redis  string `yaml:"redis"`  // host:port, /path/to/socket or a URL (see redisOptions); empty: registrations in memory
	Data   string `yaml:"data"`   // directory for spool and write-ahead files
	// Lease is how long money of prepaid customers stays set aside for this node
	// in Redis after the last call that needs it; 10 min. That of a node that
	// died is theirs again then.
	Lease time.Duration `yaml:"lease"`
}

// ProxyConfig is the stateful core.
type ProxyConfig struct {
	Listen     netip.AddrPort   `yaml:"listen"`      // UDP, from the lbs; the address that they know this proxy by
	ListenTCP  netip.AddrPort   `yaml:"listen_tcp"`  // from lbs with internal_transport auto or tcp
	ListenTLS  netip.AddrPort   `yaml:"listen_tls"`  // from lbs with internal_transport tls: nothing passes in clear then
	Edges      []netip.AddrPort `yaml:"edges"`       // lbs that may talk to it
	PlainEdges []netip.AddrPort `yaml:"plain_edges"` // foreign lbs, trusted by address without P-Edge; UDP only
	// With listen_tls: our certificates, the authorities of the lbs' and the name
	// in those; their addresses when empty.
	Certificates []CertificateConfig `yaml:"certificates"`
	EdgeCA       string              `yaml:"edge_ca"`
	EdgeName     string              `yaml:"edge_name"`
	Overload     ProxyOverloadConfig `yaml:"overload"`
	Shards       int                 `yaml:"shards"`
	// Digest are the algorithms offered, strongest first: sha-256, sha-512-256,
	// md5. Empty offers md5 alone, which every phone understands.
	Digest []string       `yaml:"digest"`
	Media  MediaConfig    `yaml:"media"`
	Echo   netip.AddrPort `yaml:"echo"`  // UDP address of the test-number application
	Token  string         `yaml:"token"` // file with the secret by which web reads live state
	// Interim is how often a running call is noted on disk, so that its end is
	// known after a crash; 1 min. InterimRecords is how often it gets an interim
	// record for streams that other proxies export (exports: interim); without it
	// as often as this proxy's own exports need them.
	Interim        time.Duration `yaml:"interim"`
	InterimRecords time.Duration `yaml:"interim_records"`
	Prepaid        PrepaidConfig `yaml:"prepaid"`
	// Emergency are numbers of emergency services as they are dialled, such as
	// 112: neither locks nor limits nor credit keep a call from them.
	Emergency []string `yaml:"emergency"`
	// EmergencyServices are the numbers of services that phones name by URN (RFC
	// 5031), such as {sos: "112", sos.police: "110"}. A service without one is
	// what it is part of, and sos is the first of Emergency.
	EmergencyServices map[string]string `yaml:"emergency_services"`
}

// PrepaidConfig is how the calls of prepaid customers are limited.
type PrepaidConfig struct {
	// Quota is granted at a time, 60 s; Early is how long before its end it is
	// renewed, 10 s; Slack is how much longer than the quota the money is set
	// aside, 30 s.
	Quota time.Duration `yaml:"quota"`
	Early time.Duration `yaml:"early"`
	Slack time.Duration `yaml:"slack"`
	// OnFailure is what happens to running calls while the ledger can not be
	// asked: terminate, with what was granted, or continue, for Cap (5 min).
	OnFailure string        `yaml:"on_failure"`
	Cap       time.Duration `yaml:"cap"`
	Status    int           `yaml:"status"` // of a call without credit; 402
}

// ProxyOverloadConfig is what a proxy tells its lbs of its load (RFC 7339).
type ProxyOverloadConfig struct {
	Off bool `yaml:"off"`
	// Loss is the least part of requests to be refused at the lbs, in percent,
	// for a node that is to be spared; it can be changed by a reload.
	Loss     int           `yaml:"loss"`
	Rate     int           `yaml:"rate"`     // requests a second that each lb may send, told to those that offer RFC 7415
	Validity time.Duration `yaml:"validity"` // of what is told; 2 s
}

// WebConfig is the panel and the API.
type WebConfig struct {
	Listen  string   `yaml:"listen"`
	Proxies []string `yaml:"proxies"` // admin URLs of the proxies, for live state
	Token   string   `yaml:"token"`   // file with the secret that the proxies ask for
	Domain  string   `yaml:"domain"`  // made on the first start in an empty database
	Secure  bool     `yaml:"secure"`  // cookies only over TLS: set when a TLS front stands before it
}

// Load reads a configuration file. Mistakes are reported with line and column.
func Load(file string) (*Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c := &Config{Log: "info", Node: "class5"}
	if i := secondDocument(b); i > 0 {
		return nil, fmt.Errorf("%w: %s:%d:1: a second document would not be read", ErrConfig, file, i)
	}
	if err := yaml.UnmarshalWithOptions(b, c, append(texts(), yaml.Strict())...); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrConfig, mistake(file, b, err))
	}
	return c, nil
}

// address reads an address with port and quotes what is none.
func address(a *netip.AddrPort, value []byte) error {
	text := plain(value)
	var err error
	if *a, err = netip.ParseAddrPort(text); err != nil {
		return fmt.Errorf("%q is no IP address with port", text)
	}
	return nil
}

// mistake is one line that says what is wrong in a file and where, in the
// form file:line:column that editors jump to.
func mistake(file string, text []byte, err error) string {
	what := err.Error()
	var at *token.Token
	if e := yaml.Error(nil); errors.As(err, &e) {
		what, at = e.GetMessage(), e.GetToken()
	} else {
		// Values with a syntax of their own (addresses, times) are refused
		// without a place, but the refusal quotes them.
		for _, t := range lexer.Tokenize(string(text)) {
			if t.Value != "" && strings.Contains(what, strconv.Quote(t.Value)) {
				at = t
				break
			}
		}
	}
	if at != nil && at.Position != nil {
		file = fmt.Sprintf("%s:%d:%d", file, at.Position.Line, at.Position.Column)
	}
	what, _, _ = strings.Cut(strings.TrimSpace(what), "\n")
	return file + ": " + what
}

// needs is an error for the first of the settings that is not there. They
// alternate names and whether they are.
func needs(settings ...any) error {
	for i := 0; i+1 < len(settings); i += 2 {
		if settings[i+1] != true {
			return fmt.Errorf("%w: %s is needed", ErrConfig, settings[i])
		}
	}
	return nil
}

func (c ProxyConfig) check() error {
	if l := c.Overload.Loss; l < 0 || l > 100 {
		return fmt.Errorf("%w: proxy: overload: loss: %d is no percentage", ErrConfig, l)
	}
	if c.ListenTLS.IsValid() {
		if len(c.PlainEdges) > 0 || c.ListenTCP.IsValid() {
			return fmt.Errorf("%w: proxy: with listen_tls nothing may pass in clear: no listen_tcp, no plain_edges", ErrConfig)
		}
		if err := needs("proxy: certificates", len(c.Certificates) > 0, "proxy: edge_ca", c.EdgeCA != ""); err != nil {
			return err
		}
	}
	if c.Interim < 0 || c.InterimRecords < 0 || c.InterimRecords > 0 && c.InterimRecords < c.interim() {
		return fmt.Errorf("%w: proxy: interim_records: %v is less than interim, %v", ErrConfig, c.InterimRecords, c.interim())
	}
	if err := c.Prepaid.check(); err != nil {
		return err
	}
	if _, err := c.emergency(); err != nil {
		return err
	}
	if _, err := c.services(); err != nil {
		return err
	}
	if err := c.Media.check("proxy: media"); err != nil {
		return err
	}
	if _, err := c.Media.policy(); err != nil {
		return err
	}
	if _, err := c.Media.digits(); err != nil {
		return err
	}
	if err := needs("proxy: listen", c.Listen.IsValid(), "proxy: edges or plain_edges", len(c.Edges)+len(c.PlainEdges) > 0,
		"proxy: echo", c.Echo.IsValid(), "proxy: media: addr", c.Media.Addr.IsValid(),
		"proxy: media: port_min", c.Media.PortMin > 0 || len(c.Media.Remote) > 0, "proxy: media: port_max", c.Media.PortMax > 0 || len(c.Media.Remote) > 0); err != nil {
		return err
	}
	return c.sane()
}

// interim is how often a running call is noted.
func (c ProxyConfig) interim() time.Duration {
	if c.Interim == 0 {
		return time.Minute
	}
	return c.Interim
}

// interims is after how many notes a running call gets an interim record, with
// these exports; 0: never.
func (c ProxyConfig) interims(list []exports.Config) int {
	every := c.InterimRecords
	if every == 0 {
		every = exports.Interims(list)
	}
	if every == 0 {
		return 0
	}
	return int(max(every/c.interim(), 1))
}

// Logger makes the node's logger: JSON lines on standard error.
func (c *Config) Logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log)); err != nil {
		return nil, fmt.Errorf("%w: log: %w", ErrConfig, err)
	}
	h := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	return slog.New(h).With("node", c.Node), nil
}

// secretFile reads a secret of ours, of at least 16 bytes, from a file that others
// cannot read.
func secretFile(setting, name string) (string, error) {
	s, err := privateFile(setting, name)
	if err == nil && len(s) < 16 {
		return "", fmt.Errorf("%w: %s: %s holds less than 16 characters", ErrConfig, setting, name)
	}
	return s, err
}

// privateFile reads what is not empty from a file that others cannot read. How
// long somebody else's secret is was not for us to say.
func privateFile(setting, name string) (string, error) {
	if err := needs(setting, name != ""); err != nil {
		return "", err
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err != nil:
		return "", fmt.Errorf("%w: %s: %w", ErrConfig, setting, err)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%w: %s: %s can be read by others (mode %v)", ErrConfig, setting, name, info.Mode().Perm())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", fmt.Errorf("%w: %s: %s is empty", ErrConfig, setting, name)
	}
	return s, nil
}
