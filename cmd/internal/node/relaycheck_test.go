package node

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMediaImpossible: what a media node could not be given is told before
// anything is bound or made.
func TestMediaImpossible(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(list ...string) (addrs []netip.AddrPort) {
		for _, a := range list {
			addrs = append(addrs, netip.MustParseAddrPort(a))
		}
		return addrs
	}
	for name, x := range map[string]struct {
		change func(*MediaNodeConfig)
		why    string // empty: it can be
	}{
		"as it is":                 {func(*MediaNodeConfig) {}, ""},
		"other protocols":          {func(c *MediaNodeConfig) { c.NG.TCP = at("127.0.0.1:2223") }, ""},
		"other addresses":          {func(c *MediaNodeConfig) { c.NG.TCP, c.NG.HTTP = at("127.0.0.1:2223"), at("127.0.0.2:2223") }, ""},
		"other ports":              {func(c *MediaNodeConfig) { c.NG.TCP, c.NG.HTTP = at("127.0.0.1:2223"), at("127.0.0.1:2224") }, ""},
		"any ports":                {func(c *MediaNodeConfig) { c.NG.TCP, c.NG.HTTP = at("127.0.0.1:0"), at("127.0.0.1:0") }, ""},
		"one port":                 {func(c *MediaNodeConfig) { c.NG.TCP, c.NG.HTTP = at("127.0.0.1:2223"), at("127.0.0.1:2223") }, "tcp 127.0.0.1:2223 and http 127.0.0.1:2223"},
		"one port of all":          {func(c *MediaNodeConfig) { c.NG.TCP, c.NG.HTTP = at("127.0.0.1:2223"), at("[::]:2223") }, "tcp 127.0.0.1:2223 and http [::]:2223"},
		"twice":                    {func(c *MediaNodeConfig) { c.NG.UDP = at("127.0.0.1:2223", "127.0.0.1:2223") }, "udp 127.0.0.1:2223 and udp"},
		"upgrade, to be made":      {func(c *MediaNodeConfig) { c.Upgrade = filepath.Join(dir, "run", "socket") }, ""},
		"upgrade in a file":        {func(c *MediaNodeConfig) { c.Upgrade = filepath.Join(file, "socket") }, "upgrade: " + file + " is no directory"},
		"upgrade, deeper":          {func(c *MediaNodeConfig) { c.Upgrade = filepath.Join(file, "more", "socket") }, "is no directory"},
		"upgrade over a file":      {func(c *MediaNodeConfig) { c.Upgrade = file }, "is no socket"},
		"upgrade over a directory": {func(c *MediaNodeConfig) { c.Upgrade = dir }, "is no socket"},
		"upgrade, long":            {func(c *MediaNodeConfig) { c.Upgrade = "/" + strings.Repeat("x", 107) }, "107 octets"},
		"recordings, to be made":   {func(c *MediaNodeConfig) { c.Recordings.Dir = filepath.Join(dir, "a", "b") }, ""},
		"recordings in a file":     {func(c *MediaNodeConfig) { c.Recordings.Dir = filepath.Join(file, "b") }, "recordings: dir: " + file},
		"recordings to a file":     {func(c *MediaNodeConfig) { c.Recordings.Dir = file }, "recordings: dir: " + file},
		"states in a file":         {func(c *MediaNodeConfig) { c.State = filepath.Join(file, "b") }, "state: " + file},
		"states, to be made":       {func(c *MediaNodeConfig) { c.State = filepath.Join(dir, "b") }, ""},
		"states in Redis":          {func(c *MediaNodeConfig) { c.State = "redis://127.0.0.1" }, ""},
	} {
		c := Config{Admin: "127.0.0.1:1", Log: "info"}
		c.Media.Interfaces, c.Media.NG.UDP = []string{"x/127.0.0.1"}, at("127.0.0.1:2223")
		x.change(&c.Media)
		switch _, err := c.Check(); {
		case x.why == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case x.why != "" && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), x.why)):
			t.Errorf("%s: %v, want %s", name, err, x.why)
		}
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 1 {
		t.Errorf("made %v, %v", made, err)
	}
}
