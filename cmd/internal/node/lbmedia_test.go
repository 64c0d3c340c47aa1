package node

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestLBMediaConfig: what an operator may write, and the line that says what is
// wrong.
func TestLBMediaConfig(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "edge.key")
	if err := os.WriteFile(key, []byte("1 0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, media, want string }{
		{"off", "{}", ""},
		{"on", "{anchor: lb, relays: [{url: 'udp://192.0.2.1:2223', weight: 2}, {url: 'wss://192.0.2.2:2225', token: t}], interfaces: {outside: pub, inside: priv}, timeout: 300ms}", ""},
		{"no interfaces", "{anchor: lb, relays: [{url: 'udp://192.0.2.1:2223'}]}", ""},
		{"anchored elsewhere", "{anchor: proxy}", `anchor: "proxy"`},
		{"no relays", "{anchor: lb}", "0 relays"},
		{"relays for nothing", "{relays: [{url: 'udp://192.0.2.1:2223'}]}", "without anchor"},
		{"one interface", "{anchor: lb, relays: [{url: 'udp://192.0.2.1:2223'}], interfaces: {outside: pub}}", "interfaces"},
		{"no port", "{anchor: lb, relays: [{url: 'udp://192.0.2.1'}]}", "udp://192.0.2.1"},
		{"no such transport", "{anchor: lb, relays: [{url: 'sctp://192.0.2.1:1'}]}", "no such transport"},
		{"slower than the edge waits", "{anchor: lb, relays: [{url: 'udp://192.0.2.1:2223'}], timeout: 5s}", "timeout"},
		{"unknown key", "{anchor: lb, relay: []}", "relay"},
	} {
		file := filepath.Join(dir, "lb.yaml")
		text := "admin: 127.0.0.1:9190\nkeys: " + key + "\nlb:\n  listeners: [{protocol: udp, addr: '127.0.0.1:5060'}]\n  internal: 127.0.0.1:5070\n  proxies: ['127.0.0.1:5080']\n  media: " + c.media + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(file)
		if err == nil {
			_, err = cfg.Check()
		}
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestLBMediaShown: the relays of an edge in its metrics and on its admin
// listener; without any, the question is refused.
func TestLBMediaShown(t *testing.T) {
	l := &LB{}
	if _, err := l.listMedia(httptest.NewRequest("GET", "/lb/media", nil)); err == nil {
		t.Error("there are none to list")
	}
	l.cfg.Secret = secretOf(t)
	l.cfg.Media = LBMediaConfig{Anchor: "lb", Relays: []RemoteConfig{{URL: "udp://192.0.2.1:2223"}, {URL: "tcp://192.0.2.2:2223", Weight: -1}}}
	if err := l.makeAnchor(); err != nil {
		t.Fatal(err)
	}
	defer l.anchor.Close()
	v, err := l.listMedia(nil)
	rows := v.([]mediaRow)
	if err != nil || len(rows) != 2 || rows[0] != (mediaRow{Number: 1, URL: "udp://192.0.2.1:2223", State: "up", Weight: 1}) || rows[1].State != "draining" {
		t.Errorf("%+v %v", rows, err)
	}
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(snapshot(l.mediaMetrics))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]int{}
	for _, f := range families {
		series[f.GetName()] = len(f.Metric)
	}
	if series["class5_edge_media_commands_total"] != 2*4*4 || series["class5_edge_media_relay_up"] != 2 || series["class5_edge_media_refused_total"] != 3 {
		t.Errorf("%v", series)
	}
}

func secretOf(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
