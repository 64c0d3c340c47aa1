package node

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestRedisRefused: what somebody has to mend is told from what may be over soon.
func TestRedisRefused(t *testing.T) {
	for reply, why := range map[string]string{
		"-WRONGPASS invalid username-password pair\r\n": "password",
		"-NOAUTH Authentication required.\r\n":          "password",
		"-NOPERM this user has no permissions\r\n":      "password",
		"-LOADING Redis is loading the dataset\r\n":     "",
		"": "", // it hangs up
	} {
		if err := refusal(t.Context(), answering(t, "redis", reply)); (err != nil) != (why != "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", reply, err)
		}
	}
	if err := refusal(t.Context(), answering(t, "rediss", "-ERR what is this\r\n")); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("no TLS: %v", err)
	}
}

// answering is the client of a server that says the same to everything.
func answering(t *testing.T, scheme, reply string) *redis.Client {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			for {
				if _, err := c.Read(buf); err != nil || reply == "" {
					break
				}
				if _, err := c.Write([]byte(reply)); err != nil {
					break
				}
			}
			_ = c.Close()
		}
	}()
	o, err := redisOptions("state", scheme+"://u:pw@"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	patient(o).MaxRetries, o.DialTimeout = -1, time.Second
	client := redis.NewClient(o)
	t.Cleanup(func() { _, _ = client.Close(), l.Close(); <-done })
	return client
}
