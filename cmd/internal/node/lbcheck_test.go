package node

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestLBMeant: what could be taken but not be meant is refused before anything
// is bound, so that `class5ctl check` tells of it too.
func TestLBMeant(t *testing.T) {
	at := netip.MustParseAddrPort
	base := func() LBConfig {
		return LBConfig{
			Internal: at("127.0.0.1:5062"), Hosts: []string{"edge.test"},
			Proxies:   []ProxyTarget{{Addr: at("127.0.0.1:5070")}},
			Listeners: []ListenerConfig{{Protocol: "udp", Addr: at("127.0.0.1:5060")}, {Protocol: "tls", Addr: at("127.0.0.1:5061")}},
		}
	}
	if err := base().check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*LBConfig){
		"readers: -1":                   func(c *LBConfig) { c.Readers = -1 },
		"message: size: -1":             func(c *LBConfig) { c.Message.Size = -1 },
		"message: size: 10000000":       func(c *LBConfig) { c.Message.Size = 10_000_000 }, // no transport carries it
		"message: headers: 1000":        func(c *LBConfig) { c.Message.Count = 1000 },
		"connections: total: -1":        func(c *LBConfig) { c.Connections.Total = -1 },
		"connections: partial_timeout":  func(c *LBConfig) { c.Connections.Partial = -time.Second },
		"resend: entries: 2000000000":   func(c *LBConfig) { c.Resend.Entries = 2_000_000_000 },
		"health: interval: 1 ":          func(c *LBConfig) { c.Health.Interval = 1 },
		"health: misses: -3":            func(c *LBConfig) { c.Health.Misses = -3 },
		"tap: sample":                   func(c *LBConfig) { c.Tap.Sample = -1 },
		"tap: file_size: 10 ":           func(c *LBConfig) { c.Tap.FileSize = 10 },
		"tap: key":                      func(c *LBConfig) { c.Tap.Key = "x" },
		"siblings":                      func(c *LBConfig) { c.Siblings = []netip.AddrPort{c.Internal} },
		"internal_ca":                   func(c *LBConfig) { c.InternalCA = "ca" },
		"client_ca":                     func(c *LBConfig) { c.ClientCA = "ca" },
		"there twice":                   func(c *LBConfig) { c.Proxies = append(c.Proxies, c.Proxies[0]) },
		"224.0.0.1:5070 can't":          func(c *LBConfig) { c.Proxies[0].Addr = at("224.0.0.1:5070") },
		"[::1]:5070 can't":              func(c *LBConfig) { c.Proxies[0].Addr = at("[::1]:5070") },
		`hosts: "a b"`:                  func(c *LBConfig) { c.Hosts = []string{"a b"} },
		`host "a;b"`:                    func(c *LBConfig) { c.Listeners[0].Host = "a;b" },
		"name is that of another":       func(c *LBConfig) { c.Listeners[0].Name, c.Listeners[1].Name = "a", "a" },
		"client_certificate needs":      func(c *LBConfig) { c.Listeners[0].ClientCert = "require" },
		"origins need":                  func(c *LBConfig) { c.Listeners[0].Origins = []string{"https://a"} },
		"ping needs":                    func(c *LBConfig) { c.Listeners[0].Ping = time.Second },
		"nobody can answer":             func(c *LBConfig) { c.Listeners[0].Advertised = at("192.0.2.1:0") },
		"5061: a certificate is needed": func(c *LBConfig) { c.Hosts = nil },
	} {
		c := base()
		spoil(&c)
		if err := c.check(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v", want, err)
		}
	}
	for _, name := range []string{"edge", "a-1.example.com", "192.0.2.1", "[2001:db8::1]"} {
		c := base()
		c.Hosts, c.Listeners[0].Host = []string{name}, name
		if err := c.check(); err != nil {
			t.Error(err)
		}
	}
}

// TestLatencyOfBothSides: requests and responses that take turns are both in the sample.
func TestLatencyOfBothSides(t *testing.T) {
	var seen [2]int
	l := newLatency()
	for i := range 64 * sampledOneIn {
		if l.due(i % 2) {
			seen[i%2]++
		}
	}
	if seen != [2]int{32, 32} {
		t.Errorf("%d of outside, %d of inside", seen[0], seen[1])
	}
}
