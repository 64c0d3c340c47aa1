package node

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/class5-go/class5/sip/guard/xdp"
)

// TestReadyWhenAnswered: an edge is ready when a proxy has answered it, unless
// it asks none.
func TestReadyWhenAnswered(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := netip.MustParseAddrPort("127.0.0.1:5071")
	for name, off := range map[string]bool{"asks": false, "does not ask": true} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Keys: keys, LB: LBConfig{
				Listeners: []ListenerConfig{{Protocol: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
				Internal:  netip.MustParseAddrPort("127.0.0.1:0"), Proxies: []ProxyTarget{{Addr: proxy}}, Health: HealthConfig{Off: off},
			}}
			env := Env{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}
			if err := cfg.KeyRing(&env); err != nil {
				t.Fatal(err)
			}
			l, err := NewLB(t.Context(), cfg.LB, env, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close() //nolint:errcheck // nothing was served
			check := l.Checks()["proxies"]
			if err := check(t.Context()); (err == nil) != off {
				t.Errorf("before any answer: %v", err)
			}
			l.pool.Result(time.Now(), proxy, true)
			if err := check(t.Context()); err != nil {
				t.Errorf("after an answer: %v", err)
			}
			for range 3 {
				l.pool.Result(time.Now(), proxy, false)
			}
			if err := check(t.Context()); err == nil {
				t.Error("with its only proxy down it is ready")
			}
		})
	}
}

// TestShared: lbs that share their listeners have an internal address each,
// unless nothing comes to it that is for one of them alone.
func TestShared(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, bytes.Repeat([]byte("k"), 32), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(c LBConfig) (*LB, error) {
		cfg := Config{Keys: keys, LB: c}
		env := Env{Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now}
		if err := cfg.KeyRing(&env); err != nil {
			t.Fatal(err)
		}
		l, err := NewLB(t.Context(), cfg.LB, env, nil)
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
		return l, err
	}
	any4 := netip.MustParseAddrPort("127.0.0.1:0")
	for _, off := range []bool{false, true} {
		c := LBConfig{
			Listeners: []ListenerConfig{{Protocol: "udp", Addr: any4}}, Internal: any4, Share: true,
			Proxies: []ProxyTarget{{Addr: netip.MustParseAddrPort("127.0.0.1:5071")}}, Health: HealthConfig{Off: off},
		}
		first, err := open(c)
		if err != nil {
			t.Fatal(err)
		}
		c.Listeners = []ListenerConfig{{Protocol: "udp", Addr: first.Listeners()[1].Addr}}
		if _, err := open(c); err != nil {
			t.Errorf("another internal address: %v", err)
		}
		c.Internal = first.Internal()
		if _, err := open(c); (err == nil) != off || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("the same internal address, health off %v: %v", off, err)
		}
	}
}

// TestDropListTold: a drop list that stays behind is one line in the log, not one a second.
func TestDropListTold(t *testing.T) {
	var log bytes.Buffer
	l := &LB{env: Env{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	said := ""
	for _, err := range []error{nil, xdp.ErrFull, xdp.ErrFull, io.EOF, io.EOF, nil, nil} {
		l.tellBehind(&said, "eth0", err)
	}
	if n := bytes.Count(log.Bytes(), []byte("interface=eth0")); n != 3 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}
