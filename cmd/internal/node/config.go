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
)

// ErrConfig marks a mistake of the operator: one line, exit code 2.
var ErrConfig = errors.New("configuration")

// Config is the file of cmd/lb, cmd/proxy and cmd/web. A node reads its own
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
}

// StoreConfig names the databases.
type StoreConfig struct {
	Driver string `yaml:"driver"` // sqlite or mysql (MariaDB too)
	DSN    string `yaml:"dsn"`    // file name, or user:password@unix(/path)/database
	Redis  string `yaml:"redis"`  // host:port or /path/to/socket; empty: registrations in memory
	Data   string `yaml:"data"`   // directory for spool and write-ahead files
}

// ProxyConfig is the stateful core.
type ProxyConfig struct {
	Listen     netip.AddrPort   `yaml:"listen"`      // UDP, from the lbs
	Edges      []netip.AddrPort `yaml:"edges"`       // lbs that may talk to it
	PlainEdges []netip.AddrPort `yaml:"plain_edges"` // foreign lbs, trusted by address without P-Edge
	Shards     int              `yaml:"shards"`
	// Digest are the algorithms offered, strongest first: sha-256, sha-512-256,
	// md5. Empty offers md5 alone, which every phone understands.
	Digest  []string       `yaml:"digest"`
	Media   MediaConfig    `yaml:"media"`
	Echo    netip.AddrPort `yaml:"echo"` // UDP address of the test-number application
	Interim time.Duration  `yaml:"interim"`
	Token   string         `yaml:"token"` // file with the secret by which web reads live state
}

// MediaConfig is the RTP relay.
type MediaConfig struct {
	Addr          netip.Addr `yaml:"addr"`
	Advertised    netip.Addr `yaml:"advertised"`
	PortMin       uint16     `yaml:"port_min"`
	PortMax       uint16     `yaml:"port_max"`
	AllowLoopback bool       `yaml:"allow_loopback"` // parties on this very machine: tests and demonstrations
	Loops         int        `yaml:"loops"`
	// Timeout ends a call without media in either direction.
	Timeout time.Duration `yaml:"timeout"`
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
	return needs("proxy: listen", c.Listen.IsValid(), "proxy: edges or plain_edges", len(c.Edges)+len(c.PlainEdges) > 0,
		"proxy: echo", c.Echo.IsValid(), "proxy: media: addr", c.Media.Addr.IsValid(),
		"proxy: media: port_min", c.Media.PortMin > 0, "proxy: media: port_max", c.Media.PortMax > 0)
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

// secretFile reads a secret of at least 16 bytes from a file that others
// cannot read.
func secretFile(setting, name string) (string, error) {
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
	if len(s) < 16 {
		return "", fmt.Errorf("%w: %s: %s holds less than 16 characters", ErrConfig, setting, name)
	}
	return s, nil
}
