package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
