package node

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/sip/relay"
	"github.com/class5-go/class5/sip/token"
	"github.com/class5-go/class5/sip/transport"
)

// TestReload: what can be changed is, what can't is named, and a configuration
// with any fault in it changes nothing at all.
func TestReload(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(keys, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const first, second = "1 0123456789abcdef", "2 fedcba9876543210"
	write(first)
	a, b := netip.MustParseAddrPort("127.0.0.1:5071"), netip.MustParseAddrPort("127.0.0.1:5072")
	cfg := Config{Keys: keys, LB: LBConfig{
		Listeners: []ListenerConfig{{Protocol: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
		Internal:  netip.MustParseAddrPort("127.0.0.1:0"), Proxies: []ProxyTarget{{Addr: a}},
	}}
	var log bytes.Buffer
	env := Env{Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: prometheus.NewRegistry(), Now: time.Now}
	if err := cfg.KeyRing(&env); err != nil {
		t.Fatal(err)
	}
	l, err := NewLB(context.Background(), cfg.LB, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	signed := func() string { return string(env.Keys.Sign(nil, token.Edge, []byte("x"))) }
	targets := func() (list []string) {
		for _, s := range l.pool.List() {
			if !s.Leaving {
				list = append(list, s.Addr.String())
			}
		}
		return list
	}
	before := signed()

	write(second + "\n" + first)
	for name, spoil := range map[string]func(c *Config){
		"keys":    func(c *Config) { c.Keys = keys + ".none" },
		"proxies": func(c *Config) { c.LB.Proxies = []ProxyTarget{{Addr: b}, {Addr: b}} },
		"rates":   func(c *Config) { c.LB.Guard.Sanity = map[string]string{"no such check": "drop"} },
		"numbers": func(c *Config) { c.LB.Emergency = []string{"112", "police"} },
		"tables":  func(c *Config) { c.LB.Guard.Tables.Sources = 1 << 10 },
	} {
		bad := cfg
		bad.LB.Proxies = []ProxyTarget{{Addr: b}}
		spoil(&bad)
		if err := l.Reload(context.Background(), &bad); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
		if signed() != before || strings.Join(targets(), " ") != a.String() {
			t.Errorf("%s: changed, targets %v", name, targets())
		}
	}
	good := cfg
	good.LB.Proxies, good.LB.DSCP = []ProxyTarget{{Addr: b}}, 24
	good.LB.Guard.Off = true
	good.LB.Message, good.LB.Connections.Total = MessageConfig{Size: 200}, 7 // need none
	good.LB.Emergency = []string{"112"}
	if err := l.Reload(context.Background(), &good); err != nil {
		t.Fatal(err)
	}
	if signed() == before || strings.Join(targets(), " ") != b.String() {
		t.Errorf("not changed, targets %v", targets())
	}
	msg := "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n" +
		"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nUser-Agent: " + strings.Repeat("x", 100) + "\r\nContent-Length: 0\r\n\r\n"
	o := l.relay.Handle(new(relay.Scratch), transport.Packet{
		Data: []byte(msg), Flow: transport.Flow{Protocol: transport.UDP, Listener: 1, Remote: a},
	}, nil)
	if o.Cause != relay.Malformed || o.Status != 513 {
		t.Errorf("a message above the new limit: %v with %d", o.Cause, o.Status)
	}
	if got := log.String(); !strings.Contains(got, `setting="lb: dscp"`) || !strings.Contains(got, `setting="lb: guard"`) || strings.Count(got, "restart") != 2 {
		t.Errorf("log %s", got)
	}
}
