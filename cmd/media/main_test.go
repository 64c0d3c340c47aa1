package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/class5-go/class5/cmd/internal/node"
)

// TestForeignOptions: what rtpengine is started with says the same here.
func TestForeignOptions(t *testing.T) {
	var out bytes.Buffer
	args := []string{
		"--foreground", "--table=-1", "-t", "-1", "--interface=pub/192.0.2.1!203.0.113.5;priv/10.0.0.1", "-i", "10.0.0.2", "-n", "127.0.0.1:2223", "--listen-http=2225",
		"--port-min=20000", "-M", "30000", "--timeout", "60", "--delete-delay=0", "--offer-timeout=90", "--max-sessions=500", "--jitter-buffer=5",
		"--endpoint-learning=delayed", "--redis", "127.0.0.1:6379/1", "--log-level=7", "--silence-detect=1", "--dtx-delay=10", "--dtx-cn-params=30,127", "-c", "12345", "-u", "2222",
	}
	if !foreign(args) || foreign([]string{"-config", "x.yaml"}) || foreign(nil) {
		t.Fatal("options taken for the wrong kind")
	}
	file, err := translate(args, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	cfg, err := node.Load(file)
	if err != nil {
		b, _ := os.ReadFile(file)
		t.Fatalf("%v\n%s", err, b)
	}
	m := cfg.Media
	if got := strings.Join(m.Interfaces, " "); got != "pub/192.0.2.1!203.0.113.5 priv/10.0.0.1 10.0.0.2" {
		t.Errorf("interfaces %q", got)
	}
	if m.PortMin != 20000 || m.PortMax != 30000 || m.Timeout.Seconds() != 60 || m.OfferTimeout.Seconds() != 90 || m.Sessions != 500 || m.JitterBuffer.Milliseconds() != 100 || m.Learning != "delayed" {
		t.Errorf("%+v", m)
	}
	if m.Silence != 40 || m.Pauses.After.Milliseconds() != 10 || len(m.Pauses.Noise) != 2 || m.Pauses.Noise[0] != 30 {
		t.Errorf("silence %d, pauses %+v", m.Silence, m.Pauses)
	}
	if len(m.NG.UDP) != 1 || m.NG.UDP[0].String() != "127.0.0.1:2223" || len(m.NG.HTTP) != 1 || m.NG.HTTP[0].String() != "127.0.0.1:2225" {
		t.Errorf("%+v", m.NG)
	}
	if cfg.Admin != "127.0.0.1:12345" {
		t.Errorf("admin %v", cfg.Admin)
	}
	if m.DeleteDelay >= 0 {
		t.Errorf("delete delay %v for none", m.DeleteDelay)
	}
	if cfg.Log != "debug" || !strings.Contains(out.String(), "redis") {
		t.Errorf("log %q, said %q", cfg.Log, out.String())
	}
	if nodes, err := cfg.Check(); err != nil || len(nodes) != 1 || nodes[0] != "media" {
		t.Errorf("%v, %v", nodes, err)
	}
	for _, bad := range [][]string{{"--interface"}, {"--listen-ng=1"}, {"--interface=127.0.0.1", "--port-min=x"}, {"--interface=127.0.0.1", "--make-coffee"},
		{"--interface=127.0.0.1", "--silence-detect=101"}, {"--interface=127.0.0.1", "--dtx-delay=10", "--dtx-cn-params=x"}} {
		if file, err := translate(bad, &out); err == nil {
			os.Remove(file)
			t.Errorf("%q taken", bad)
		}
	}
}
