package node

import (
	"errors"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/exports"
)

// A mistake is one line with the place of what has to be mended.
func TestLoadMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":       {"node: a\nprxy:\n  listen: x\n", `:2:1: unknown field "prxy"`},
		"key of another":    {"proxy:\n  lisen: 127.0.0.1:1\n", `:2:3: unknown field "lisen"`},
		"no address":        {"node: a\nproxy:\n  listen: 127.0.0.1:x\n", `:3:11: "127.0.0.1:x" is no IP address with port`},
		"no address at all": {"lb:\n  proxies: [here]\n", `:2:13: "here" is no IP address`},
		"no time":           {"proxy:\n  interim: soon\n", `:2:12: time: invalid duration "soon"`},
		"not a number":      {"proxy:\n  shards: many\n", ":2:11: "},
		"too large":         {"proxy:\n  media:\n    port_min: 70000\n", ":3:15: "},
		"not YAML":          {"node: [a\n", ":1:"},
		"twice":             {"node: a\nnode: b\n", ":2:1: "},
		"two documents":     {"# first\n---\nnode: a\n---\nnode: b\n", ":4:1: a second document"},
		"a list, not keys":  {"- node\n", ":1:"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "node.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file)
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("error %v", err)
			}
			if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, file+c.want) {
				t.Errorf("%q, want %q in one line", text, file+c.want)
			}
		})
	}
}

func TestLoadAddresses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	text := "proxy:\n  listen: '[::1]:5062' # quoted, or it is a list\n  edges: [127.0.0.1:5060, \"127.0.0.1:5061\"]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Proxy; p.Listen.String() != "[::1]:5062" || len(p.Edges) != 2 || p.Edges[1].String() != "127.0.0.1:5061" {
		t.Errorf("%+v", p)
	}
}

func TestLoadNothing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, ErrConfig) {
		t.Errorf("error %v", err)
	}
}

// TestInterimRecords: running calls have records as often as somebody wants
// them, and none when nobody does.
func TestInterimRecords(t *testing.T) {
	every := func(d ...time.Duration) (list []exports.Config) {
		for _, d := range d {
			list = append(list, exports.Config{Interim: true, Every: d})
		}
		return append(list, exports.Config{Every: time.Second})
	}
	for _, c := range []struct {
		proxy ProxyConfig
		list  []exports.Config
		want  int
	}{
		{ProxyConfig{}, every(), 0},
		{ProxyConfig{}, every(15*time.Minute, 5*time.Minute), 5},
		{ProxyConfig{}, every(10 * time.Second), 1},
		{ProxyConfig{Interim: 5 * time.Second}, every(time.Minute), 12},
		{ProxyConfig{InterimRecords: 2 * time.Minute}, every(5 * time.Minute), 2},
		{ProxyConfig{InterimRecords: 2 * time.Minute}, nil, 2},
	} {
		if got := c.proxy.interims(c.list); got != c.want {
			t.Errorf("%+v with %d exports: every %d notes, want %d", c.proxy, len(c.list), got, c.want)
		}
	}
	if err := (ProxyConfig{InterimRecords: time.Second}).check(); err == nil || !strings.Contains(err.Error(), "interim_records") {
		t.Errorf("more often than they are noted: %v", err)
	}
}

// TestRelayLimits: settings that would be taken for the default, or refuse every
// call, are refused at the start.
func TestRelayLimits(t *testing.T) {
	for want, change := range map[string]func(*MediaNodeConfig){
		"":                               func(*MediaNodeConfig) {},
		"limits: cpu: 80 is no share":    func(c *MediaNodeConfig) { c.Limits.CPU = 80 },
		"limits: cpu: -1 is no share":    func(c *MediaNodeConfig) { c.Limits.CPU = -1 },
		"limits: per_source is negative": func(c *MediaNodeConfig) { c.Limits.PerSource = -1 },
		"sessions is negative":           func(c *MediaNodeConfig) { c.Sessions = -1 },
		"media: timeout is negative":     func(c *MediaNodeConfig) { c.Timeout = -5 * time.Second },
		"offload: lease is negative":     func(c *MediaNodeConfig) { c.Offload.Lease = -1 },
		"loops: 1000 is out of range":    func(c *MediaNodeConfig) { c.Loops = 1000 },
		"silence: 255 is out of range":   func(c *MediaNodeConfig) { c.Silence = 255 },
		"pauses: after":                  func(c *MediaNodeConfig) { c.Pauses.After = -time.Second },
		"pauses: noise is of no use":     func(c *MediaNodeConfig) { c.Pauses.Noise = []int{30} },
		"media: timeout: 1 is out":       func(c *MediaNodeConfig) { c.Timeout = 1 },
		"delete_delay":                   func(c *MediaNodeConfig) { c.DeleteDelay = 25 * time.Hour },
		"ports from 40000 to 30000":      func(c *MediaNodeConfig) { c.PortMin, c.PortMax = 40000, 30000 },
		"there twice":                    func(c *MediaNodeConfig) { c.Interfaces = append(c.Interfaces, "127.0.0.1") },
		"received at 224.0.0.1":          func(c *MediaNodeConfig) { c.Interfaces[0] = "224.0.0.1" },
		"which is no interface":          func(c *MediaNodeConfig) { c.Aliases = map[string]string{"x": "y"} },
		"dtmf_log":                       func(c *MediaNodeConfig) { c.DTMFLog = netip.MustParseAddrPort("127.0.0.1:0") },
		"recordings: dir is needed":      func(c *MediaNodeConfig) { c.Recordings.WAV = true },
		"%Q in the pattern":              func(c *MediaNodeConfig) { c.Recordings.Dir, c.Recordings.Pattern = "x", "%Q" },
		"missing port":                   func(c *MediaNodeConfig) { c.Recordings.Dir, c.Recordings.Forward = "x", "tcp://192.0.2.1" },
		"required needs interfaces":      func(c *MediaNodeConfig) { c.Offload.Required = true },
		"limits: not a number":           func(c *MediaNodeConfig) { c.Limits.Load = math.NaN() },
		"token is of no use":             func(c *MediaNodeConfig) { c.NG.Token = "x" },
		"certificates are of no use":     func(c *MediaNodeConfig) { c.NG.Certificates = []CertificateConfig{{}} },
		"prompts":                        func(c *MediaNodeConfig) { c.Prompts = "/no/such/directory" },
	} {
		c := MediaNodeConfig{DeleteDelay: -1} // which means none
		c.Interfaces, c.NG.UDP = []string{"127.0.0.1"}, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:2223")}
		change(&c)
		err := c.check()
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestProxyMeant: what a proxy could take but nobody can mean is refused.
func TestProxyMeant(t *testing.T) {
	at := netip.MustParseAddrPort
	for want, change := range map[string]func(*ProxyConfig){
		"":                          func(*ProxyConfig) {},
		"shards: 1000000":           func(c *ProxyConfig) { c.Shards = 1_000_000 },
		"interim: 1 ":               func(c *ProxyConfig) { c.Interim = 1 },
		"overload: rate: -1":        func(c *ProxyConfig) { c.Overload.Rate = -1 },
		"media: timeout":            func(c *ProxyConfig) { c.Media.Timeout = -1 },
		"media: recheck":            func(c *ProxyConfig) { c.Media.Recheck = -1 },
		"edges: number 1":           func(c *ProxyConfig) { c.Edges[0] = at("127.0.0.1:0") },
		`"md4" is no algorithm`:     func(c *ProxyConfig) { c.Digest = []string{"md4"} },
		"there twice":               func(c *ProxyConfig) { c.Media.Remote = append(c.Media.Remote, c.Media.Remote[0]) },
		"udp://192.0.2.1:1: weight": func(c *ProxyConfig) { c.Media.Remote[0].Weight = -1 },
	} {
		c := ProxyConfig{Listen: at("127.0.0.1:5070"), Edges: []netip.AddrPort{at("127.0.0.1:5062")}, Echo: at("127.0.0.1:5090")}
		c.Media.Addr, c.Media.Remote = netip.MustParseAddr("127.0.0.1"), []RemoteConfig{{URL: "udp://192.0.2.1:1"}}
		change(&c)
		err := c.check()
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	cfg := Config{Store: StoreConfig{Driver: "oracle", Lease: time.Second}, Proxy: ProxyConfig{Listen: at("127.0.0.1:5070")}, Log: "info"}
	if _, err := cfg.Check(); err == nil || !strings.Contains(err.Error(), `"oracle"`) {
		t.Errorf("%v", err)
	}
	cfg.Proxy, cfg.Store = ProxyConfig{Listen: at("127.0.0.1:5070"), Edges: []netip.AddrPort{at("127.0.0.1:5062")}}, StoreConfig{Data: "data"}
	if _, err := cfg.Check(); err == nil || !strings.Contains(err.Error(), "proxy: token is needed") {
		t.Errorf("%v", err)
	}
}
