package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/class5-go/class5/sip/token"
)

func TestKeyFile(t *testing.T) {
	const first, second = "0123456789abcdef0123", "fedcba98765432100123"
	for _, c := range []struct {
		name, text, want string
		ids              []uint8
	}{
		{name: "one secret", text: first + "\n", ids: []uint8{1}},
		{name: "two keys", text: "# active first\n3 " + first + "\n\n2\t" + second + "\n", ids: []uint8{3, 2}},
		{name: "number too high", text: "16 " + first, want: ":1: the number"},
		{name: "no number", text: "1 " + first + "\n" + second, want: ":2: want a number"},
		{name: "only comments", text: "# 0123456789abcdef", want: "holds no key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := KeyFile(name)
			if c.want != "" {
				if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one with %q", err, c.want)
				}
				return
			}
			if err != nil || len(keys) != len(c.ids) {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			for i, id := range c.ids {
				if keys[i].ID != id {
					t.Errorf("key %d has number %d, want %d", i, keys[i].ID, id)
				}
			}
		})
	}
}

// Keys change in three steps: accepted everywhere, active everywhere, the old
// one removed. What the old key sealed opens until the last.
func TestKeysRotate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, env := Config{Keys: name}, Env{}
	write("1 0123456789abcdef")
	if err := cfg.KeyRing(&env); err != nil {
		t.Fatal(err)
	}
	old := env.Keys.Sign(nil, token.Edge, []byte("x"))
	write("2 fedcba9876543210\n1 0123456789abcdef")
	if err := cfg.reloadKeys(env.Keys); err != nil {
		t.Fatal(err)
	}
	if err := env.Keys.Verify(old, token.Edge, []byte("x")); err != nil {
		t.Errorf("the old key's signature: %v", err)
	}
	write("2 short")
	if err := cfg.reloadKeys(env.Keys); !errors.Is(err, ErrConfig) {
		t.Errorf("a bad file: %v", err)
	}
	if err := env.Keys.Verify(old, token.Edge, []byte("x")); err != nil {
		t.Errorf("after the bad file: %v", err)
	}
	write("2 fedcba9876543210")
	if err := cfg.reloadKeys(env.Keys); err != nil {
		t.Fatal(err)
	}
	if err := env.Keys.Verify(old, token.Edge, []byte("x")); !errors.Is(err, token.ErrKey) {
		t.Errorf("a retired key's signature: %v", err)
	}
}
