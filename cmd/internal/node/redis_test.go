package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRedisOptions(t *testing.T) {
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("sixteen-characters-of-it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte("sixteen-characters-of-it\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	short, empty := filepath.Join(dir, "short"), filepath.Join(dir, "empty")
	for name, text := range map[string]string{short: "six\n", empty: "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for s, want := range map[string]struct {
		addr, user, password string
		db                   int
		tls                  bool
	}{
		"127.0.0.1:6379":                      {addr: "127.0.0.1:6379"},
		"/run/redis.sock":                     {addr: "/run/redis.sock"},
		"redis://h:1/2":                       {addr: "h:1", db: 2},
		"redis://u:pw@h":                      {addr: "h:6379", user: "u", password: "pw"},
		"unix://u:pw@/run/s?db=3":             {addr: "/run/s", user: "u", password: "pw", db: 3},
		"redis://h?password_file=" + short:    {addr: "h:6379", password: "six"},
		"redis://h?password_file=" + password: {addr: "h:6379", password: "sixteen-characters-of-it"},
		"rediss://u@h:9/1?server_name=redis.example&password_file=" + password: {addr: "h:9", user: "u", password: "sixteen-characters-of-it", db: 1, tls: true},
	} {
		o, err := redisOptions("x", s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if o.Addr != want.addr || o.Username != want.user || o.Password != want.password || o.DB != want.db || (o.TLSConfig != nil) != want.tls {
			t.Errorf("%s: %+v", s, o)
		}
		if want.tls && (o.TLSConfig.ServerName != "redis.example" || o.TLSConfig.InsecureSkipVerify) {
			t.Errorf("%+v", o.TLSConfig)
		}
	}
	for s, why := range map[string]string{
		"http://u:geheim@h":                 "no URL",
		"redis://u:geheim@h:x":              "no URL",
		"redis://u:geheim@h/x":              "database",
		"redis://u:geheim@h?what=1":         "what",
		"redis://u:geheim@h?ca=x":           "rediss",
		"rediss://u:geheim@h?ca=/nowhere":   "ca",
		"rediss://u:geheim@h?cert=/nowhere": "cert",
		"redis://h?password_file=" + open:   "others",
		"redis://h?password_file=" + empty:  "empty",
		"redis://h?password_file=/nowhere":  "password_file",
		"redis://u:geheim@h\x7f/":           "no URL",
	} {
		o, err := redisOptions("media: state", s)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "media: state") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, %v", s, o, err)
		}
	}
}
