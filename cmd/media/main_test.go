package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/class5-go/class5/cmd/internal/node"
)

// TestForeignOptions: what rtpengine is started with says the same here.
func TestForeignOptions(t *testing.T) {
	var out bytes.Buffer
	args := []string{
		"--foreground", "--table=-1", "-t", "-1", "--interface=pub/192.0.2.1!203.0.113.5;priv/10.0.0.1", "-i", "10.0.0.2", "-n", "127.0.0.1:2223", "--listen-http=2225",
		"--port-min=20000", "-M", "30000", "--timeout", "60", "--delete-delay=0", "--offer-timeout=90", "--max-sessions=500", "--jitter-buffer=5", "--max-cpu=80", "--max-load", "3.5", "--max-bandwidth=1000000", "--recording-dir=rec", "--recording-method=pcap", "--dtmf-log-dest=127.0.0.1:9999", "--homer=127.0.0.1:9060", "--homer-protocol=udp", "-p", "pid", "-E",
		"--endpoint-learning=delayed", "--redis", "p@ss@127.0.0.1:6379/1", "--redis-write=127.0.0.1:6380/1", "--log-level=7", "--silence-detect=1", "--dtx-delay=10", "--dtx-cn-params=30,127", "-c", "12345", "--tos=96", "-u", "2222",
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
	if m.PortMin != 20000 || m.PortMax != 30000 || m.Timeout.Seconds() != 60 || m.OfferTimeout.Seconds() != 90 || m.Sessions != 500 || m.JitterBuffer.Milliseconds() != 100 || m.TOS != 96 || m.Learning != "delayed" {
		t.Errorf("%+v", m)
	}
	if m.Silence != 40 || m.Pauses.After.Milliseconds() != 10 || len(m.Pauses.Noise) != 2 || m.Pauses.Noise[0] != 30 {
		t.Errorf("silence %d, pauses %+v", m.Silence, m.Pauses)
	}
	if len(m.NG.UDP) != 1 || m.NG.UDP[0].String() != "127.0.0.1:2223" || len(m.NG.HTTP) != 1 || m.NG.HTTP[0].String() != "127.0.0.1:2225" {
		t.Errorf("%+v", m.NG)
	}
	if m.State != "redis://:p%40ss@127.0.0.1:6379/1" || !strings.HasSuffix(m.StateName, "pub/192.0.2.1!203.0.113.5 priv/10.0.0.1 10.0.0.2") {
		t.Errorf("state %q of %q", m.State, m.StateName)
	}
	if cfg.Admin != "127.0.0.1:12345" {
		t.Errorf("admin %v", cfg.Admin)
	}
	if m.Limits.CPU != 0.8 || m.Limits.Load != 3.5 || m.Limits.Bandwidth != 1_000_000 || m.Recordings.Dir != "rec" || !m.Recordings.PCAP || m.DTMFLog.Port() != 9999 {
		t.Errorf("%+v %+v %v", m.Limits, m.Recordings, m.DTMFLog)
	}
	if m.AllowLoopback {
		t.Error("media may go to this very host")
	}
	if m.DeleteDelay >= 0 {
		t.Errorf("delete delay %v for none", m.DeleteDelay)
	}
	if cfg.Log != "debug" || !strings.Contains(out.String(), "redis-write") || strings.Contains(out.String(), "p@ss") {
		t.Errorf("log %q, said %q", cfg.Log, out.String())
	}
	if nodes, err := cfg.Check(); err != nil || len(nodes) != 1 || nodes[0] != "media" {
		t.Errorf("%v, %v", nodes, err)
	}
	for _, bad := range [][]string{{"--interface"}, {"--listen-ng=1"}, {"--interface=127.0.0.1", "--port-min=x"}, {"--interface=127.0.0.1", "--make-coffee"}, {"--interface=127.0.0.1", "--max-cpu=much"},
		{"--interface=127.0.0.1", "--silence-detect=101"}, {"--interface=127.0.0.1", "--dtx-delay=10", "--dtx-cn-params=x"}, {"--interface=any"}, {"--interface=127.0.0.1", "--redis=localhost"}, {"--interface=127.0.0.1", "-r", "127.0.0.1:6379"}, {"interface"}, {"--config-file=/nowhere/rtpengine.conf"}} {
		if file, err := translate(bad, &out); err == nil {
			os.Remove(file)
			t.Errorf("%q taken", bad)
		}
	}
}

// TestForeignFile: rtpengine's own configuration file is read; the command line
// goes before it.
func TestForeignFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rtpengine.conf")
	if err := os.WriteFile(name, []byte("[other]\ninterface = 192.0.2.9\n[rtpengine]\n# a remark\ntable = 0\ninterface = a/127.0.0.1; b/127.0.0.2\nlisten-ng = localhost:2223\ntimeout = 60\nhttps-cert = /none\nport-min = 30000\nrecording-method = proc\nno-fallback = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	file, err := translate([]string{"--config-file", name, "-o", "90"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file)
	cfg, err := node.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	m := cfg.Media
	if got := strings.Join(m.Interfaces, " "); got != "a/127.0.0.1 b/127.0.0.2" || m.Timeout != 90*time.Second || m.PortMin != 30000 || m.NG.UDP[0].String() != "127.0.0.1:2223" || !m.AllowLoopback {
		t.Errorf("%s %+v", got, m)
	}
	if got := out.String(); got != "media: without meaning here: table, recording-method proc, https-cert\n" {
		t.Errorf("said %q", got)
	}
	if err := os.WriteFile(name, []byte("[rtpengine]\nmake-coffee = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := translate([]string{"--config-file=" + name}, &out); err == nil || !strings.Contains(err.Error(), "line 2: option make-coffee") {
		t.Errorf("%v", err)
	}
}
